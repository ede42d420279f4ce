import LinuxIO

/// Opens the catalog, and makes it anew from the segments when it is damaged.
struct CatalogOpening {
  struct Outcome {
    var catalog: any Catalog
    var content: CatalogContent
    var findings: [StorageFinding] = []
  }

  let layout: StoreLayout
  let kind: StoreKind
  let fileSystem: any FileSystem

  func run() throws(StorageError) -> Outcome {
    do throws(StorageError) {
      let isNew = try storing("opening the catalog") { () throws(SystemError) in
        try fileSystem.status(layout.catalog) == nil
      }
      let catalog = try SQLiteCatalog.open(layout.catalog, fileSystem)
      do throws(StorageError) {
        var outcome = Outcome(catalog: catalog, content: try catalog.load())
        if isNew { try rebuild(&outcome) } else { keepDeletes(outcome.content) }
        return outcome
      } catch {
        catalog.close()
        throw error
      }
    } catch {
      guard error.code == .corrupt else { throw error }
      return try replace(error)
    }
  }

  /// Makes the second record of deletes say what the catalog says: a crash can come in between.
  private func keepDeletes(_ content: CatalogContent) {
    let file = DeletesFile(layout: layout, fileSystem: fileSystem)
    let right = DeletesFile.Content(content)
    let found = try? file.read()
    // An earlier release point is as good: it was that of the last delete.
    let isRight = found?.tombstones == right.tombstones && found?.lastDelete == right.lastDelete
    guard !isRight, !right.tombstones.isEmpty || found != DeletesFile.Content() else { return }
    // Tried again at the next start.
    try? file.write(right)
  }

  /// Deletes that are known when the catalog is lost.
  private func readDeletes(_ findings: inout [StorageFinding]) throws(StorageError)
    -> DeletesFile.Content
  {
    do throws(StorageError) {
      return try DeletesFile(layout: layout, fileSystem: fileSystem).read()
    } catch {
      guard error.code == .corrupt else { throw error }
      findings.append(
        StorageFinding(
          .corrupt, path: layout.deletes, offset: error.offset ?? 0,
          error.message + "; deletes that were not carried out have to be asked for again"))
      try? SetAsideFolder(folder: layout.setAside, fileSystem: fileSystem).take(layout.deletes)
      return DeletesFile.Content()
    }
  }

  /// Sets a damaged catalog aside and makes another.
  private func replace(_ error: StorageError) throws(StorageError) -> Outcome {
    let setAside = SetAsideFolder(folder: layout.setAside, fileSystem: fileSystem)
    try storing("setting the damaged catalog aside") { () throws(SystemError) in
      let journal = layout.catalog + "-journal"
      if try fileSystem.status(journal) != nil { try setAside.take(journal) }
      try setAside.take(layout.catalog)
      try fileSystem.syncFolder(layout.folder)
    }
    let catalog = try SQLiteCatalog.open(layout.catalog, fileSystem)
    do throws(StorageError) {
      var outcome = Outcome(catalog: catalog, content: try catalog.load())
      outcome.findings.append(
        StorageFinding(
          .corrupt, path: layout.catalog, offset: error.offset ?? 0,
          error.message + "; it was made anew from the segments"))
      try rebuild(&outcome)
      return outcome
    } catch {
      catalog.close()
      throw error
    }
  }

  /// Fills an empty catalog from the directories of the segments that are there.
  ///
  /// The last segment of a flush carries the release point, and what replaces it; segments of a
  /// flush without it are left out, since their rows are in the log. Where no segment is left of
  /// rows that were deleted, the file of deletes has it.
  private func rebuild(_ outcome: inout Outcome) throws(StorageError) {
    let names = try storing("listing segments") { () throws(SystemError) in
      try fileSystem.list(layout.segments)
    }
    var found: [(record: SegmentRecord, releases: UInt64)] = []
    var replaced: Set<UInt64> = []
    for name in names.sorted() {
      guard let id = StoreLayout.number(of: name, suffix: StoreLayout.segmentSuffix) else {
        continue
      }
      let path = layout.segment(id)
      do throws(StorageError) {
        let reader = try SegmentReader(path: path, fileSystem: fileSystem, record: nil)
        guard reader.directory.id == id, reader.directory.kind == kind else { continue }
        let size = try storing("reading a segment") { () throws(SystemError) in
          try fileSystem.status(path)?.size ?? 0
        }
        found.append(
          (
            SegmentRecord(
              id: id, kind: kind, summary: reader.directory.summary, byteCount: Int(size),
              deletesThrough: reader.directory.lineage.deletesThrough),
            reader.directory.releasesThrough
          ))
        replaced.formUnion(reader.directory.lineage.replaces)
      } catch {
        guard error.code == .corrupt else { throw error }
        outcome.findings.append(
          StorageFinding(.corrupt, path: path, offset: error.offset ?? 0, error.message))
        try? SetAsideFolder(folder: layout.setAside, fileSystem: fileSystem).take(path)
      }
    }
    let deletes = try readDeletes(&outcome.findings)
    guard !found.isEmpty || deletes != DeletesFile.Content() else { return }
    let lastComplete = found.filter { $0.releases > 0 }.map(\.record.id).max() ?? 0
    var change = CatalogChange()
    change.added = found.filter {
      !replaced.contains($0.record.id)
        && ($0.record.id <= lastComplete || $0.releases > 0 || $0.record.summary.level > 0)
    }.map(\.record)
    change.tombstones = deletes.tombstones
    change.lastDelete = max(deletes.lastDelete, found.map(\.record.deletesThrough).max() ?? 0)
    change.releasedThrough = max(deletes.releasedThrough, found.map(\.releases).max() ?? 0)
    change.nextSegmentID = (found.map(\.record.id).max() ?? 0) + 1
    try outcome.catalog.commit(change)
    outcome.content = try outcome.catalog.load()
  }
}

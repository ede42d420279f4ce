import LinuxIO
import Synchronization
import TelemetryModel

/// What the opening of a store found and made.
struct OpenedStore<Head: StoreHead> {
  let configuration: StorageConfiguration
  let fileSystem: any FileSystem
  let clock: any WallClock
  let makeHead: @Sendable () -> Head
  let catalog: any Catalog
  let wal: WriteAheadLog
  let shelf: SegmentShelf
  let metrics: StorageMetrics
  let log: Log
  let head: Head
  let segments: [Segment]
  let tombstones: [Tombstone]
  let statistics: StorageStatistics
}

/// Brings a data folder, however it was left, to a state that can be worked with.
struct StoreOpening<Head: StoreHead> {
  let configuration: StorageConfiguration
  let layout: StoreLayout
  let fileSystem: any FileSystem
  let clock: any WallClock
  let makeHead: @Sendable () -> Head

  func run() throws(StorageError) -> OpenedStore<Head> {
    let log = Log("storage")
    let metrics = StorageMetrics(store: configuration.name)
    let damage = DamageReporter(store: configuration.name, metrics: metrics, log: log)
    try storing("opening \(layout.folder)") { () throws(SystemError) in
      for folder in [layout.wal, layout.segments] { try fileSystem.createFolder(folder) }
      try fileSystem.syncFolder(layout.folder)
    }
    var statistics = StorageStatistics()
    let opened = try CatalogOpening(
      layout: layout, kind: configuration.kind, fileSystem: fileSystem
    ).run()
    statistics.findings += opened.findings
    do throws(StorageError) {
      let content = opened.content
      let shelf = SegmentShelf(
        layout: layout, fileSystem: fileSystem, kind: configuration.kind, damage: damage,
        content: content)
      try sweep(content)
      var segments = try openSegments(content, shelf, opened.catalog, &statistics)
      let (log, head) = try openLog(
        content.releasedThrough, shelf, opened.catalog, &segments, &statistics)
      for finding in statistics.findings { damage.fileIsDamaged(finding) }
      statistics.quarantinedPageCount = content.quarantined.count { $0.page != nil }
      statistics.quarantinedSegmentCount += content.quarantined.count { $0.page == nil }
      return OpenedStore(
        configuration: configuration, fileSystem: fileSystem, clock: clock, makeHead: makeHead,
        catalog: opened.catalog, wal: log, shelf: shelf, metrics: metrics, log: Log("storage"),
        head: head, segments: segments, tombstones: content.tombstones, statistics: statistics)
    } catch {
      opened.catalog.close()
      throw error
    }
  }

  /// Removes segment files that are in no catalog: of a flush that did not come to its end,
  /// whose rows are in the log, or of what was dropped.
  private func sweep(_ content: CatalogContent) throws(StorageError) {
    let known = Set(content.segments.map { StoreLayout.segmentName($0.id) })
    let names = try storing("listing segments") { () throws(SystemError) in
      try fileSystem.list(layout.segments)
    }
    for name in names where !known.contains(name) {
      let isOurs =
        StoreLayout.number(of: name, suffix: StoreLayout.segmentSuffix) != nil
        || StoreLayout.number(of: name, suffix: StoreLayout.unfinishedSuffix) != nil
      if isOurs { try? fileSystem.remove("\(layout.segments)/\(name)") }
    }
  }

  private func openSegments(
    _ content: CatalogContent, _ shelf: SegmentShelf, _ catalog: any Catalog,
    _ statistics: inout StorageStatistics
  ) throws(StorageError) -> [Segment] {
    var segments: [Segment] = []
    var change = CatalogChange()
    for record in content.segments {
      var known: [Int: StorageError] = [:]
      for page in content.quarantined where page.segment == record.id {
        guard let number = page.page else { continue }
        known[number] = StorageError(.corrupt, page.reason, path: layout.segment(record.id))
      }
      do throws(StorageError) {
        let (segment, findings) = try shelf.open(record, known: known)
        segments.append(segment)
        statistics.findings += findings
      } catch {
        try setAside(record, error, &change, &statistics)
      }
    }
    // Noted again at the next start when this fails.
    if change != CatalogChange() { try? catalog.commit(change) }
    return segments.sorted(by: StorageEngine<Head>.isBefore)
  }

  /// Takes a whole segment out of use. Throws when the fault may be a passing one.
  private func setAside(
    _ record: SegmentRecord, _ error: StorageError, _ change: inout CatalogChange,
    _ statistics: inout StorageStatistics
  ) throws(StorageError) {
    let path = layout.segment(record.id)
    let isMissing = (try? fileSystem.status(path)) == .some(.none)
    guard error.code == .corrupt || isMissing else { throw error }
    statistics.findings.append(
      StorageFinding(
        isMissing ? .missing : .corrupt, path: path, offset: error.offset ?? 0, error.message))
    statistics.quarantinedSegmentCount += 1
    change.removed.append(record.id)
    change.quarantined.append(
      QuarantineRecord(segment: record.id, page: nil, reason: error.message))
    guard !isMissing else { return }
    try? SetAsideFolder(folder: layout.setAside, fileSystem: fileSystem).take(path)
  }

  /// Replays the log into a head; one that becomes too large goes into segments.
  private func openLog(
    _ releasedThrough: UInt64, _ shelf: SegmentShelf, _ catalog: any Catalog,
    _ segments: inout [Segment], _ statistics: inout StorageStatistics
  ) throws(StorageError) -> (log: WriteAheadLog, head: Head) {
    var unreadable: [StorageFinding] = []
    var head = makeHead()
    var released = releasedThrough
    // Without room on the disk the rows stay in memory, as they did before the store was ended.
    var canFlush = true
    let (log, recovery) = try WriteAheadLog.open(
      folder: layout.wal, setAsideFolder: layout.setAside, fileSystem: fileSystem,
      configuration: configuration.wal, releasedThrough: releasedThrough
    ) { record throws(StorageError) in
      do throws(StorageError) {
        try head.replay(record)
      } catch {
        unreadable.append(
          StorageFinding(
            .corrupt, path: layout.wal, offset: 0,
            "record \(record.sequence) cannot be read: \(error.message)"))
        keep(record)
      }
      guard canFlush, head.memoryByteCount >= configuration.headBytesFlush else { return }
      guard let written = try? shelf.write(head, releasesThrough: record.sequence) else {
        canFlush = false
        return
      }
      try catalog.commit(shelf.change(adding: written, releasedThrough: record.sequence))
      for record in written { segments.append(try shelf.open(record).segment) }
      released = record.sequence
      shelf.releasedThrough.withLock { $0 = record.sequence }
      head = makeHead()
    }
    segments.sort(by: StorageEngine<Head>.isBefore)
    statistics.findings += recovery.findings + unreadable
    if released > releasedThrough { log.release(through: released) }
    return (log, head)
  }

  /// Keeps the payload of a record that its store cannot read.
  private func keep(_ record: WALRecord) {
    SetAsideFolder(folder: layout.setAside, fileSystem: fileSystem)
      .keep(record.payload, named: "record-\(record.sequence)-kind-\(record.kind)")
  }
}

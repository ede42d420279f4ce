import Bytes
package import LinuxIO
import TelemetryModel

/// A store's folder looked at from outside: nothing in it is changed, and a server may use it.
package struct StoreFolder: Sendable {
  package let folder: String
  let layout: StoreLayout
  let fileSystem: any FileSystem

  /// Nil when the folder holds no store.
  package init?(_ folder: String, fileSystem: any FileSystem) {
    layout = StoreLayout(folder: folder)
    self.folder = layout.folder
    self.fileSystem = fileSystem
    guard (try? fileSystem.status(layout.segments)) ?? nil != nil else { return nil }
  }

  /// What was read, and what of it is bad.
  package struct Report: Hashable, Sendable {
    package var fileCount = 0
    package var byteCount: Int64 = 0
    package var pageCount = 0
    package var recordCount = 0
    /// Damage; torn ends of the log are none.
    package var damage: [StorageFinding] = []
    /// What is worth telling and is no damage.
    package var notes: [StorageFinding] = []
  }

  /// Reads every page of every file and checks it.
  ///
  /// Files that a server removes meanwhile are passed over. Throws when the folder or a file cannot
  /// be read for other reasons than its content.
  package func verify() throws(StorageError) -> Report {
    var report = Report()
    try verifyCatalog(&report)
    try verifyDeletes(&report)
    for name in try names(layout.segments) {
      guard let id = StoreLayout.number(of: name, suffix: StoreLayout.segmentSuffix) else {
        continue
      }
      try verifySegment(layout.segment(id), &report)
    }
    try verifyLog(&report)
    for name in try names(layout.setAside) {
      let path = "\(layout.setAside)/\(name)"
      report.notes.append(
        StorageFinding(.corrupt, path: path, offset: 0, "set aside for a look; not in use"))
    }
    return report
  }

  /// The segments that can be opened, without those that a catalog would not have; read only.
  package func segments() throws(StorageError) -> [Segment] {
    var found: [Segment] = []
    var replaced: Set<UInt64> = []
    for name in try names(layout.segments) {
      guard let id = StoreLayout.number(of: name, suffix: StoreLayout.segmentSuffix),
        let reader = try? SegmentReader(
          path: layout.segment(id), fileSystem: fileSystem, record: nil)
      else { continue }
      let size = (try? fileSystem.status(layout.segment(id)))??.size ?? 0
      replaced.formUnion(reader.directory.lineage.replaces)
      let record = SegmentRecord(
        id: id, kind: reader.directory.kind, summary: reader.directory.summary,
        byteCount: Int(size), deletesThrough: reader.directory.lineage.deletesThrough)
      found.append(Segment(record, reader, badPages: [:]) { _, _, _ in })
    }
    return found.filter { !replaced.contains($0.id) }
  }

  /// Files of the write-ahead log and their bytes, room that is set aside included.
  package func log() throws(StorageError) -> (fileCount: Int, byteCount: Int64) {
    let sizes = try names(layout.wal).compactMap { try? size("\(layout.wal)/\($0)") }
    return (sizes.count, sizes.reduce(0, +))
  }

  /// How many files were set aside.
  package func setAsideCount() throws(StorageError) -> Int { try names(layout.setAside).count }

  private func names(_ folder: String) throws(StorageError) -> [String] {
    do throws(SystemError) {
      return try fileSystem.list(folder).sorted()
    } catch {
      guard error.isNoSuchFile else { throw StorageError(error, while: "reading \(folder)") }
      return []
    }
  }

  private func size(_ path: String) throws(StorageError) -> Int64 {
    try storing("reading \(path)") { () throws(SystemError) in
      try fileSystem.status(path)?.size ?? 0
    }
  }

  // MARK: files

  private func verifyCatalog(_ report: inout Report) throws(StorageError) {
    let path = layout.catalog
    guard let size = (try? fileSystem.status(path))??.size else {
      report.damage.append(
        StorageFinding(.missing, path: path, offset: 0, "there is no catalog"))
      return
    }
    report.fileCount += 1
    report.byteCount += size
    let file = try storing("reading the catalog") { () throws(SystemError) in
      try fileSystem.open(path, .read)
    }
    let page = Int64(SQLiteFileSystem.pageBytes)
    for offset in stride(from: 0, to: size, by: Int(page)) {
      report.pageCount += 1
      if try isRight(file, offset) { continue }
      report.damage.append(
        StorageFinding(.corrupt, path: path, offset: offset, "a page fails its checksum"))
    }
  }

  private func verifyDeletes(_ report: inout Report) throws(StorageError) {
    guard let size = (try? fileSystem.status(layout.deletes))??.size else { return }
    report.fileCount += 1
    report.byteCount += size
    do throws(StorageError) {
      _ = try DeletesFile(layout: layout, fileSystem: fileSystem).read()
    } catch {
      guard error.code == .corrupt else { throw error }
      report.damage.append(
        StorageFinding(
          .corrupt, path: layout.deletes, offset: error.offset ?? 0, error.message))
    }
  }

  /// A page that a running server is writing can be seen half new: it is looked at again.
  private func isRight(_ file: any File, _ offset: Int64) throws(StorageError) -> Bool {
    for _ in 0..<3 {
      let page = try storing("reading the catalog") { () throws(SystemError) in
        try file.readBytes(at: offset, count: SQLiteFileSystem.pageBytes)
      }
      if page.allSatisfy({ $0 == 0 }) { return true }
      if page.count == SQLiteFileSystem.pageBytes,
        page.withUnsafeBytes({ SQLiteFileSystem.isRight($0, at: offset) })
      {
        return true
      }
    }
    return false
  }

  private func verifySegment(_ path: String, _ report: inout Report) throws(StorageError) {
    func damaged(_ error: StorageError) {
      report.damage.append(
        StorageFinding(.corrupt, path: path, offset: error.offset ?? 0, error.message))
    }
    let reader: SegmentReader
    do throws(StorageError) {
      reader = try SegmentReader(path: path, fileSystem: fileSystem, record: nil)
    } catch {
      guard (try? fileSystem.status(path)) != .some(.none) else { return }
      guard error.code == .corrupt else { throw error }
      report.fileCount += 1
      damaged(error)
      return
    }
    report.fileCount += 1
    report.byteCount += try size(path)
    for number in reader.directory.pages.indices {
      report.pageCount += 1
      do throws(StorageError) {
        _ = try reader.page(number)
      } catch {
        guard error.code == .corrupt else { throw error }
        damaged(error)
      }
    }
  }

  private func verifyLog(_ report: inout Report) throws(StorageError) {
    let paths = try names(layout.wal)
      .filter { StoreLayout.number(of: $0, suffix: StoreLayout.walSuffix) != nil }
      .map { "\(layout.wal)/\($0)" }
    let replay = WALReplay(
      folder: layout.wal, setAside: SetAsideFolder(folder: layout.setAside, fileSystem: fileSystem),
      fileSystem: fileSystem, releasedThrough: 0)
    for (index, path) in paths.enumerated() {
      guard let file = try? fileSystem.open(path, .read), let size = try? file.size() else {
        continue
      }
      report.fileCount += 1
      report.byteCount += size
      let durable = index + 1 < paths.count ? replay.durableThrough(paths[index + 1]) : 0
      let scanner = WALScanner(path: path, durableBeforeNext: durable, releasedThrough: 0)
      var window = WALWindow(path: path, file: file, size: Int(size))
      let outcome = try scanner.scan(&window) { _ in }
      report.recordCount += outcome.recordCount
      if let version = outcome.unknownVersion, outcome.header == nil {
        report.notes.append(
          StorageFinding(.corrupt, path: path, offset: 8, "it is of format version \(version)"))
      } else if outcome.header == nil, outcome.findings.isEmpty {
        report.damage.append(
          StorageFinding(.corrupt, path: path, offset: 0, "the header is damaged"))
      }
      report.damage += outcome.findings.filter { $0.kind != .tornTail }
      report.notes += outcome.findings.filter { $0.kind == .tornTail }
    }
  }
}

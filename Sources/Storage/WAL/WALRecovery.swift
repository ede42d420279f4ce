import Bytes
import LinuxIO

/// A WAL file that is complete: nothing is written to it any more.
struct ClosedWALFile: Hashable {
  var path: String
  /// No record in it has a greater sequence.
  var lastSequence: UInt64
}

/// What was found in a WAL folder at the start.
package struct WALRecovery: Sendable {
  package internal(set) var findings: [StorageFinding] = []
  /// Records that were handed over.
  package internal(set) var recordCount = 0
  /// Records that were older than the release point.
  package internal(set) var releasedCount = 0
  package internal(set) var byteCount: Int64 = 0
  /// The greatest sequence in use, or 0.
  package internal(set) var lastSequence: UInt64 = 0
  var files: [ClosedWALFile] = []
}

/// Reads a WAL folder file by file.
struct WALReplay {
  let folder: String
  let setAside: SetAsideFolder
  let fileSystem: any FileSystem
  let releasedThrough: UInt64

  /// Hands each record after the release point to `visit`, in sequence.
  ///
  /// Files that end early are cut to their records; damaged ones stay whole and get a second
  /// name in the set-aside folder. Throws what `visit` throws, and when a file cannot be read at
  /// all for other reasons than its content.
  func run(_ visit: (WALRecord) throws(StorageError) -> Void) throws(StorageError) -> WALRecovery {
    var recovery = WALRecovery()
    recovery.lastSequence = releasedThrough
    let names = try storing("listing the write-ahead log") { () throws(SystemError) in
      try fileSystem.list(folder)
    }
    for name in names where name.hasSuffix(StoreLayout.newWALSuffix) {
      // Never got its name: nothing in it was ever promised.
      try? fileSystem.remove("\(folder)/\(name)")
    }
    let paths = names.filter { StoreLayout.number(of: $0, suffix: StoreLayout.walSuffix) != nil }
      .sorted().map { "\(folder)/\($0)" }
    // What each file's successor says was durable before it.
    let durable = paths.dropFirst().map(durableThrough) + [0]
    for (path, durable) in zip(paths, durable) { try read(path, durable, &recovery, visit) }
    return recovery
  }

  /// What the file's header says was durable before it; 0 when it does not say.
  func durableThrough(_ path: String) -> UInt64 {
    guard let file = try? fileSystem.open(path, .read),
      let bytes = try? file.readBytes(at: 0, count: WALFormat.recordsStart)
    else { return 0 }
    return bytes.withUnsafeBytes { bytes in
      let first = try? WALFormat.Header(bytes, at: 0)
      let header = first ?? (try? WALFormat.Header(bytes, at: WALFormat.headerBytes))
      return header?.durableThrough ?? 0
    }
  }

  private func read(
    _ path: String, _ durable: UInt64, _ recovery: inout WALRecovery,
    _ visit: (WALRecord) throws(StorageError) -> Void
  ) throws(StorageError) {
    let file = try storing("reading the write-ahead log") { () throws(SystemError) in
      let file = try fileSystem.open(path, .readWrite)
      return (file, Int(try file.size()))
    }
    var window = WALWindow(path: path, file: file.0, size: file.1)
    recovery.byteCount += Int64(window.size)
    let scanner = WALScanner(
      path: path, durableBeforeNext: durable, releasedThrough: releasedThrough)
    let outcome = try scanner.scan(&window) { record throws(StorageError) in
      guard record.sequence > releasedThrough else {
        recovery.releasedCount += 1
        return
      }
      recovery.recordCount += 1
      try visit(record)
    }
    if let version = outcome.unknownVersion, outcome.header == nil {
      throw StorageError(
        .unknownVersion,
        "\(path) has format version \(version), this program reads \(WALFormat.version): "
          + "start the version that wrote it, let it flush, and try again", path: path, offset: 8)
    }
    recovery.findings += outcome.findings
    guard let header = outcome.header else {
      // Its name was given after its header was durable: this is damage, not a power cut.
      try? fileSystem.createFolder(setAside.folder)
      try? fileSystem.rename(path, to: setAside.path(for: path))
      return
    }
    let isDamaged = outcome.findings.contains { $0.kind == .corrupt }
    if isDamaged { setAside.keepSecondName(of: path) }
    recovery.lastSequence = max(recovery.lastSequence, outcome.lastSequence, outcome.durable)
    guard outcome.lastSequence > releasedThrough else {
      return try storing("removing a used up log file") { () throws(SystemError) in
        try fileSystem.remove(path)
      }
    }
    if !isDamaged {
      try WALMending(path: path, file: file.0, setAside: setAside).run(outcome, header, &window)
    }
    // What was read may be in the machine's memory alone, when the process was killed; from here
    // on it counts as durable.
    try storing("making the write-ahead log durable") { () throws(SystemError) in
      try file.0.sync(.full)
    }
    recovery.files.append(ClosedWALFile(path: path, lastSequence: outcome.lastSequence))
  }
}

import LinuxIO

/// Brings a log file that a power cut has torn into order, once its whole records are known.
///
/// What is missing between them is marked by gap records. Without the marks the next start could
/// not tell it from damage: by then the records behind it count as durable.
struct WALMending {
  let path: String
  let file: any File
  let setAside: SetAsideFolder

  /// Throws when the file cannot be written; nothing is lost then, and another start tries again.
  func run(
    _ outcome: WALScanner.Outcome, _ header: WALFormat.Header, _ window: inout WALWindow
  ) throws(StorageError) {
    for gap in outcome.gaps { try mark(gap, header) }
    guard outcome.end < window.size else { return }
    // The room that was set aside for records that never came is given back. What stands there
    // and is not zero is kept.
    let dirty = try window.endOfNonZero(from: outcome.end)
    if dirty > outcome.end {
      setAside.keep(outcome.end..<dirty, of: file, named: "\(path).tail-\(outcome.end)")
    }
    try? file.truncate(to: Int64(outcome.end))
  }

  private func mark(_ gap: WALScanner.Gap, _ header: WALFormat.Header) throws(StorageError) {
    let payload = gap.end - gap.offset - WALFormat.recordHeaderBytes
    // A torn commit is one record or 1 MiB at most. What is larger stays and is told again.
    guard payload <= WALFormat.payloadBytesMax, gap.last - gap.first <= UInt64(UInt32.max) else {
      return
    }
    setAside.keep(gap.offset..<gap.end, of: file, named: "\(path).gap-\(gap.offset)")
    var bytes: [UInt8] = []
    WALFormat.append(
      kind: WALFormat.gapKind, sequence: gap.first, more: UInt32(gap.last - gap.first), durable: 0,
      parts: [[UInt8](repeating: 0, count: payload)], salt: header.salt, to: &bytes)
    try storing("marking a gap in the write-ahead log") { () throws(SystemError) in
      try file.write(bytes, at: Int64(gap.offset))
    }
  }
}

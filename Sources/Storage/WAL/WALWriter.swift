import LinuxIO

/// Writes commits to the present file; lives on the log's thread alone.
struct WALWriter {
  private struct OpenFile {
    var file: any File
    var header: WALFormat.Header
    var path: String
    var end: Int
    var size: Int
    var lastSequence: UInt64
  }

  let files: WALFiles
  /// The last sequence that is known to be durable.
  private(set) var durable: UInt64
  private var open: OpenFile?
  private var buffer: [UInt8] = []

  init(files: WALFiles, durable: UInt64) {
    self.files = files
    self.durable = durable
  }

  /// Makes `records` durable or fails them all, and tells each. Gives files that are done with.
  mutating func commit(_ records: [PendingRecord]) -> [ClosedWALFile] {
    guard let first = records.first, let last = records.last else { return [] }
    let bytes = records.reduce(0) { $0 + WALFormat.recordBytes(payload: $1.length) }
    var closed: [ClosedWALFile] = []
    if let open, open.end + bytes + WALFormat.recordHeaderBytes > open.size {
      closed = finishFile()
    }
    do throws(SystemError) {
      try prepare(firstSequence: first.sequence, bytes: bytes)
      try write(records, bytes: bytes, last: last.sequence)
    } catch {
      let failure = StorageError(error, while: "writing the write-ahead log")
      // Nothing more is trusted to this file. What was durable in it stays so.
      if let open {
        closed.append(ClosedWALFile(path: open.path, lastSequence: last.sequence))
      }
      open = nil
      for record in records { record.completion(.failure(failure)) }
      return closed
    }
    durable = last.sequence
    for record in records { record.completion(.success(record.sequence)) }
    return closed
  }

  private mutating func prepare(firstSequence: UInt64, bytes: Int) throws(SystemError) {
    guard open == nil else { return }
    let header = WALFormat.Header(
      firstSequence: firstSequence, durableThrough: durable, salt: .random(in: 0 ... .max))
    let room = bytes + WALFormat.recordHeaderBytes
    open = OpenFile(
      file: try files.create(header, bytes: room), header: header, path: files.path(header),
      end: WALFormat.recordsStart, size: max(files.fileBytes, WALFormat.recordsStart + room),
      lastSequence: firstSequence)
  }

  private mutating func write(_ records: [PendingRecord], bytes: Int, last: UInt64)
    throws(SystemError)
  {
    guard let target = open else { return }
    buffer.removeAll(keepingCapacity: buffer.capacity <= 4 << 20)
    buffer.reserveCapacity(bytes)
    for record in records {
      WALFormat.append(
        kind: record.kind, sequence: record.sequence, durable: durable, parts: record.parts,
        salt: target.header.salt, to: &buffer)
    }
    try target.file.write(buffer, at: Int64(target.end))
    try target.file.sync(.data)
    open?.end += buffer.count
    open?.lastSequence = last
  }

  /// Turns from the present file, if there is one with records; the next commit makes another.
  mutating func finishFile() -> [ClosedWALFile] {
    guard let done = open else { return [] }
    open = nil
    // Only room is lost when this fails.
    try? done.file.truncate(to: Int64(done.end))
    return [ClosedWALFile(path: done.path, lastSequence: done.lastSequence)]
  }

  /// Writes the record that says the file was closed in order.
  mutating func end(sequence: UInt64) -> [ClosedWALFile] {
    guard let target = open else { return [] }
    buffer.removeAll()
    WALFormat.append(
      kind: WALFormat.endKind, sequence: sequence, durable: durable, parts: [],
      salt: target.header.salt, to: &buffer)
    // Without it the next start reads the file as after a power cut: no harm.
    if (try? target.file.write(buffer, at: Int64(target.end))) != nil {
      open?.end += buffer.count
      try? target.file.sync(.data)
    }
    return finishFile()
  }
}

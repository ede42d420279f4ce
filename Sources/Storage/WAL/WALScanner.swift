import Bytes

/// Reads the records of one WAL file from its bytes, past damage where there is some.
///
/// Records stand in sequence without gaps. Where one is bad, the next whole one is searched for,
/// and the gap is judged at the end: when a later record (or file) says that what is missing had
/// been durable, it is corruption; otherwise it is what a power cut leaves of writes that nobody
/// was told were durable.
struct WALScanner {
  struct Outcome {
    var header: WALFormat.Header?
    /// A file of another format version: not damaged, but not ours to read.
    var unknownVersion: UInt32?
    var findings: [StorageFinding] = []
    /// The sequence of the last record that was read, the end record included, or 0.
    var lastSequence: UInt64 = 0
    var recordCount = 0
    /// Where the records end.
    var end = 0
    /// The writer closed the file in order.
    var isEnded = false
    /// The last record that is known to have been durable.
    var durable: UInt64 = 0
  }

  private struct Gap {
    var offset: Int
    /// The sequences that are missing.
    var first: UInt64
    var last: UInt64
  }

  let path: String
  /// What the next file says was durable before it; 0 for the last file.
  let durableBeforeNext: UInt64
  /// Records up to here are kept elsewhere: that they are missing is no damage. Files that were
  /// released can be half gone after a power cut.
  let releasedThrough: UInt64

  func scan(
    _ file: [UInt8], visit: (WALRecord) throws(StorageError) -> Void
  ) throws(StorageError) -> Outcome {
    try file.withRawBytes { (bytes) throws(StorageError) -> Outcome in
      try scan(bytes, visit: visit)
    }
  }

  private func scan(
    _ bytes: UnsafeRawBufferPointer, visit: (WALRecord) throws(StorageError) -> Void
  ) throws(StorageError) -> Outcome {
    var outcome = Outcome()
    guard let header = readHeader(bytes, &outcome) else { return outcome }
    outcome.header = header
    outcome.durable = durableBeforeNext
    outcome.end = WALFormat.recordsStart
    var gaps: [Gap] = []
    var at = WALFormat.recordsStart
    var expected = header.firstSequence
    while !outcome.isEnded {
      if let record = record(bytes, at, header), record.sequence == expected {
        at += WALFormat.recordBytes(payload: record.length)
        outcome.end = at
        expected = record.sequence + 1
        outcome.lastSequence = record.sequence
        outcome.durable = max(outcome.durable, record.durable)
        outcome.isEnded = record.kind == WALFormat.endKind
        guard !outcome.isEnded else { break }
        outcome.recordCount += 1
        let start = at - WALFormat.paddedLength(record.length)
        let payload = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + record.length)])
        try visit(
          WALRecord(kind: record.kind, sequence: record.sequence, payload: Array(payload)))
      } else if let next = nextRecord(bytes, after: at, header, expected) {
        gaps.append(Gap(offset: at, first: expected, last: next.sequence - 1))
        at = next.offset
        expected = next.sequence
      } else {
        break
      }
    }
    judge(gaps, expected, bytes, &outcome)
    return outcome
  }

  private func readHeader(
    _ bytes: UnsafeRawBufferPointer, _ outcome: inout Outcome
  ) -> WALFormat.Header? {
    var header: WALFormat.Header?
    for start in [0, WALFormat.headerBytes] {
      do throws(WALFormat.Header.Fault) {
        let copy = try WALFormat.Header(bytes, at: start)
        if header == nil { header = copy }
      } catch {
        switch error {
        case .version(let version): outcome.unknownVersion = version
        case .damaged:
          let text = "one copy of the header is damaged"
          outcome.findings.append(
            StorageFinding(.corrupt, path: path, offset: Int64(start), text))
        }
      }
    }
    return header
  }

  /// The header of the record at `at` when the whole record is there and right.
  private func record(
    _ bytes: UnsafeRawBufferPointer, _ at: Int, _ header: WALFormat.Header
  ) -> WALFormat.RecordHeader? {
    guard at + WALFormat.recordHeaderBytes <= bytes.count else { return nil }
    let record = WALFormat.RecordHeader(bytes, at: at)
    guard record.mark == WALFormat.recordMark, record.length <= WALFormat.payloadBytesMax,
      WALFormat.recordBytes(payload: record.length) <= bytes.count - at
    else { return nil }
    let end = at + WALFormat.recordBytes(payload: record.length)
    let whole = UnsafeRawBufferPointer(rebasing: bytes[at..<end])
    guard WALFormat.checksum(whole, salt: header.salt) == record.checksum else { return nil }
    return record
  }

  /// The first whole record after `at` that can come after `expected`.
  private func nextRecord(
    _ bytes: UnsafeRawBufferPointer, after at: Int, _ header: WALFormat.Header,
    _ expected: UInt64
  ) -> (offset: Int, sequence: UInt64)? {
    var offset = at + 8
    while offset + WALFormat.recordHeaderBytes <= bytes.count {
      // Each record is 32 bytes at least: that bounds how many can be missing.
      let missingMax = UInt64((offset - at) / WALFormat.recordHeaderBytes)
      if bytes.littleEndian(UInt16.self, at: offset + 26) == WALFormat.recordMark,
        let record = record(bytes, offset, header), record.sequence > expected,
        record.sequence - expected <= missingMax
      {
        return (offset, record.sequence)
      }
      offset += 8
    }
    return nil
  }

  private func judge(
    _ gaps: [Gap], _ expected: UInt64, _ bytes: UnsafeRawBufferPointer, _ outcome: inout Outcome
  ) {
    for gap in gaps where gap.last > releasedThrough {
      let wasDurable = outcome.isEnded || gap.first <= outcome.durable
      let text = "records \(gap.first) to \(gap.last) are not whole; later ones were read"
      outcome.findings.append(
        StorageFinding(
          wasDurable ? .corrupt : .tornTail, path: path, offset: Int64(gap.offset), text))
    }
    if !outcome.isEnded, expected <= outcome.durable, outcome.durable > releasedThrough {
      let text = "records \(expected) to \(outcome.durable), which were durable, are not whole"
      outcome.findings.append(
        StorageFinding(.corrupt, path: path, offset: Int64(outcome.end), text))
    } else if let dirt = Self.firstNonZero(bytes, from: outcome.end) {
      let text = "\(bytes.count - outcome.end) bytes after the last whole record are not records"
      outcome.findings.append(
        StorageFinding(
          outcome.isEnded ? .corrupt : .tornTail, path: path, offset: Int64(dirt), text))
    }
  }

  /// `start` is a multiple of 8.
  private static func firstNonZero(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    var at = start
    while at + 8 <= bytes.count, bytes.littleEndian(UInt64.self, at: at) == 0 { at += 8 }
    return bytes[at...].firstIndex { $0 != 0 }
  }
}

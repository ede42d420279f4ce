import Bytes

/// Reads the records of one WAL file, past damage where there is some.
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
    /// What is missing between records, the gaps that an earlier start has marked left out.
    var gaps: [Gap] = []
  }

  /// Bytes between two whole records that are not records.
  struct Gap: Hashable {
    var offset: Int
    /// Where the next whole record begins.
    var end: Int
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

  /// Hands each record to `visit` in sequence. Throws what `visit` throws, and when the file
  /// cannot be read for other reasons than its content.
  func scan(
    _ window: inout WALWindow, visit: (WALRecord) throws(StorageError) -> Void
  ) throws(StorageError) -> Outcome {
    var outcome = Outcome()
    guard let header = try readHeader(&window, &outcome) else { return outcome }
    outcome.header = header
    outcome.durable = durableBeforeNext
    outcome.end = WALFormat.recordsStart
    var at = WALFormat.recordsStart
    var expected = header.firstSequence
    while !outcome.isEnded {
      if let record = try record(&window, at, header, { $0 == expected }) {
        let start = at + WALFormat.recordHeaderBytes
        at += WALFormat.recordBytes(payload: record.length)
        outcome.end = at
        outcome.lastSequence = record.lastSequence
        // A damaged writer could say anything; the sequence after the last one is none.
        guard record.lastSequence < .max else { break }
        expected = record.lastSequence + 1
        guard record.kind != WALFormat.gapKind else { continue }
        outcome.durable = max(outcome.durable, record.durable)
        outcome.isEnded = record.kind == WALFormat.endKind
        guard !outcome.isEnded else { break }
        outcome.recordCount += 1
        let payload = window.withBytes(start, record.length) { Array($0) }
        try visit(WALRecord(kind: record.kind, sequence: record.sequence, payload: payload))
      } else if let next = try nextRecord(&window, after: at, header, expected) {
        outcome.gaps.append(
          Gap(offset: at, end: next.offset, first: expected, last: next.sequence - 1))
        at = next.offset
        expected = next.sequence
      } else {
        break
      }
    }
    try judge(expected, &window, &outcome)
    return outcome
  }

  private func readHeader(_ window: inout WALWindow, _ outcome: inout Outcome)
    throws(StorageError) -> WALFormat.Header?
  {
    guard try window.reach(0, min(window.size, WALFormat.recordsStart)) else { return nil }
    return window.withBytes(0, min(window.size, WALFormat.recordsStart)) { bytes in
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
  }

  /// The header of the record at `at` when the whole record is there and right, and its
  /// sequence is one of those that `isPlausible`; the record is in the window then.
  private func record(
    _ window: inout WALWindow, _ at: Int, _ header: WALFormat.Header,
    _ isPlausible: (UInt64) -> Bool
  ) throws(StorageError) -> WALFormat.RecordHeader? {
    guard try window.reach(at, WALFormat.recordHeaderBytes) else { return nil }
    let record = window.withBytes(at, WALFormat.recordHeaderBytes) {
      WALFormat.RecordHeader($0, at: 0)
    }
    let count = WALFormat.recordBytes(payload: record.length)
    guard record.mark == WALFormat.recordMark, record.length <= WALFormat.payloadBytesMax,
      isPlausible(record.sequence), try window.reach(at, count)
    else { return nil }
    let checksum = window.withBytes(at, count) { WALFormat.checksum($0, salt: header.salt) }
    return checksum == record.checksum ? record : nil
  }

  /// The first whole record after `at` that can come after `expected`.
  private func nextRecord(
    _ window: inout WALWindow, after at: Int, _ header: WALFormat.Header, _ expected: UInt64
  ) throws(StorageError) -> (offset: Int, sequence: UInt64)? {
    var offset = at + 8
    while let candidate = try nextMark(&window, from: offset) {
      offset = candidate
      // Each record is 32 bytes at least: that bounds how many can be missing.
      let missingMax = UInt64((offset - at) / WALFormat.recordHeaderBytes)
      let found = try record(&window, offset, header) {
        $0 > expected && $0 - expected <= missingMax
      }
      if let found { return (offset, found.sequence) }
      offset += 8
    }
    return nil
  }

  /// The next multiple of 8 where the mark of a record stands in its place.
  private func nextMark(_ window: inout WALWindow, from start: Int) throws(StorageError) -> Int? {
    let headerBytes = WALFormat.recordHeaderBytes
    var offset = start
    while offset + headerBytes <= window.size {
      let count = min(WALWindow.stepBytes, window.size - offset)
      guard try window.reach(offset, count) else { return nil }
      let found = window.withBytes(offset, count) { bytes -> Int? in
        var index = 0
        while index + headerBytes <= count {
          if bytes.littleEndian(UInt16.self, at: index + 26) == WALFormat.recordMark {
            return index
          }
          index += 8
        }
        return nil
      }
      if let found { return offset + found }
      // The last places of this part did not have a whole header in it.
      offset += max(8, (count - headerBytes) / 8 * 8 + 8)
    }
    return nil
  }

  private func judge(_ expected: UInt64, _ window: inout WALWindow, _ outcome: inout Outcome)
    throws(StorageError)
  {
    for gap in outcome.gaps where gap.last > releasedThrough {
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
    } else if let dirt = try window.firstNonZero(from: outcome.end) {
      let text = "\(window.size - outcome.end) bytes after the last whole record are not records"
      outcome.findings.append(
        StorageFinding(
          outcome.isEnded ? .corrupt : .tornTail, path: path, offset: Int64(dirt), text))
    }
  }
}

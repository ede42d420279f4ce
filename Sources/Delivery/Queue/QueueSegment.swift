import Bytes
import LinuxIO

/// The files of the queue: their names, headers and frames; docs/formats/agent-queue.md.
enum QueueFormat {
  static let magic: [UInt8] = Array("SLQUEUE1".utf8)
  static let headerBytes = 8
  /// Length, checksum, sequence number.
  static let frameBytes = 16
  /// Bytes of one record, at most: beyond it a length is not believed.
  static let recordBytesMax = 512 << 20
  static let suffix = ".queue"
  static let lockName = "lock"
  static let acknowledgementsName = "acknowledged"

  /// Sorts as the sequence numbers do.
  static func segmentName(_ first: UInt64) -> String {
    let digits = String(first)
    return String(repeating: "0", count: 20 - digits.count) + digits + suffix
  }

  static func firstSequence(ofSegment name: String) -> UInt64? {
    guard name.hasSuffix(suffix), name.utf8.count == 20 + suffix.utf8.count else { return nil }
    return UInt64(name.dropLast(suffix.count))
  }

  /// Writes the frame of a record into the first bytes of `record`, behind which its payload lies.
  static func seal(_ record: inout [UInt8], sequence: UInt64) {
    var frame: [UInt8] = []
    frame.reserveCapacity(frameBytes)
    frame.appendLittleEndian(UInt32(record.count - frameBytes))
    frame.appendLittleEndian(
      record.withUnsafeBytes {
        checksum(UnsafeRawBufferPointer(rebasing: $0[frameBytes...]), sequence)
      })
    frame.appendLittleEndian(sequence)
    for index in frame.indices { record[index] = frame[index] }
  }

  static func checksum(_ payload: UnsafeRawBufferPointer, _ sequence: UInt64) -> UInt32 {
    var seed: [UInt8] = []
    seed.appendLittleEndian(sequence)
    seed.appendLittleEndian(UInt32(payload.count))
    return CRC32C.checksum(payload, continuing: CRC32C.checksum(seed))
  }
}

/// Reads the records of one segment in order.
struct SegmentReader {
  enum Step {
    case record(QueueRecord, sequence: UInt64)
    /// Nothing follows.
    case end
    /// What stands here is no whole record.
    case damaged(offset: Int64)
  }

  let file: any File
  private(set) var offset: Int64

  /// nil when the file is no segment.
  init?(_ file: any File) throws(SystemError) {
    self.file = file
    guard try file.readBytes(at: 0, count: QueueFormat.headerBytes) == QueueFormat.magic else {
      return nil
    }
    offset = Int64(QueueFormat.headerBytes)
  }

  /// Goes to the next whole record after a damaged one whose number is in `sequences`; false when
  /// there is none.
  mutating func skipDamage(to sequences: ClosedRange<UInt64>) throws(SystemError) -> Bool {
    let size = try file.size()
    let windowBytes = 1 << 20
    var start = offset + 1
    while start + Int64(QueueFormat.frameBytes) <= size {
      let window = try file.readBytes(at: start, count: windowBytes)
      guard window.count >= QueueFormat.frameBytes else { return false }
      for index in 0...(window.count - QueueFormat.frameBytes) {
        let sequence = window.withUnsafeBytes {
          UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: index + 8, as: UInt64.self))
        }
        guard sequences.contains(sequence) else { continue }
        var probe = self
        probe.offset = start + Int64(index)
        if case .record = try probe.next() {
          offset = start + Int64(index)
          return true
        }
      }
      start += Int64(window.count - QueueFormat.frameBytes + 1)
    }
    return false
  }

  /// Reads one record.
  mutating func next() throws(SystemError) -> Step {
    let frame = try file.readBytes(at: offset, count: QueueFormat.frameBytes)
    if frame.isEmpty { return .end }
    guard frame.count == QueueFormat.frameBytes else { return .damaged(offset: offset) }
    var cursor = ByteCursor(frame.span.bytes)
    guard let length = try? cursor.readLittleEndian(UInt32.self),
      let checksum = try? cursor.readLittleEndian(UInt32.self),
      let sequence = try? cursor.readLittleEndian(UInt64.self)
    else { return .damaged(offset: offset) }
    guard length > 0, Int(length) <= QueueFormat.recordBytesMax else {
      return .damaged(offset: offset)
    }
    let start = offset + Int64(QueueFormat.frameBytes)
    guard try file.size() >= start + Int64(length) else { return .damaged(offset: offset) }
    let payload = try file.readBytes(at: start, count: Int(length))
    guard payload.count == Int(length) else { return .damaged(offset: offset) }
    guard payload.withUnsafeBytes({ QueueFormat.checksum($0, sequence) }) == checksum,
      let record = try? QueueRecord(encoded: payload)
    else { return .damaged(offset: offset) }
    offset = start + Int64(length)
    return .record(record, sequence: sequence)
  }
}

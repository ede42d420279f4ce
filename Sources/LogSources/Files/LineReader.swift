import Bytes
import CLinux
import LinuxIO

/// Reads lines from open files through one buffer; for one thread.
///
/// Each read begins a little before the place to go on at, so that bytes that were read before are
/// compared with what stands there now: a file that was truncated and has grown again is noticed
/// even when it is as long as before.
struct LineReader {
  struct Limits: Hashable {
    /// Bytes of a line, at most.
    var lineBytesMax = 4 << 20
    /// Longer lines are cut; if false they are dropped.
    var cutsOverlongLines = true
    /// Bytes that are read at once.
    var chunkBytes = 256 << 10
  }

  enum Outcome: Hashable {
    /// Read to the end that the file has at this moment; bytes of an unfinished line remain.
    case atEnd(partialBytes: Int)
    /// There may be more.
    case more
    /// The taker wants no more for now.
    case paused
    /// The bytes before the position are not those that were there.
    case truncated
  }

  let limits: Limits
  private let encoding: LineEncoding
  private var buffer: [UInt8]

  init(limits: Limits, encoding: LineEncoding = .utf8) {
    self.limits = limits
    self.encoding = encoding
    buffer = [UInt8](repeating: 0, count: limits.chunkBytes + FileFingerprint.tailBytesMax)
  }

  /// Whether `file` still has what `position` says was read of it.
  func verify(_ file: any File, _ position: FilePosition) throws(SystemError) -> Bool {
    let head = try file.readBytes(at: 0, count: Int(position.head.length))
    guard Self.fingerprint(head) == position.head else { return false }
    let start = position.offset - Int64(position.tail.length)
    let tail = try file.readBytes(at: start, count: Int(position.tail.length))
    guard Self.fingerprint(tail) == position.tail else { return false }
    return try file.size() >= position.offset
  }

  /// Fingerprints what stands before a place of which nothing else is known.
  func fingerprint(_ file: any File, _ position: inout FilePosition) throws(SystemError) {
    let tailLength = min(position.offset, Int64(FileFingerprint.tailBytesMax))
    position.tail = Self.fingerprint(
      try file.readBytes(at: position.offset - tailLength, count: Int(tailLength)))
    try extendHead(file, &position)
  }

  static func fingerprint(_ bytes: [UInt8]) -> FileFingerprint {
    bytes.withUnsafeBytes { FileFingerprint($0) }
  }

  /// Hands on whole lines of the next chunk and moves `position` over them, one at a time.
  mutating func readChunk(
    _ file: any File, _ position: inout FilePosition, counters: inout FileCounters,
    line: (UnsafeRawBufferPointer, _ start: Int64, _ length: Int32) -> Bool
  ) throws(SystemError) -> Outcome {
    let tailLength = Int(position.tail.length)
    let start = position.offset - Int64(tailLength)
    let capacity = buffer.count
    let count = try readBuffer(file, at: start)
    let begin = position
    let splitter = LineSplitter(
      limits: limits, encoding: encoding, unit: try encoding.unit(of: file))
    let limits = limits
    let result: (outcome: Outcome, needsRoom: Bool) = buffer.withUnsafeBytes { all in
      let bytes = UnsafeRawBufferPointer(rebasing: all[..<count])
      guard count >= tailLength, begin.tail.matches(prefixOf: bytes) else {
        return (.truncated, false)
      }
      let fresh = UnsafeRawBufferPointer(rebasing: bytes[tailLength...])
      let split = splitter.split(fresh, &position, &counters, line)
      let rest = split.rest
      let isFull = count == capacity
      var partial = rest
      if split.isPaused {
        partial = 0
      } else if rest > limits.lineBytesMax || (position.isInsideOverlongLine && rest > 0) {
        splitter.passOverRest(fresh, rest: rest, &position, &counters, line)
        partial = 0
      }
      let consumed = tailLength + Int(position.offset - begin.offset)
      Self.note(bytes, consumed, &position)
      if split.isPaused { return (.paused, false) }
      if isFull { return (.more, partial == fresh.count) }
      return (.atEnd(partialBytes: partial), false)
    }
    counters.readBytes &+= UInt64(position.offset - begin.offset)
    if result.needsRoom {
      let larger = min(
        capacity * 2, limits.lineBytesMax + limits.chunkBytes + FileFingerprint.tailBytesMax)
      buffer += [UInt8](repeating: 0, count: larger - capacity)
    }
    try extendHead(file, &position)
    return result.outcome
  }

  /// Fingerprints what was read up to a place: `bytes[consumed]` is the one at `position.offset`.
  private static func note(
    _ bytes: UnsafeRawBufferPointer, _ consumed: Int, _ position: inout FilePosition
  ) {
    let tailStart = max(0, consumed - FileFingerprint.tailBytesMax)
    position.tail = FileFingerprint(UnsafeRawBufferPointer(rebasing: bytes[tailStart..<consumed]))
    // The file's start comes of the same read: between two it can be truncated and written anew.
    guard Int64(consumed) == position.offset else { return }
    let length = min(consumed, FileFingerprint.headBytesMax)
    guard length > Int(position.head.length) else { return }
    position.head = FileFingerprint(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
  }

  /// Gives back the room that an overlong line took.
  mutating func shrink() {
    let usual = limits.chunkBytes + FileFingerprint.tailBytesMax
    if buffer.count > usual { buffer = [UInt8](repeating: 0, count: usual) }
  }

  /// Hands on the unfinished line at the end of a file that is not written any more.
  mutating func readPartialLine(
    _ file: any File, _ position: inout FilePosition, counters: inout FileCounters,
    line: (UnsafeRawBufferPointer, _ start: Int64, _ length: Int32) -> Bool
  ) throws(SystemError) {
    let tailLength = Int(position.tail.length)
    let all = try file.readBytes(
      at: position.offset - Int64(tailLength), count: tailLength + limits.lineBytesMax)
    let splitter = LineSplitter(
      limits: limits, encoding: encoding, unit: try encoding.unit(of: file))
    all.withUnsafeBytes { all in
      guard all.count > tailLength, position.tail.matches(prefixOf: all) else { return }
      let bytes = UnsafeRawBufferPointer(rebasing: all[tailLength...])
      guard splitter.newline(in: bytes, from: 0) < 0 else { return }
      if !position.isInsideOverlongLine {
        splitter.encoding.decode(bytes, splitter.unit) {
          _ = line($0, position.offset, Int32(bytes.count))
        }
        counters.readLines &+= 1
      }
      counters.readBytes &+= UInt64(bytes.count)
      position.isInsideOverlongLine = false
      position.offset += Int64(bytes.count)
      Self.note(all, all.count, &position)
    }
    try extendHead(file, &position)
  }

  private mutating func readBuffer(_ file: any File, at offset: Int64) throws(SystemError) -> Int {
    try buffer.withUnsafeMutableBufferPointer { (all) throws(SystemError) in
      try file.read(at: offset, into: UnsafeMutableRawBufferPointer(all))
    }
  }

  /// Calls `body` with a line that was read before, as it was handed on then.
  func decode(_ bytes: [UInt8], of file: any File, _ body: (UnsafeRawBufferPointer) -> Void)
    throws(SystemError)
  {
    let unit = try encoding.unit(of: file)
    let splitter = LineSplitter(limits: limits, encoding: encoding, unit: unit)
    bytes.withUnsafeBytes { whole in
      let end = splitter.newline(in: whole, from: 0)
      let line = end < 0 ? whole : UnsafeRawBufferPointer(rebasing: whole[..<end])
      encoding.decode(line, unit, body)
    }
  }

  /// Fingerprints more of a file's start once more of it has been read.
  private func extendHead(_ file: any File, _ position: inout FilePosition) throws(SystemError) {
    let wanted = Int(min(Int64(FileFingerprint.headBytesMax), position.offset))
    guard Int(position.head.length) < wanted else { return }
    let bytes = try file.readBytes(at: 0, count: wanted)
    // A file that was truncated since the last read has another start; the next read notices it.
    let tail = try file.readBytes(
      at: position.offset - Int64(position.tail.length), count: Int(position.tail.length))
    guard bytes.count == wanted, Self.fingerprint(tail) == position.tail else { return }
    position.head = Self.fingerprint(bytes)
  }
}

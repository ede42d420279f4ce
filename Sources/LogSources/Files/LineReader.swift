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
  private var buffer: [UInt8]

  init(limits: Limits) {
    self.limits = limits
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
    let limits = limits
    let result: (outcome: Outcome, needsRoom: Bool) = buffer.withUnsafeBytes { all in
      let bytes = UnsafeRawBufferPointer(rebasing: all[..<count])
      guard count >= tailLength, begin.tail.matches(prefixOf: bytes) else {
        return (.truncated, false)
      }
      let fresh = UnsafeRawBufferPointer(rebasing: bytes[tailLength...])
      let split = Self.splitLines(fresh, &position, limits, &counters, line)
      let rest = split.rest
      let isFull = count == capacity
      var partial = rest
      if split.isPaused {
        partial = 0
      } else if rest > limits.lineBytesMax || (position.isInsideOverlongLine && rest > 0) {
        Self.passOverRest(fresh, rest: rest, &position, limits, &counters, line)
        partial = 0
      }
      let consumed = tailLength + Int(position.offset - begin.offset)
      let tailStart = max(0, consumed - FileFingerprint.tailBytesMax)
      position.tail = FileFingerprint(UnsafeRawBufferPointer(rebasing: bytes[tailStart..<consumed]))
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
    let bytes = try file.readBytes(at: position.offset, count: limits.lineBytesMax)
    guard !bytes.isEmpty, !bytes.contains(UInt8(ascii: "\n")) else { return }
    if !position.isInsideOverlongLine {
      bytes.withUnsafeBytes { whole in
        _ = line(Self.trimmed(whole), position.offset, Int32(bytes.count))
      }
      counters.readLines &+= 1
    }
    counters.readBytes &+= UInt64(bytes.count)
    position.isInsideOverlongLine = false
    position.offset += Int64(bytes.count)
    let tailLength = min(FileFingerprint.tailBytesMax, Int(position.offset))
    position.tail = Self.fingerprint(
      try file.readBytes(at: position.offset - Int64(tailLength), count: tailLength))
    try extendHead(file, &position)
  }

  private mutating func readBuffer(_ file: any File, at offset: Int64) throws(SystemError) -> Int {
    try buffer.withUnsafeMutableBufferPointer { (all) throws(SystemError) in
      try file.read(at: offset, into: UnsafeMutableRawBufferPointer(all))
    }
  }

  /// Gives the count of bytes after the last line handed on, and whether the taker had enough.
  private static func splitLines(
    _ bytes: UnsafeRawBufferPointer, _ position: inout FilePosition, _ limits: Limits,
    _ counters: inout FileCounters,
    _ line: (UnsafeRawBufferPointer, Int64, Int32) -> Bool
  ) -> (rest: Int, isPaused: Bool) {
    var start = 0
    var goesOn = true
    while goesOn, start < bytes.count, let base = bytes.baseAddress {
      let length = linux_index_of_byte(base + start, 10, bytes.count - start)
      guard length >= 0 else { break }
      let whole = UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
      if position.isInsideOverlongLine {
        position.isInsideOverlongLine = false
      } else if whole.count > limits.lineBytesMax {
        counters.overlongLines &+= 1
        if limits.cutsOverlongLines {
          let cut = UnsafeRawBufferPointer(rebasing: whole[..<limits.lineBytesMax])
          goesOn = line(cut, position.offset, Int32(length + 1))
          counters.readLines &+= 1
        }
      } else {
        goesOn = line(trimmed(whole), position.offset, Int32(length + 1))
        counters.readLines &+= 1
      }
      position.offset += Int64(length + 1)
      start += length + 1
    }
    return (bytes.count - start, !goesOn)
  }

  /// Cuts the unfinished line at the end of `bytes`, which is too long already, and moves over it.
  private static func passOverRest(
    _ bytes: UnsafeRawBufferPointer, rest: Int, _ position: inout FilePosition, _ limits: Limits,
    _ counters: inout FileCounters,
    _ line: (UnsafeRawBufferPointer, Int64, Int32) -> Bool
  ) {
    if !position.isInsideOverlongLine {
      counters.overlongLines &+= 1
      position.isInsideOverlongLine = true
      if limits.cutsOverlongLines {
        let start = bytes.count - rest
        let cut = UnsafeRawBufferPointer(rebasing: bytes[start..<start + limits.lineBytesMax])
        _ = line(cut, position.offset, Int32(rest))
        counters.readLines &+= 1
      }
    }
    position.offset += Int64(rest)
  }

  private static func trimmed(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    guard line.last == UInt8(ascii: "\r") else { return line }
    return UnsafeRawBufferPointer(rebasing: line.dropLast())
  }

  /// Fingerprints more of a file's start once more of it has been read.
  private func extendHead(_ file: any File, _ position: inout FilePosition) throws(SystemError) {
    let wanted = Int(min(Int64(FileFingerprint.headBytesMax), position.offset))
    guard Int(position.head.length) < wanted else { return }
    let bytes = try file.readBytes(at: 0, count: wanted)
    // Shorter when it was truncated just now; the next read will notice.
    if bytes.count == wanted { position.head = Self.fingerprint(bytes) }
  }
}

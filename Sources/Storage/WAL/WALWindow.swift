import LinuxIO

/// The part of a log file that is in memory while it is read from its start to its end.
///
/// Holds one step of the file, or one record where that is larger: never the whole file.
struct WALWindow {
  static let stepBytes = 1 << 20

  let path: String
  let file: any File
  /// Bytes of the file when it was opened.
  let size: Int
  private var start = 0
  private var bytes: [UInt8] = []

  init(path: String, file: any File, size: Int) {
    self.path = path
    self.file = file
    self.size = size
  }

  /// Brings `count` bytes from `offset` on into memory; false when the file ends before.
  ///
  /// The caller has checked `count` against its limits.
  mutating func reach(_ offset: Int, _ count: Int) throws(StorageError) -> Bool {
    guard offset >= 0, count >= 0, count <= size - offset else { return false }
    if offset >= start, offset + count <= start + bytes.count { return true }
    // Given back before more is taken, so that two windows are never there at once.
    bytes = []
    start = offset
    let wanted = min(max(count, Self.stepBytes), size - offset)
    bytes = try storing("reading the write-ahead log") { () throws(SystemError) in
      try file.readBytes(at: Int64(offset), count: wanted)
    }
    return bytes.count >= count
  }

  /// Lends bytes that ``reach(_:_:)`` has brought.
  @inline(__always)
  func withBytes<Result>(_ offset: Int, _ count: Int, _ body: (UnsafeRawBufferPointer) -> Result)
    -> Result
  {
    bytes.withUnsafeBytes { bytes in
      body(UnsafeRawBufferPointer(rebasing: bytes[(offset - start)..<(offset - start + count)]))
    }
  }

  /// The first byte at or after `offset` that is not zero, or nil.
  mutating func firstNonZero(from offset: Int) throws(StorageError) -> Int? {
    var at = offset
    while at < size {
      let count = min(Self.stepBytes, size - at)
      guard try reach(at, count) else { return nil }
      let found = withBytes(at, count) { bytes -> Int? in
        var index = 0
        while index + 8 <= count, bytes.littleEndian(UInt64.self, at: index) == 0 { index += 8 }
        return bytes[index...].firstIndex { $0 != 0 }
      }
      if let found { return at + found }
      at += count
    }
    return nil
  }

  /// Where the bytes from `offset` on end that are not all zero; `offset` when all are.
  mutating func endOfNonZero(from offset: Int) throws(StorageError) -> Int {
    var end = size
    while end > offset {
      let count = min(Self.stepBytes, end - offset)
      guard try reach(end - count, count) else { return end }
      let last = withBytes(end - count, count) { bytes in bytes.lastIndex { $0 != 0 } }
      if let last { return end - count + last + 1 }
      end -= count
    }
    return offset
  }
}

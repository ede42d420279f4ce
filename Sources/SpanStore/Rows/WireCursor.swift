import TraceFormats
import WireFormats

/// Reads one protobuf message in the hot loops of this module, on offsets of one buffer.
///
/// The same checks as `ProtobufReader`, which this module's loops cannot have inlined. `base` must
/// stay valid up to `end` while the cursor is used: it points into a request or a message that the
/// caller holds.
struct WireCursor {
  let base: UnsafeRawPointer
  private(set) var at: Int
  let end: Int

  init(_ base: UnsafeRawPointer, _ range: Range<Int>) {
    self.base = base
    at = range.lowerBound
    end = range.upperBound
  }

  init(_ bytes: UnsafeRawBufferPointer) {
    // An empty buffer may have no address; nothing of it is read.
    base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
    at = 0
    end = bytes.count
  }

  @inline(never)
  static func failure(_ error: ProtobufError) -> TraceFormatError {
    TraceFormatError(.malformed, error.message)
  }

  /// The next field's number and wire type as one number, `number << 3 | type`; 0 at the end.
  @inline(__always)
  mutating func nextTag() throws(TraceFormatError) -> UInt32 {
    guard at < end else { return 0 }
    let tag = try varint()
    guard tag >= 8, tag <= 0xffff_ffff else { throw Self.failure(.malformedTag) }
    let type = tag & 7
    guard type <= 2 || type == 5 else {
      throw Self.failure(.unsupportedWireType(field: Int(tag >> 3), type: UInt8(type)))
    }
    return UInt32(truncatingIfNeeded: tag)
  }

  @inline(__always)
  mutating func varint() throws(TraceFormatError) -> UInt64 {
    guard at < end else { throw Self.failure(.truncated) }
    let first = base.load(fromByteOffset: at, as: UInt8.self)
    if first < 0x80 {
      at += 1
      return UInt64(first)
    }
    return try longVarint()
  }

  private mutating func longVarint() throws(TraceFormatError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while at < end {
      let byte = base.load(fromByteOffset: at, as: UInt8.self)
      at += 1
      if shift == 63, byte > 1 { throw Self.failure(.malformedVarint) }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
      if shift > 63 { throw Self.failure(.malformedVarint) }
    }
    throw Self.failure(.truncated)
  }

  @inline(__always)
  mutating func fixed64() throws(TraceFormatError) -> UInt64 {
    guard end - at >= 8 else { throw Self.failure(.truncated) }
    defer { at += 8 }
    return UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
  }

  @inline(__always)
  mutating func fixed32() throws(TraceFormatError) -> UInt32 {
    guard end - at >= 4 else { throw Self.failure(.truncated) }
    defer { at += 4 }
    return UInt32(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt32.self))
  }

  /// The bytes of a length-delimited field, as offsets.
  @inline(__always)
  mutating func bytes() throws(TraceFormatError) -> Range<Int> {
    let count = try varint()
    guard count <= UInt64(end - at) else { throw Self.failure(.truncated) }
    let start = at
    at += Int(count)
    return start..<at
  }

  /// Leaves the value of the field whose tag was read last unread.
  mutating func skip(_ tag: UInt32) throws(TraceFormatError) {
    switch tag & 7 {
    case 0: _ = try varint()
    case 1: _ = try fixed64()
    case 2: _ = try bytes()
    default: _ = try fixed32()
    }
  }

  func buffer(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
  }

  /// A number of eight bytes, most significant first; the range must have eight.
  @inline(__always)
  func bigEndian(at offset: Int) -> UInt64 {
    UInt64(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}

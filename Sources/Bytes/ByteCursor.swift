/// Why bytes could not be read as what they should be.
package enum ByteError: Error, Equatable {
  /// Fewer bytes are left than the value needs.
  case truncated
  /// A varint of more than 10 bytes, or above 64 bits.
  case malformedVarint
  /// Hexadecimal or base64 text with a wrong character or length.
  case malformedText
}

/// Reads forward over borrowed bytes, with every read checked against the end.
///
/// Little-endian unless the name says otherwise. Throws ``ByteError/truncated`` and stays where
/// it was when the bytes do not suffice.
package struct ByteCursor: ~Escapable {
  /// All bytes, read ones included.
  package let bytes: RawSpan
  /// The index of the next byte to read.
  package private(set) var position = 0

  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan) { self.bytes = bytes }

  package var remaining: Int { bytes.byteCount - position }
  package var isAtEnd: Bool { position == bytes.byteCount }

  @_lifetime(self: copy self)
  package mutating func skip(_ count: Int) throws(ByteError) {
    guard count >= 0, count <= remaining else { throw .truncated }
    position += count
  }

  @_lifetime(self: copy self)
  package mutating func readByte() throws(ByteError) -> UInt8 {
    guard remaining >= 1 else { throw .truncated }
    defer { position += 1 }
    return bytes.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
  }

  /// Reads a fixed-width integer, least significant byte first.
  @_lifetime(self: copy self)
  package mutating func readLittleEndian<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type
  ) throws(ByteError) -> T {
    let size = MemoryLayout<T>.size
    guard remaining >= size else { throw .truncated }
    defer { position += size }
    return T(
      littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: T.self))
  }

  /// Reads a fixed-width integer, most significant byte first.
  @_lifetime(self: copy self)
  package mutating func readBigEndian<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type
  ) throws(ByteError) -> T {
    T(bigEndian: T(littleEndian: try readLittleEndian(type)))
  }

  /// Reads a base-128 varint (Protocol Buffers), at most 10 bytes.
  @_lifetime(self: copy self)
  package mutating func readVarint() throws(ByteError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    var at = position
    let end = bytes.byteCount
    while at < end {
      let byte = bytes.unsafeLoad(fromUncheckedByteOffset: at, as: UInt8.self)
      at += 1
      if shift == 63, byte > 1 { throw .malformedVarint }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 {
        position = at
        return value
      }
      shift += 7
      if shift > 63 { throw .malformedVarint }
    }
    throw .truncated
  }

  /// Reads a varint that counts bytes or items still to come, bounded by what is left.
  @_lifetime(self: copy self)
  package mutating func readLength() throws(ByteError) -> Int {
    let start = position
    let length = try readVarint()
    guard length <= UInt64(remaining) else {
      position = start
      throw .truncated
    }
    return Int(length)
  }

  /// Reads `count` bytes as a view of the cursor's own bytes.
  @_lifetime(copy self)
  package mutating func readBytes(_ count: Int) throws(ByteError) -> RawSpan {
    guard count >= 0, count <= remaining else { throw .truncated }
    let start = position
    position += count
    return bytes.extracting(start..<position)
  }
}

/// Appending encoded values to a byte array; the mirror of ``ByteCursor``.
extension [UInt8] {
  /// Appends a fixed-width integer, least significant byte first.
  @inlinable
  package mutating func appendLittleEndian<T: FixedWidthInteger>(_ value: T) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// Appends a fixed-width integer, most significant byte first.
  @inlinable
  package mutating func appendBigEndian<T: FixedWidthInteger>(_ value: T) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }

  /// Appends a base-128 varint (Protocol Buffers), 1 to 10 bytes.
  @inlinable
  package mutating func appendVarint(_ value: UInt64) {
    var rest = value
    while rest > 0x7f {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  /// Appends a signed integer as a zigzag varint: small magnitudes take few bytes.
  @inlinable
  package mutating func appendZigZag(_ value: Int64) {
    appendVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  /// Appends the UTF-8 bytes of `text`.
  @inlinable
  package mutating func append(utf8 text: String) { append(contentsOf: text.utf8) }

  /// Appends the bytes of a borrowed span.
  package mutating func append(span: RawSpan) {
    span.withUnsafeBytes { append(contentsOf: $0) }
  }
}

/// The signed integer whose zigzag form is `value`.
@inlinable
package func decodeZigZag(_ value: UInt64) -> Int64 {
  Int64(bitPattern: (value >> 1) ^ (0 &- (value & 1)))
}

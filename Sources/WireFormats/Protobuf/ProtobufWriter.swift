import Bytes

/// Appends the fields of messages to a byte array; the mirror of ``ProtobufReader``.
///
/// Fields are written in the order of the calls, default values too: leaving those out, as
/// proto3 does, is the caller's part.
package struct ProtobufWriter {
  /// What was written so far.
  package var bytes: [UInt8] = []

  package init(reserving count: Int = 0) {
    if count > 0 { bytes.reserveCapacity(count) }
  }

  private mutating func tag(_ field: Int, _ type: ProtobufWireType) {
    bytes.appendVarint(UInt64(field) << 3 | UInt64(type.rawValue))
  }

  package mutating func uint64(_ field: Int, _ value: UInt64) {
    tag(field, .varint)
    bytes.appendVarint(value)
  }

  /// `int64`, `int32` and enumerations: negative numbers take ten bytes.
  package mutating func int64(_ field: Int, _ value: Int64) {
    uint64(field, UInt64(bitPattern: value))
  }

  package mutating func int32(_ field: Int, _ value: Int32) { int64(field, Int64(value)) }
  package mutating func uint32(_ field: Int, _ value: UInt32) { uint64(field, UInt64(value)) }

  /// `sint64` and `sint32`: zigzag.
  package mutating func sint64(_ field: Int, _ value: Int64) {
    tag(field, .varint)
    bytes.appendZigZag(value)
  }

  package mutating func bool(_ field: Int, _ value: Bool) { uint64(field, value ? 1 : 0) }

  package mutating func fixed64(_ field: Int, _ value: UInt64) {
    tag(field, .fixed64)
    bytes.appendLittleEndian(value)
  }

  package mutating func fixed32(_ field: Int, _ value: UInt32) {
    tag(field, .fixed32)
    bytes.appendLittleEndian(value)
  }

  package mutating func double(_ field: Int, _ value: Double) {
    fixed64(field, value.bitPattern)
  }

  package mutating func string(_ field: Int, _ value: String) {
    tag(field, .bytes)
    bytes.appendVarint(UInt64(value.utf8.count))
    bytes.append(utf8: value)
  }

  package mutating func bytes(_ field: Int, _ value: some Collection<UInt8>) {
    tag(field, .bytes)
    bytes.appendVarint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  package mutating func bytes(_ field: Int, _ value: RawSpan) {
    tag(field, .bytes)
    bytes.appendVarint(UInt64(value.byteCount))
    bytes.append(span: value)
  }

  /// A message in a field: what `write` writes, with its length put before it.
  ///
  /// The length takes the fewest bytes: a body of 128 bytes or more is moved on by those that one
  /// byte does not hold.
  package mutating func message<E: Error>(
    _ field: Int, _ write: (inout ProtobufWriter) throws(E) -> Void
  ) throws(E) {
    tag(field, .bytes)
    let lengthAt = bytes.count
    bytes.append(0)
    try write(&self)
    var length: [UInt8] = []
    let count = bytes.count - lengthAt - 1
    if count < 128 {
      bytes[lengthAt] = UInt8(count)
    } else {
      length.appendVarint(UInt64(count))
      bytes.replaceSubrange(lengthAt...lengthAt, with: length)
    }
  }
}

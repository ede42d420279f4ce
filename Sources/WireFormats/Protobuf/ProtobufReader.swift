import Bytes

/// Reads the fields of one message over borrowed bytes, without copying.
///
/// Call ``nextField()`` until it is false; after each true read the value with the function of
/// the field's kind or leave it with ``skip()``. A message inside a field is read by another
/// reader over ``bytes()``. Everything is checked against the end of the bytes.
package struct ProtobufReader: ~Escapable {
  private var cursor: ByteCursor
  /// The number of the field whose value comes next.
  package private(set) var field = 0
  package private(set) var wireType = ProtobufWireType.varint

  @_lifetime(copy bytes)
  package init(_ bytes: RawSpan) { cursor = ByteCursor(bytes) }

  /// How many bytes of the message are read.
  package var position: Int { cursor.position }

  /// Whether all fields are read.
  package var isAtEnd: Bool { cursor.isAtEnd }

  /// Reads the next field's tag; false at the end of the message.
  @_lifetime(self: copy self)
  package mutating func nextField() throws(ProtobufError) -> Bool {
    guard !cursor.isAtEnd else { return false }
    let tag = try varint(cursor: &cursor)
    let number = tag >> 3
    guard number >= 1, number <= 0x1fff_ffff else { throw .malformedTag }
    field = Int(number)
    guard let type = ProtobufWireType(rawValue: UInt8(tag & 7)) else {
      throw .unsupportedWireType(field: field, type: UInt8(tag & 7))
    }
    wireType = type
    return true
  }

  /// Leaves the field's value unread.
  @_lifetime(self: copy self)
  package mutating func skip() throws(ProtobufError) {
    switch wireType {
    case .varint: _ = try varint(cursor: &cursor)
    case .fixed64: try advance(8)
    case .fixed32: try advance(4)
    case .bytes: try advance(try length())
    }
  }

  /// `uint64`, and the bits of `int64`; `int32` and enumerations are its low 32 bits.
  @_lifetime(self: copy self)
  package mutating func uint64() throws(ProtobufError) -> UInt64 {
    try expect(.varint)
    return try varint(cursor: &cursor)
  }

  @_lifetime(self: copy self)
  package mutating func int64() throws(ProtobufError) -> Int64 {
    Int64(bitPattern: try uint64())
  }

  /// `int32` or an enumeration; bits above the 32nd are cut, as protobuf says.
  @_lifetime(self: copy self)
  package mutating func int32() throws(ProtobufError) -> Int32 {
    Int32(truncatingIfNeeded: try uint64())
  }

  @_lifetime(self: copy self)
  package mutating func uint32() throws(ProtobufError) -> UInt32 {
    UInt32(truncatingIfNeeded: try uint64())
  }

  /// `sint64` and `sint32`: zigzag.
  @_lifetime(self: copy self)
  package mutating func sint64() throws(ProtobufError) -> Int64 { decodeZigZag(try uint64()) }

  @_lifetime(self: copy self)
  package mutating func bool() throws(ProtobufError) -> Bool { try uint64() != 0 }

  @_lifetime(self: copy self)
  package mutating func fixed64() throws(ProtobufError) -> UInt64 {
    try expect(.fixed64)
    do { return try cursor.readLittleEndian(UInt64.self) } catch { throw .truncated }
  }

  @_lifetime(self: copy self)
  package mutating func fixed32() throws(ProtobufError) -> UInt32 {
    try expect(.fixed32)
    do { return try cursor.readLittleEndian(UInt32.self) } catch { throw .truncated }
  }

  @_lifetime(self: copy self)
  package mutating func double() throws(ProtobufError) -> Double {
    Double(bitPattern: try fixed64())
  }

  /// The bytes of a `bytes`, `string`, message or packed field, as a view.
  @_lifetime(copy self)
  package mutating func bytes() throws(ProtobufError) -> RawSpan {
    try expect(.bytes)
    let count = try length()
    do { return try cursor.readBytes(count) } catch { throw .truncated }
  }

  /// A reader of the message in this field.
  @_lifetime(copy self)
  package mutating func message() throws(ProtobufError) -> ProtobufReader {
    ProtobufReader(try bytes())
  }

  @_lifetime(self: copy self)
  package mutating func byteArray() throws(ProtobufError) -> [UInt8] {
    try bytes().withUnsafeBytes { Array($0) }
  }

  /// A `string` field; throws ``ProtobufError/malformedText(field:)`` when it is not UTF-8.
  @_lifetime(self: copy self)
  package mutating func string() throws(ProtobufError) -> String {
    let text = try bytes().withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    guard let text else { throw .malformedText(field: field) }
    return text
  }

  /// A `string` field with what is not UTF-8 replaced by U+FFFD.
  @_lifetime(self: copy self)
  package mutating func repairedString() throws(ProtobufError) -> String {
    try bytes().withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// Appends the numbers of a repeated `fixed64` or `double` field, packed or one by one.
  @_lifetime(self: copy self)
  package mutating func appendFixed64(to values: inout [UInt64]) throws(ProtobufError) {
    guard wireType == .bytes else {
      values.append(try fixed64())
      return
    }
    var packed = ByteCursor(try bytes())
    while !packed.isAtEnd {
      do { values.append(try packed.readLittleEndian(UInt64.self)) } catch { throw .truncated }
    }
  }

  /// Appends the numbers of a repeated varint field, packed or one by one.
  @_lifetime(self: copy self)
  package mutating func appendVarints(to values: inout [UInt64]) throws(ProtobufError) {
    guard wireType == .bytes else {
      values.append(try uint64())
      return
    }
    var packed = ByteCursor(try bytes())
    while !packed.isAtEnd { values.append(try varint(cursor: &packed)) }
  }

  private func expect(_ type: ProtobufWireType) throws(ProtobufError) {
    guard wireType == type else {
      throw .unexpectedWireType(field: field, type: wireType.rawValue)
    }
  }

  @_lifetime(self: copy self)
  private mutating func length() throws(ProtobufError) -> Int {
    do { return try cursor.readLength() } catch {
      throw error == .truncated ? .truncated : .malformedVarint
    }
  }

  @_lifetime(self: copy self)
  private mutating func advance(_ count: Int) throws(ProtobufError) {
    do { try cursor.skip(count) } catch { throw .truncated }
  }
}

@_lifetime(cursor: copy cursor)
private func varint(cursor: inout ByteCursor) throws(ProtobufError) -> UInt64 {
  do { return try cursor.readVarint() } catch {
    throw error == .truncated ? .truncated : .malformedVarint
  }
}

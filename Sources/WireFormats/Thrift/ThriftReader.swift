import Bytes

/// Why bytes are not a value of Thrift.
package enum ThriftError: Error, Hashable {
  /// Fewer bytes are left than a value needs, or than its count promises.
  case truncated
  /// A varint of more than 10 bytes, or a length below zero.
  case malformedNumber
  /// A type that the protocol does not have.
  case unknownType(UInt8)
  /// Structs and containers nested deeper than ``ThriftReader/depthMax``.
  case tooDeep
  /// The head of a call that is not of the protocol.
  case malformedMessage

  /// In the words of Go's Thrift library where it has words for it.
  package var message: String {
    switch self {
    case .truncated: "unexpected EOF"
    case .malformedNumber: "negative or oversized length"
    case .unknownType(let type): "Unknown data type \(type)"
    case .tooDeep: "structures are nested deeper than \(ThriftReader.depthMax)"
    case .malformedMessage: "the bytes are no message of this protocol"
    }
  }
}

/// How a value is laid out, by the numbers of the binary protocol.
package enum ThriftType: UInt8, Sendable {
  case stop = 0
  case bool = 2
  case int8 = 3
  case double = 4
  case int16 = 6
  case int32 = 8
  case int64 = 10
  case binary = 11
  case structure = 12
  case map = 13
  case set = 14
  case list = 15
}

/// Reads values of Apache Thrift's binary and compact protocols over borrowed bytes
/// (thrift.apache.org, doc/specs/thrift-binary-protocol.md and thrift-compact-protocol.md).
///
/// Call ``beginStructure()``, then ``nextField()`` until it is false; after each true read the
/// value by its ``type`` or leave it with ``skip(_:)``. Everything is checked against the end of
/// the bytes, which must stay as they are while the reader is used.
package struct ThriftReader {
  package enum Encoding: Sendable {
    case binary
    case compact
  }

  /// How deep structures and containers may nest.
  package static let depthMax = 32

  package let bytes: UnsafeRawBufferPointer
  package let encoding: Encoding
  package private(set) var position = 0
  /// The number and type of the field whose value comes next.
  package private(set) var field: Int16 = 0
  package private(set) var type = ThriftType.stop
  /// The last fields of the structures around, which the compact protocol counts from.
  private var outerFields: [Int16] = []
  /// Compact: the value of a bool field stands in its head.
  private var boolInHead = false

  package init(_ bytes: UnsafeRawBufferPointer, _ encoding: Encoding) {
    self.bytes = bytes
    self.encoding = encoding
  }

  package var remaining: Int { bytes.count - position }
}

// MARK: - Structures and containers

extension ThriftReader {
  package mutating func beginStructure() throws(ThriftError) {
    guard outerFields.count < Self.depthMax else { throw .tooDeep }
    outerFields.append(field)
    field = 0
  }

  /// Reads the head of the next field; false at the structure's end, which is read too.
  package mutating func nextField() throws(ThriftError) -> Bool {
    let head = try byte()
    if head == 0 {
      field = outerFields.popLast() ?? 0
      type = .stop
      return false
    }
    switch encoding {
    case .binary:
      type = try Self.binaryType(head)
      field = Int16(bitPattern: try bigEndian(UInt16.self))
    case .compact:
      type = try Self.compactType(head & 0x0f)
      boolInHead = head & 0x0f == 1
      let step = head >> 4
      field = step == 0 ? Int16(truncatingIfNeeded: try zigZag()) : field &+ Int16(step)
    }
    return true
  }

  /// The items' type and count of a list or set; each item takes at least one byte of what is left.
  package mutating func listHead() throws(ThriftError) -> (type: ThriftType, count: Int) {
    var count: Int
    let type: ThriftType
    switch encoding {
    case .binary:
      type = try Self.binaryType(try byte())
      count = Int(Int32(bitPattern: try bigEndian(UInt32.self)))
    case .compact:
      let head = try byte()
      type = try Self.compactType(head & 0x0f)
      count = Int(head >> 4)
      if count == 15 { count = Int(clamping: try varint()) }
    }
    guard count >= 0 else { throw .malformedNumber }
    guard count <= remaining else { throw .truncated }
    return (type, count)
  }

  /// Leaves a value of `type` unread.
  package mutating func skip(_ type: ThriftType, depth: Int = 0) throws(ThriftError) {
    guard depth < Self.depthMax else { throw .tooDeep }
    switch type {
    case .stop: throw .unknownType(0)
    case .bool: _ = try bool(inField: depth == 0)
    case .int8: try advance(1)
    case .double: try advance(8)
    case .int16, .int32, .int64: _ = try integer(type)
    case .binary: _ = try binary()
    case .structure:
      try beginStructure()
      while try nextField() { try skipField(depth: depth) }
    case .list, .set:
      let (item, count) = try listHead()
      for _ in 0..<count { try skipItem(item, depth: depth) }
    case .map: try skipMap(depth: depth)
    }
  }

  private mutating func skipField(depth: Int) throws(ThriftError) {
    if type == .bool { _ = try bool() } else { try skip(type, depth: depth + 1) }
  }

  private mutating func skipItem(_ type: ThriftType, depth: Int) throws(ThriftError) {
    if type == .bool { try advance(1) } else { try skip(type, depth: depth + 1) }
  }

  private mutating func skipMap(depth: Int) throws(ThriftError) {
    let key: ThriftType
    let value: ThriftType
    let count: Int
    switch encoding {
    case .binary:
      key = try Self.binaryType(try byte())
      value = try Self.binaryType(try byte())
      count = Int(Int32(bitPattern: try bigEndian(UInt32.self)))
    case .compact:
      count = Int(clamping: try varint())
      guard count > 0 else { return }
      let types = try byte()
      key = try Self.compactType(types >> 4)
      value = try Self.compactType(types & 0x0f)
    }
    guard count >= 0 else { throw .malformedNumber }
    guard count <= remaining else { throw .truncated }
    for _ in 0..<count {
      try skipItem(key, depth: depth)
      try skipItem(value, depth: depth)
    }
  }

  private static func binaryType(_ number: UInt8) throws(ThriftError) -> ThriftType {
    guard number != 0, let type = ThriftType(rawValue: number) else { throw .unknownType(number) }
    return type
  }

  private static func compactType(_ number: UInt8) throws(ThriftError) -> ThriftType {
    switch number {
    case 1, 2: .bool
    case 3: .int8
    case 4: .int16
    case 5: .int32
    case 6: .int64
    case 7: .double
    case 8: .binary
    case 9: .list
    case 10: .set
    case 11: .map
    case 12: .structure
    default: throw .unknownType(number)
    }
  }
}

// MARK: - Scalars

extension ThriftReader {
  /// The value of a bool; in a list each has a byte of its own.
  package mutating func bool(inField: Bool = true) throws(ThriftError) -> Bool {
    if encoding == .compact, inField { return boolInHead }
    return try byte() == 1
  }

  /// The value of an `int8`, `int16`, `int32` or `int64`, whichever `type` says.
  package mutating func integer(_ type: ThriftType) throws(ThriftError) -> Int64 {
    if type == .int8 { return Int64(Int8(bitPattern: try byte())) }
    if encoding == .compact { return try zigZag() }
    switch type {
    case .int16: return Int64(Int16(bitPattern: try bigEndian(UInt16.self)))
    case .int32: return Int64(Int32(bitPattern: try bigEndian(UInt32.self)))
    default: return Int64(bitPattern: try bigEndian(UInt64.self))
    }
  }

  package mutating func double() throws(ThriftError) -> Double {
    let bits = try bigEndian(UInt64.self)
    return Double(bitPattern: encoding == .binary ? bits : bits.byteSwapped)
  }

  /// The bytes of a `string` or `binary`, borrowed.
  package mutating func binary() throws(ThriftError) -> UnsafeRawBufferPointer {
    let count =
      encoding == .binary
      ? Int(Int32(bitPattern: try bigEndian(UInt32.self))) : Int(clamping: try varint())
    guard count >= 0 else { throw .malformedNumber }
    guard count <= remaining else { throw .truncated }
    let start = position
    position += count
    return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
  }

  package mutating func byte() throws(ThriftError) -> UInt8 {
    guard position < bytes.count else { throw .truncated }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func advance(_ count: Int) throws(ThriftError) {
    guard count <= remaining else { throw .truncated }
    position += count
  }

  private mutating func bigEndian<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type
  ) throws(ThriftError) -> T {
    guard remaining >= MemoryLayout<T>.size else { throw .truncated }
    defer { position += MemoryLayout<T>.size }
    return T(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
  }

  private mutating func varint() throws(ThriftError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let next = try byte()
      if shift == 63, next > 1 { throw .malformedNumber }
      value |= UInt64(next & 0x7f) << shift
      if next < 0x80 { return value }
      shift += 7
      if shift > 63 { throw .malformedNumber }
    }
  }

  private mutating func zigZag() throws(ThriftError) -> Int64 { decodeZigZag(try varint()) }
}

// MARK: - Calls

extension ThriftReader {
  /// The head of a call: reads it and returns the function's name.
  ///
  /// Takes `CALL` and `ONEWAY`. The binary protocol's older form without a version, in which the
  /// name's length comes first, is taken too.
  package mutating func messageName() throws(ThriftError) -> UnsafeRawBufferPointer {
    let kind: UInt8
    let name: UnsafeRawBufferPointer
    switch encoding {
    case .compact:
      let (mark, versionAndType) = (try byte(), try byte())
      guard mark == 0x82, versionAndType & 0x1f == 1 else { throw .malformedMessage }
      kind = versionAndType >> 5
      _ = try varint()
      name = try binary()
    case .binary:
      let first = try bigEndian(UInt32.self)
      if first & 0x8000_0000 != 0 {
        guard first >> 16 == 0x8001 else { throw .malformedMessage }
        kind = UInt8(truncatingIfNeeded: first)
        name = try binary()
      } else {
        position -= 4
        name = try binary()
        kind = try byte()
      }
      _ = try bigEndian(UInt32.self)
    }
    guard kind == 1 || kind == 4 else { throw .malformedMessage }
    return name
  }
}

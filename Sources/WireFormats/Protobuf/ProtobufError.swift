/// Why bytes are not a message of Protocol Buffers.
package enum ProtobufError: Error, Hashable {
  /// Fewer bytes are left than a field needs.
  case truncated
  /// A varint of more than 10 bytes or 64 bits.
  case malformedVarint
  /// A field number of 0 or above 2^29 - 1.
  case malformedTag
  /// A group (wire types 3 and 4) or a wire type that does not exist.
  case unsupportedWireType(field: Int, type: UInt8)
  /// The field is there with another wire type than the one that was read.
  case unexpectedWireType(field: Int, type: UInt8)
  /// A string field that is not UTF-8.
  case malformedText(field: Int)

  /// In the words of Go's protobuf packages where they have words for it.
  package var message: String {
    switch self {
    case .truncated: "unexpected EOF"
    case .malformedVarint: "proto: integer overflow"
    case .malformedTag: "proto: illegal tag"
    case .unsupportedWireType(let field, let type):
      "proto: illegal wireType \(type) of field \(field)"
    case .unexpectedWireType(let field, let type):
      "proto: wrong wireType = \(type) for field \(field)"
    case .malformedText(let field): "proto: field \(field) contains invalid UTF-8"
    }
  }
}

/// How a field's value is laid out (protobuf.dev/programming-guides/encoding).
package enum ProtobufWireType: UInt8, Sendable {
  case varint = 0
  case fixed64 = 1
  case bytes = 2
  case fixed32 = 5
}

import Bytes
import TelemetryModel
import TraceFormats
import WireFormats

/// Checks OTLP's messages field by field, within a budget.
struct SpanMessageChecker {
  var budget: DecodingBudget

  init(_ limits: TraceDecodingLimits) { budget = DecodingBudget(limits) }

  @inline(__always)
  static func expect(_ tag: UInt32, _ type: ProtobufWireType) throws(TraceFormatError) {
    guard UInt8(truncatingIfNeeded: tag & 7) == type.rawValue else { throw wrongType(tag) }
  }

  private static func wrongType(_ tag: UInt32) -> TraceFormatError {
    WireCursor.failure(
      .unexpectedWireType(field: Int(tag >> 3), type: UInt8(truncatingIfNeeded: tag & 7)))
  }

  @inline(__always)
  static func text(_ bytes: UnsafeRawBufferPointer, field: Int) throws(TraceFormatError) {
    guard UTF8Check.isValid(bytes) else { throw WireCursor.failure(.malformedText(field: field)) }
  }

  // MARK: span

  /// Checks a `Span` and reads what the row has of it.
  mutating func span(
    _ message: WireCursor, _ row: inout SpanRow, _ name: inout Range<Int>
  ) throws(TraceFormatError) {
    var reader = message
    while true {
      let tag = try reader.nextTag()
      switch tag {
      case 0: return
      case 0x0a: row.trace = try Self.traceID(&reader)
      case 0x12: row.span = try Self.spanID(&reader, "span_id")
      case 0x22: row.parent = try Self.spanID(&reader, "parent_span_id")
      case 0x1a: try Self.text(reader.buffer(try reader.bytes()), field: 3)
      case 0x2a:
        name = try reader.bytes()
        try Self.text(reader.buffer(name), field: 5)
      case 0x30: row.kind = Int32(truncatingIfNeeded: try reader.varint())
      case 0x39: row.start = Int64(bitPattern: try reader.fixed64())
      case 0x41: row.end = Int64(bitPattern: try reader.fixed64())
      case 0x4a: try attribute(WireCursor(reader.base, try reader.bytes()), depth: 0)
      case 0x50, 0x60, 0x70: _ = try reader.varint()
      case 0x5a: try event(WireCursor(reader.base, try reader.bytes()))
      case 0x6a: try link(WireCursor(reader.base, try reader.bytes()))
      case 0x7a: try status(WireCursor(reader.base, try reader.bytes()), &row)
      case 0x85: _ = try reader.fixed32()
      default:
        guard tag >> 3 > 16 else { throw Self.wrongType(tag) }
        try reader.skip(tag)
      }
    }
  }

  private static func traceID(_ reader: inout WireCursor) throws(TraceFormatError) -> TraceID {
    let id = try reader.bytes()
    if id.isEmpty { return TraceID(high: 0, low: 0) }
    guard id.count == 16 else {
      throw TraceFormatError(.malformed, "trace_id has \(id.count) bytes instead of 16")
    }
    return TraceID(
      high: reader.bigEndian(at: id.lowerBound), low: reader.bigEndian(at: id.lowerBound + 8))
  }

  private static func spanID(
    _ reader: inout WireCursor, _ field: StaticString
  ) throws(TraceFormatError) -> UInt64 {
    let id = try reader.bytes()
    if id.isEmpty { return 0 }
    guard id.count == 8 else {
      throw TraceFormatError(.malformed, "\(field) has \(id.count) bytes instead of 8")
    }
    return reader.bigEndian(at: id.lowerBound)
  }

  private mutating func event(_ message: WireCursor) throws(TraceFormatError) {
    try budget.countValue()
    var reader = message
    while true {
      let tag = try reader.nextTag()
      switch tag {
      case 0: return
      case 0x09: _ = try reader.fixed64()
      case 0x12: try Self.text(reader.buffer(try reader.bytes()), field: 2)
      case 0x1a: try attribute(WireCursor(reader.base, try reader.bytes()), depth: 0)
      case 0x20: _ = try reader.varint()
      default:
        guard tag >> 3 > 4 else { throw Self.wrongType(tag) }
        try reader.skip(tag)
      }
    }
  }

  private mutating func link(_ message: WireCursor) throws(TraceFormatError) {
    try budget.countValue()
    var reader = message
    while true {
      let tag = try reader.nextTag()
      switch tag {
      case 0: return
      case 0x0a: _ = try Self.traceID(&reader)
      case 0x12: _ = try Self.spanID(&reader, "link.span_id")
      case 0x1a: try Self.text(reader.buffer(try reader.bytes()), field: 3)
      case 0x22: try attribute(WireCursor(reader.base, try reader.bytes()), depth: 0)
      case 0x28: _ = try reader.varint()
      case 0x35: _ = try reader.fixed32()
      default:
        guard tag >> 3 > 6 else { throw Self.wrongType(tag) }
        try reader.skip(tag)
      }
    }
  }

  private func status(_ message: WireCursor, _ row: inout SpanRow) throws(TraceFormatError) {
    var reader = message
    while true {
      let tag = try reader.nextTag()
      switch tag {
      case 0: return
      case 0x12: try Self.text(reader.buffer(try reader.bytes()), field: 2)
      case 0x18: row.status = Int32(truncatingIfNeeded: try reader.varint())
      default:
        guard ![2, 3].contains(tag >> 3) else { throw Self.wrongType(tag) }
        try reader.skip(tag)
      }
    }
  }

  // MARK: resource and scope

  /// Checks a `Resource`; returns where the text of `service.name` stands, or nil.
  mutating func resource(_ message: WireCursor) throws(TraceFormatError) -> Range<Int>? {
    var service: Range<Int>?
    var reader = message
    while true {
      let tag = try reader.nextTag()
      switch tag {
      case 0: return service
      case 0x0a:
        let attribute = try reader.bytes()
        try self.attribute(WireCursor(reader.base, attribute), depth: 0)
        if service == nil {
          service = try Self.serviceName(WireCursor(reader.base, attribute))
        }
      case 0x10: _ = try reader.varint()
      default:
        guard tag >> 3 > 2 else { throw Self.wrongType(tag) }
        try reader.skip(tag)
      }
    }
  }

  /// The text of an attribute `service.name` that is a string.
  private static func serviceName(_ attribute: WireCursor) throws(TraceFormatError) -> Range<Int>? {
    let (key, value) = try SpanMessage.keyAndValue(attribute)
    guard attribute.buffer(key).elementsEqual("service.name".utf8) else { return nil }
    var reader = WireCursor(attribute.base, value)
    var text: Range<Int>?
    while true {
      let tag = try reader.nextTag()
      if tag == 0 { return text }
      if tag == 0x0a {
        text = try reader.bytes()
      } else {
        text = nil
        try reader.skip(tag)
      }
    }
  }

  mutating func scope(_ message: WireCursor) throws(TraceFormatError) {
    var reader = message
    while true {
      let tag = try reader.nextTag()
      switch tag {
      case 0: return
      case 0x0a, 0x12: try Self.text(reader.buffer(try reader.bytes()), field: Int(tag >> 3))
      case 0x1a: try attribute(WireCursor(reader.base, try reader.bytes()), depth: 0)
      case 0x20: _ = try reader.varint()
      default:
        guard tag >> 3 > 4 else { throw Self.wrongType(tag) }
        try reader.skip(tag)
      }
    }
  }

  // MARK: attributes

  private mutating func attribute(_ message: WireCursor, depth: Int) throws(TraceFormatError) {
    try budget.countValue()
    var reader = message
    while true {
      let tag = try reader.nextTag()
      switch tag {
      case 0: return
      case 0x0a: try Self.text(reader.buffer(try reader.bytes()), field: 1)
      case 0x12: try value(WireCursor(reader.base, try reader.bytes()), depth: depth)
      default:
        guard tag >> 3 > 2 else { throw Self.wrongType(tag) }
        try reader.skip(tag)
      }
    }
  }

  private mutating func value(_ message: WireCursor, depth: Int) throws(TraceFormatError) {
    var reader = message
    while true {
      let tag = try reader.nextTag()
      switch tag {
      case 0: return
      case 0x0a: try Self.text(reader.buffer(try reader.bytes()), field: 1)
      case 0x10, 0x18: _ = try reader.varint()
      case 0x21: _ = try reader.fixed64()
      case 0x2a, 0x32:
        try items(WireCursor(reader.base, try reader.bytes()), depth + 1, areMembers: tag == 0x32)
      case 0x3a: _ = try reader.bytes()
      default:
        guard tag >> 3 > 7 else { throw Self.wrongType(tag) }
        try reader.skip(tag)
      }
    }
  }

  /// An array's items or a map's members.
  private mutating func items(
    _ message: WireCursor, _ depth: Int, areMembers: Bool
  ) throws(TraceFormatError) {
    try budget.checkDepth(depth)
    var reader = message
    while true {
      let tag = try reader.nextTag()
      if tag == 0 { return }
      guard tag >> 3 == 1 else {
        try reader.skip(tag)
        continue
      }
      try Self.expect(tag, .bytes)
      let item = WireCursor(reader.base, try reader.bytes())
      if areMembers {
        try attribute(item, depth: depth)
      } else {
        try budget.countValue()
        try value(item, depth: depth)
      }
    }
  }
}

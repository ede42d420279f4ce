import Bytes
import TelemetryModel
import WireFormats

/// Decodes the messages of OTLP's traces, one function for each.
///
/// A message that is there twice is merged, as protobuf says.
struct OTLPTraceProtobufDecoder {
  var budget: DecodingBudget

  init(_ limits: TraceDecodingLimits) { budget = DecodingBudget(limits) }

  mutating func batches(_ bytes: RawSpan) throws -> [ResourceSpans] {
    try items(bytes) { decoder, bytes in
      try decoder.budget.countValue()
      return try decoder.resourceSpans(bytes)
    }
  }

  mutating func resourceSpans(_ bytes: RawSpan) throws -> ResourceSpans {
    var batch = ResourceSpans()
    (batch.resource, batch.scopes) = try groups(bytes) { try $0.scopeSpans($1) }
    return batch
  }

  mutating func scopeSpans(_ bytes: RawSpan) throws -> ScopeSpans {
    var group = ScopeSpans()
    (group.scope, group.spans) = try records(bytes) { try $0.span($1) }
    return group
  }

  mutating func span(_ bytes: RawSpan) throws -> Span {
    var span = Span()
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: span.traceID = try traceID(try reader.bytes())
      case 2: span.spanID = try spanID(try reader.bytes(), "span_id")
      case 3: span.traceState = try reader.string()
      case 4: span.parentSpanID = try spanID(try reader.bytes(), "parent_span_id")
      case 5: span.name = try reader.string()
      case 6: span.kind = SpanKind(rawValue: try reader.int32())
      case 7: span.start = Timestamp(bits: try reader.fixed64())
      case 8: span.end = Timestamp(bits: try reader.fixed64())
      case 9: span.attributes.append(try attribute(try reader.bytes(), depth: 0))
      case 10: span.droppedAttributesCount = try reader.uint32()
      case 11: span.events.append(try event(try reader.bytes()))
      case 12: span.droppedEventsCount = try reader.uint32()
      case 13: span.links.append(try link(try reader.bytes()))
      case 14: span.droppedLinksCount = try reader.uint32()
      case 15: try status(try reader.bytes(), into: &span.status)
      case 16: span.flags = try reader.fixed32()
      default: try reader.skip()
      }
    }
    return span
  }

  private mutating func event(_ bytes: RawSpan) throws -> SpanEvent {
    try budget.countValue()
    var event = SpanEvent()
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: event.time = Timestamp(bits: try reader.fixed64())
      case 2: event.name = try reader.string()
      case 3: event.attributes.append(try attribute(try reader.bytes(), depth: 0))
      case 4: event.droppedAttributesCount = try reader.uint32()
      default: try reader.skip()
      }
    }
    return event
  }

  private mutating func link(_ bytes: RawSpan) throws -> SpanLink {
    try budget.countValue()
    var link = SpanLink()
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: link.traceID = try traceID(try reader.bytes())
      case 2: link.spanID = try spanID(try reader.bytes(), "link.span_id")
      case 3: link.traceState = try reader.string()
      case 4: link.attributes.append(try attribute(try reader.bytes(), depth: 0))
      case 5: link.droppedAttributesCount = try reader.uint32()
      case 6: link.flags = try reader.fixed32()
      default: try reader.skip()
      }
    }
    return link
  }

  private func status(_ bytes: RawSpan, into status: inout SpanStatus) throws {
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 2: status.message = try reader.string()
      case 3: status.code = try reader.int32()
      default: try reader.skip()
      }
    }
  }
}

/// Attributes and their values.
extension OTLPTraceProtobufDecoder {
  mutating func attribute(_ bytes: RawSpan, depth: Int) throws -> Attribute {
    try budget.countValue()
    var attribute = Attribute("", .empty)
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: attribute.key = try reader.string()
      case 2: attribute.value = try value(try reader.bytes(), depth: depth)
      default: try reader.skip()
      }
    }
    return attribute
  }

  mutating func value(_ bytes: RawSpan, depth: Int) throws -> AttributeValue {
    var value = AttributeValue.empty
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: value = .string(try reader.string())
      case 2: value = .bool(try reader.bool())
      case 3: value = .int(try reader.int64())
      case 4: value = .double(try reader.double())
      case 5: value = .array(try items(try reader.bytes(), depth: depth + 1))
      case 6: value = .map(try members(try reader.bytes(), depth: depth + 1))
      case 7: value = .bytes(try reader.byteArray())
      default: try reader.skip()
      }
    }
    return value
  }

  private mutating func items(_ bytes: RawSpan, depth: Int) throws -> [AttributeValue] {
    try budget.checkDepth(depth)
    return try items(bytes) { decoder, bytes in
      try decoder.budget.countValue()
      return try decoder.value(bytes, depth: depth)
    }
  }

  private mutating func members(_ bytes: RawSpan, depth: Int) throws -> [Attribute] {
    try budget.checkDepth(depth)
    return try items(bytes) { decoder, bytes in try decoder.attribute(bytes, depth: depth) }
  }
}

/// Identifiers: their whole length, or nothing for none.
extension OTLPTraceProtobufDecoder {
  func traceID(_ bytes: RawSpan) throws -> TraceID {
    if bytes.byteCount == 0 { return TraceID(high: 0, low: 0) }
    guard bytes.byteCount == 16 else {
      throw TraceFormatError.malformed("trace_id has \(bytes.byteCount) bytes instead of 16")
    }
    var cursor = ByteCursor(bytes)
    return TraceID(
      high: try cursor.readBigEndian(UInt64.self), low: try cursor.readBigEndian(UInt64.self))
  }

  func spanID(_ bytes: RawSpan, _ field: String) throws -> SpanID {
    if bytes.byteCount == 0 { return SpanID(0) }
    guard bytes.byteCount == 8 else {
      throw TraceFormatError.malformed("\(field) has \(bytes.byteCount) bytes instead of 8")
    }
    var cursor = ByteCursor(bytes)
    return SpanID(try cursor.readBigEndian(UInt64.self))
  }
}

extension Timestamp {
  /// OTLP's unsigned nanoseconds, bit for bit.
  init(bits: UInt64) { self.init(nanoseconds: Int64(bitPattern: bits)) }
  /// The same, to be written.
  var bits: UInt64 { UInt64(bitPattern: nanoseconds) }
}

import Bytes
import TelemetryModel
import WireFormats

/// Encodes OTLP's traces; fields that hold their default are left out, as proto3 does.
struct OTLPTraceProtobufEncoder {
  private var writer = ProtobufWriter()

  var bytes: [UInt8] { writer.bytes }

  mutating func append(_ batch: ResourceSpans) {
    writer.message(1) { Self.write(batch, to: &$0) }
  }

  private static func write(_ batch: ResourceSpans, to writer: inout ProtobufWriter) {
    writer.message(1) { message in
      write(batch.resource.attributes, 1, to: &message)
      count(2, batch.resource.droppedAttributesCount, to: &message)
    }
    for group in batch.scopes {
      writer.message(2) { write(group, to: &$0) }
    }
    text(3, batch.resource.schemaURL, to: &writer)
  }

  private static func write(_ group: ScopeSpans, to writer: inout ProtobufWriter) {
    let scope = group.scope
    writer.message(1) { message in
      text(1, scope.name, to: &message)
      text(2, scope.version, to: &message)
      write(scope.attributes, 3, to: &message)
      count(4, scope.droppedAttributesCount, to: &message)
    }
    for span in group.spans {
      writer.message(2) { write(span, to: &$0) }
    }
    text(3, scope.schemaURL, to: &writer)
  }

  private static func write(_ span: Span, to writer: inout ProtobufWriter) {
    identifier(1, span.traceID, to: &writer)
    identifier(2, span.spanID, to: &writer)
    text(3, span.traceState, to: &writer)
    identifier(4, span.parentSpanID, to: &writer)
    text(5, span.name, to: &writer)
    if span.kind != .unspecified { writer.int32(6, span.kind.rawValue) }
    if span.start != .zero { writer.fixed64(7, span.start.bits) }
    if span.end != .zero { writer.fixed64(8, span.end.bits) }
    write(span.attributes, 9, to: &writer)
    count(10, span.droppedAttributesCount, to: &writer)
    for event in span.events {
      writer.message(11) { write(event, to: &$0) }
    }
    count(12, span.droppedEventsCount, to: &writer)
    for link in span.links {
      writer.message(13) { write(link, to: &$0) }
    }
    count(14, span.droppedLinksCount, to: &writer)
    if span.status != SpanStatus() {
      writer.message(15) { message in
        text(2, span.status.message, to: &message)
        if span.status.code != SpanStatus.unset { message.int32(3, span.status.code) }
      }
    }
    if span.flags != 0 { writer.fixed32(16, span.flags) }
  }

  static func write(_ event: SpanEvent, to writer: inout ProtobufWriter) {
    if event.time != .zero { writer.fixed64(1, event.time.bits) }
    text(2, event.name, to: &writer)
    write(event.attributes, 3, to: &writer)
    count(4, event.droppedAttributesCount, to: &writer)
  }

  static func write(_ link: SpanLink, to writer: inout ProtobufWriter) {
    identifier(1, link.traceID, to: &writer)
    identifier(2, link.spanID, to: &writer)
    text(3, link.traceState, to: &writer)
    write(link.attributes, 4, to: &writer)
    count(5, link.droppedAttributesCount, to: &writer)
    if link.flags != 0 { writer.fixed32(6, link.flags) }
  }

  private static func write(
    _ attributes: [Attribute], _ field: Int, to writer: inout ProtobufWriter
  ) {
    for attribute in attributes {
      writer.message(field) { message in
        text(1, attribute.key, to: &message)
        message.message(2) { write(attribute.value, to: &$0) }
      }
    }
  }

  /// A value of a `oneof`: written also when it is its kind's default.
  private static func write(_ value: AttributeValue, to writer: inout ProtobufWriter) {
    switch value {
    case .empty: break
    case .string(let text): writer.string(1, text)
    case .bool(let flag): writer.bool(2, flag)
    case .int(let number): writer.int64(3, number)
    case .double(let number): writer.double(4, number)
    case .array(let items):
      writer.message(5) { list in
        for item in items { list.message(1) { write(item, to: &$0) } }
      }
    case .map(let members): writer.message(6) { write(members, 1, to: &$0) }
    case .bytes(let bytes): writer.bytes(7, bytes)
    }
  }

  private static func text(_ field: Int, _ text: String, to writer: inout ProtobufWriter) {
    if !text.isEmpty { writer.string(field, text) }
  }

  private static func count(_ field: Int, _ count: UInt32, to writer: inout ProtobufWriter) {
    if count != 0 { writer.uint32(field, count) }
  }

  private static func identifier(_ field: Int, _ id: TraceID, to writer: inout ProtobufWriter) {
    guard !id.isZero else { return }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(16)
    bytes.appendBigEndian(id.high)
    bytes.appendBigEndian(id.low)
    writer.bytes(field, bytes)
  }

  private static func identifier(_ field: Int, _ id: SpanID, to writer: inout ProtobufWriter) {
    guard !id.isZero else { return }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8)
    bytes.appendBigEndian(id.value)
    writer.bytes(field, bytes)
  }
}

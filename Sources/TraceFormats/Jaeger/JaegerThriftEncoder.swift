import Bytes
package import TelemetryModel

/// Writes spans as Jaeger's collector takes them over HTTP: a `Batch` for each resource, in
/// Thrift's binary protocol (`jaeger.thrift`).
///
/// Times are microseconds; link attributes, dropped counts and scope attributes are lost.
package enum JaegerThriftEncoder {
  /// A body for `POST /api/traces` for each resource, in order.
  package static func encode(_ batches: [ResourceSpans]) -> [[UInt8]] {
    batches.map { batch in
      var out = ThriftWriter()
      out.begin(1, .structure)
      out.text(1, JaegerNaming.service(batch.resource))
      out.tags(2, batch.resource.attributes.filter { $0.key != "service.name" })
      out.stop()
      let spans = batch.scopes.flatMap { group in group.spans.map { ($0, group.scope) } }
      out.list(2, of: .structure, spans) { out, entry in write(entry.0, entry.1, to: &out) }
      out.stop()
      return out.bytes
    }
  }

  private static func write(
    _ span: Span, _ scope: InstrumentationScope, to out: inout ThriftWriter
  ) {
    out.int64(1, Int64(bitPattern: span.traceID.low))
    out.int64(2, Int64(bitPattern: span.traceID.high))
    out.int64(3, Int64(bitPattern: span.spanID.value))
    out.int64(4, Int64(bitPattern: span.parentSpanID.value))
    out.text(5, JaegerNaming.operation(span))
    out.list(6, of: .structure, span.links) { out, link in
      let isChild = link.attributes.value(of: "opentracing.ref_type") == .string("child_of")
      out.int32(1, isChild ? 0 : 1)
      out.int64(2, Int64(bitPattern: link.traceID.low))
      out.int64(3, Int64(bitPattern: link.traceID.high))
      out.int64(4, Int64(bitPattern: link.spanID.value))
      out.stop()
    }
    out.int32(7, Int32(bitPattern: span.flags))
    out.int64(8, Int64(span.start.bits / 1000))
    let length = span.end.bits > span.start.bits ? span.end.bits - span.start.bits : 0
    out.int64(9, Int64(length / 1000))
    out.tags(10, tags(of: span, scope))
    out.list(11, of: .structure, span.events) { out, event in
      out.int64(1, Int64(event.time.bits / 1000))
      var fields = event.attributes
      if !event.name.isEmpty, fields.value(of: "event") == nil {
        fields.insert(Attribute("event", .string(event.name)), at: 0)
      }
      out.tags(2, fields)
      out.stop()
    }
    out.stop()
  }

  private static func tags(of span: Span, _ scope: InstrumentationScope) -> [Attribute] {
    var tags: [Attribute] = []
    if !scope.name.isEmpty { tags.append(Attribute("otel.scope.name", .string(scope.name))) }
    if !scope.version.isEmpty {
      tags.append(Attribute("otel.scope.version", .string(scope.version)))
    }
    tags += span.attributes.filter { $0.key != JaegerNaming.warningsKey }
    if let kind = JaegerNaming.kind(span.kind) {
      tags.append(Attribute("span.kind", .string(kind)))
    }
    switch span.status.code {
    case SpanStatus.ok: tags.append(Attribute("otel.status_code", .string("OK")))
    case SpanStatus.error:
      tags.append(Attribute("otel.status_code", .string("ERROR")))
      tags.append(Attribute("error", .bool(true)))
    default: break
    }
    if !span.status.message.isEmpty {
      tags.append(Attribute("otel.status_description", .string(span.status.message)))
    }
    if !span.traceState.isEmpty {
      tags.append(Attribute("w3c.tracestate", .string(span.traceState)))
    }
    return tags
  }
}

/// Fields of structures in Thrift's binary protocol.
private struct ThriftWriter {
  enum FieldType: UInt8 {
    case bool = 2
    case double = 4
    case int32 = 8
    case int64 = 10
    case binary = 11
    case structure = 12
    case list = 15
  }

  private(set) var bytes: [UInt8] = []

  mutating func begin(_ field: Int16, _ type: FieldType) {
    bytes.append(type.rawValue)
    bytes.appendBigEndian(UInt16(bitPattern: field))
  }

  mutating func stop() { bytes.append(0) }

  mutating func int32(_ field: Int16, _ value: Int32) {
    begin(field, .int32)
    bytes.appendBigEndian(UInt32(bitPattern: value))
  }

  mutating func int64(_ field: Int16, _ value: Int64) {
    begin(field, .int64)
    bytes.appendBigEndian(UInt64(bitPattern: value))
  }

  mutating func binary(_ field: Int16, _ value: [UInt8]) {
    begin(field, .binary)
    bytes.appendBigEndian(UInt32(truncatingIfNeeded: value.count))
    bytes += value
  }

  mutating func text(_ field: Int16, _ value: String) { binary(field, Array(value.utf8)) }

  mutating func list<Element>(
    _ field: Int16, of type: FieldType, _ elements: [Element],
    _ write: (inout ThriftWriter, Element) -> Void
  ) {
    begin(field, .list)
    bytes.append(type.rawValue)
    bytes.appendBigEndian(UInt32(truncatingIfNeeded: elements.count))
    for element in elements { write(&self, element) }
  }

  mutating func tags(_ field: Int16, _ attributes: [Attribute]) {
    list(field, of: .structure, attributes) { out, attribute in
      out.text(1, attribute.key)
      switch attribute.value {
      case .double(let number):
        out.int32(2, 1)
        out.begin(4, .double)
        out.bytes.appendBigEndian(number.bitPattern)
      case .bool(let flag):
        out.int32(2, 2)
        out.begin(5, .bool)
        out.bytes.append(flag ? 1 : 0)
      case .int(let number):
        out.int32(2, 3)
        out.int64(6, number)
      case .bytes(let value):
        out.int32(2, 4)
        out.binary(7, value)
      case .empty, .string, .array, .map:
        out.int32(2, 0)
        out.text(3, attribute.value.text)
      }
      out.stop()
    }
  }
}

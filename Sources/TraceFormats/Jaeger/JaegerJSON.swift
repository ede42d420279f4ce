import Bytes
package import TelemetryModel
package import WireFormats

/// Traces as the JSON of Jaeger's query API and of the files that its UI loads.
///
/// What Jaeger's form has no place for is lost: nanoseconds, attributes of links and scopes,
/// schema URLs, counts of what was dropped, flags, and the difference between an array and its
/// text. Everything else is there (see docs/formats/trace-exports.md).
package enum JaegerJSON {
  /// The whole document: `{"data": [trace…], "total": 0, …}`.
  package static func encode(_ traces: [[ResourceSpans]]) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("data")
    json.beginArray()
    for trace in traces { write(trace, to: &json) }
    json.endArray()
    writeEnvelopeEnd(to: &json)
    return json.bytes
  }

  /// The members behind `data` of an answer without errors, and the closing brace.
  package static func writeEnvelopeEnd(total: Int = 0, to json: inout JSONWriter) {
    json.key("total")
    json.int(Int64(total))
    json.key("limit")
    json.int(0)
    json.key("offset")
    json.int(0)
    json.key("errors")
    json.null()
    json.endObject()
  }

  /// One trace as an item of `data`. All spans must be of one trace.
  package static func write(_ trace: [ResourceSpans], to json: inout JSONWriter) {
    var processes = ProcessTable()
    json.beginObject()
    json.key("traceID")
    let id = trace.lazy.flatMap(\.scopes).flatMap(\.spans).first?.traceID
    json.string(id.map(text) ?? "")
    json.key("spans")
    json.beginArray()
    trace.forEachSpan { span, scope, resource in
      write(span, scope, process: processes.id(of: resource), to: &json)
    }
    json.endArray()
    json.key("processes")
    json.beginObject()
    for (index, resource) in processes.resources.enumerated() {
      json.key("p\(index + 1)")
      json.beginObject()
      json.key("serviceName")
      json.string(JaegerNaming.service(resource))
      json.key("tags")
      json.beginArray()
      for attribute in resource.attributes where attribute.key != "service.name" {
        write(attribute, to: &json)
      }
      json.endArray()
      json.endObject()
    }
    json.endObject()
    json.key("warnings")
    json.null()
    json.endObject()
  }

  /// A trace's id as Jaeger prints it: 16 digits when the high half is zero, else 32.
  package static func text(_ id: TraceID) -> String {
    id.high == 0 ? SpanID(id.low).hex : id.hex
  }

  private static func write(
    _ span: Span, _ scope: InstrumentationScope, process: String, to json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("traceID")
    json.string(text(span.traceID))
    json.key("spanID")
    json.string(span.spanID.hex)
    json.key("operationName")
    json.string(JaegerNaming.operation(span))
    writeReferences(of: span, to: &json)
    json.key("startTime")
    json.uint(span.start.bits / 1000)
    json.key("duration")
    json.uint(span.end.bits > span.start.bits ? (span.end.bits - span.start.bits) / 1000 : 0)
    writeTags(of: span, scope, to: &json)
    writeLogs(of: span, to: &json)
    json.key("processID")
    json.string(process)
    json.key("warnings")
    writeWarnings(of: span, to: &json)
    json.endObject()
  }

  /// The parent first, then the links; a link is a parent too when its attribute says so.
  private static func writeReferences(of span: Span, to json: inout JSONWriter) {
    func write(_ type: String, _ traceID: TraceID, _ spanID: SpanID) {
      json.beginObject()
      json.key("refType")
      json.string(type)
      json.key("traceID")
      json.string(text(traceID))
      json.key("spanID")
      json.string(spanID.hex)
      json.endObject()
    }
    json.key("references")
    json.beginArray()
    if !span.parentSpanID.isZero { write("CHILD_OF", span.traceID, span.parentSpanID) }
    for link in span.links {
      let isChild = link.attributes.value(of: "opentracing.ref_type") == .string("child_of")
      write(isChild ? "CHILD_OF" : "FOLLOWS_FROM", link.traceID, link.spanID)
    }
    json.endArray()
  }

  private static func writeTags(
    of span: Span, _ scope: InstrumentationScope, to json: inout JSONWriter
  ) {
    func write(_ key: String, _ value: AttributeValue) {
      self.write(Attribute(key, value), to: &json)
    }
    json.key("tags")
    json.beginArray()
    if !scope.name.isEmpty { write("otel.scope.name", .string(scope.name)) }
    if !scope.version.isEmpty { write("otel.scope.version", .string(scope.version)) }
    for attribute in span.attributes where attribute.key != JaegerNaming.warningsKey {
      self.write(attribute, to: &json)
    }
    if let kind = JaegerNaming.kind(span.kind) { write("span.kind", .string(kind)) }
    switch span.status.code {
    case SpanStatus.ok: write("otel.status_code", .string("OK"))
    case SpanStatus.error:
      write("otel.status_code", .string("ERROR"))
      write("error", .bool(true))
    default: break
    }
    if !span.status.message.isEmpty {
      write("otel.status_description", .string(span.status.message))
    }
    if !span.traceState.isEmpty { write("w3c.tracestate", .string(span.traceState)) }
    json.endArray()
  }

  private static func writeLogs(of span: Span, to json: inout JSONWriter) {
    json.key("logs")
    json.beginArray()
    for event in span.events {
      json.beginObject()
      json.key("timestamp")
      json.uint(event.time.bits / 1000)
      json.key("fields")
      json.beginArray()
      if !event.name.isEmpty, event.attributes.value(of: "event") == nil {
        write(Attribute("event", .string(event.name)), to: &json)
      }
      for attribute in event.attributes { write(attribute, to: &json) }
      json.endArray()
      json.endObject()
    }
    json.endArray()
  }

  private static func writeWarnings(of span: Span, to json: inout JSONWriter) {
    guard case .array(let warnings) = span.attributes.value(of: JaegerNaming.warningsKey) else {
      json.null()
      return
    }
    json.beginArray()
    for warning in warnings { json.string(warning.text) }
    json.endArray()
  }

  /// `{"key", "type", "value"}`; integers that JavaScript cannot hold are texts.
  private static func write(_ attribute: Attribute, to json: inout JSONWriter) {
    json.beginObject()
    json.key("key")
    json.string(attribute.key)
    json.key("type")
    switch attribute.value {
    case .bool(let flag):
      json.string("bool")
      json.key("value")
      json.bool(flag)
    case .int(let number):
      json.string("int64")
      json.key("value")
      if number.magnitude < 1 << 53 { json.int(number) } else { json.quotedInt(number) }
    case .double(let number):
      json.string("float64")
      json.key("value")
      if number.isFinite { json.double(number) } else { json.string(attribute.value.text) }
    case .bytes(let bytes):
      json.string("binary")
      json.key("value")
      json.string(Base64.encode(bytes))
    case .empty, .string, .array, .map:
      json.string("string")
      json.key("value")
      json.string(attribute.value.text)
    }
    json.endObject()
  }
}

/// The processes of a trace: its different resources, by first appearance.
private struct ProcessTable {
  var resources: [Resource] = []
  private var numbers: [[Attribute]: Int] = [:]

  mutating func id(of resource: Resource) -> String {
    // Spans of one resource mostly follow one another.
    if let last = resources.last, last.attributes == resource.attributes {
      return "p\(resources.count)"
    }
    if let number = numbers[resource.attributes] { return "p\(number)" }
    resources.append(resource)
    numbers[resource.attributes] = resources.count
    return "p\(resources.count)"
  }
}

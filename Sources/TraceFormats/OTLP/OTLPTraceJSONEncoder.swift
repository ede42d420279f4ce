import Bytes
import TelemetryModel
import WireFormats

/// Writes OTLP's messages as JSON; fields that hold their default are left out.
struct OTLPTraceJSONEncoder {
  let style: OTLPTraceJSON.Style

  func write(_ batches: [ResourceSpans], to json: inout JSONWriter) {
    json.beginObject()
    list(style.batchesName, batches, to: &json) { batch, json in
      json.beginObject()
      json.key("resource")
      json.beginObject()
      attributes(batch.resource.attributes, to: &json)
      count("droppedAttributesCount", batch.resource.droppedAttributesCount, to: &json)
      json.endObject()
      list("scopeSpans", batch.scopes, to: &json, write)
      text("schemaUrl", batch.resource.schemaURL, to: &json)
      json.endObject()
    }
    json.endObject()
  }

  private func write(_ group: ScopeSpans, to json: inout JSONWriter) {
    json.beginObject()
    json.key("scope")
    json.beginObject()
    text("name", group.scope.name, to: &json)
    text("version", group.scope.version, to: &json)
    attributes(group.scope.attributes, to: &json)
    count("droppedAttributesCount", group.scope.droppedAttributesCount, to: &json)
    json.endObject()
    list("spans", group.spans, to: &json, write)
    text("schemaUrl", group.scope.schemaURL, to: &json)
    json.endObject()
  }

  private func write(_ span: Span, to json: inout JSONWriter) {
    json.beginObject()
    identifier("traceId", span.traceID, to: &json)
    identifier("spanId", span.spanID, to: &json)
    text("traceState", span.traceState, to: &json)
    identifier("parentSpanId", span.parentSpanID, to: &json)
    count("flags", span.flags, to: &json)
    text("name", span.name, to: &json)
    enumeration("kind", span.kind.rawValue, SpanKind.names, to: &json)
    time("startTimeUnixNano", span.start, to: &json)
    time("endTimeUnixNano", span.end, to: &json)
    attributes(span.attributes, to: &json)
    count("droppedAttributesCount", span.droppedAttributesCount, to: &json)
    list("events", span.events, to: &json, write)
    count("droppedEventsCount", span.droppedEventsCount, to: &json)
    list("links", span.links, to: &json, write)
    count("droppedLinksCount", span.droppedLinksCount, to: &json)
    json.key("status")
    json.beginObject()
    text("message", span.status.message, to: &json)
    enumeration("code", span.status.code, SpanStatus.names, to: &json)
    json.endObject()
    json.endObject()
  }

  private func write(_ event: SpanEvent, to json: inout JSONWriter) {
    json.beginObject()
    time("timeUnixNano", event.time, to: &json)
    text("name", event.name, to: &json)
    attributes(event.attributes, to: &json)
    count("droppedAttributesCount", event.droppedAttributesCount, to: &json)
    json.endObject()
  }

  private func write(_ link: SpanLink, to json: inout JSONWriter) {
    json.beginObject()
    identifier("traceId", link.traceID, to: &json)
    identifier("spanId", link.spanID, to: &json)
    text("traceState", link.traceState, to: &json)
    attributes(link.attributes, to: &json)
    count("droppedAttributesCount", link.droppedAttributesCount, to: &json)
    count("flags", link.flags, to: &json)
    json.endObject()
  }

  private func attributes(_ attributes: [Attribute], to json: inout JSONWriter) {
    list("attributes", attributes, to: &json, write)
  }

  private func write(_ attribute: Attribute, to json: inout JSONWriter) {
    json.beginObject()
    json.key("key")
    json.string(attribute.key)
    json.key("value")
    write(attribute.value, to: &json)
    json.endObject()
  }

  private func write(_ value: AttributeValue, to json: inout JSONWriter) {
    json.beginObject()
    switch value {
    case .empty: break
    case .string(let text):
      json.key("stringValue")
      json.string(text)
    case .bool(let flag):
      json.key("boolValue")
      json.bool(flag)
    case .int(let number):
      json.key("intValue")
      json.quotedInt(number)
    case .double(let number):
      json.key("doubleValue")
      write(number, to: &json)
    case .array(let items):
      json.key("arrayValue")
      json.beginObject()
      list("values", items, to: &json, write)
      json.endObject()
    case .map(let members):
      json.key("kvlistValue")
      json.beginObject()
      list("values", members, to: &json, write)
      json.endObject()
    case .bytes(let bytes):
      json.key("bytesValue")
      json.string(Base64.encode(bytes))
    }
    json.endObject()
  }

  /// A double; the three values that JSON lacks are texts, as protobuf's mapping says.
  private func write(_ number: Double, to json: inout JSONWriter) {
    if number.isFinite {
      json.double(number)
    } else {
      json.string(number.isNaN ? "NaN" : number > 0 ? "Infinity" : "-Infinity")
    }
  }

  private func list<Item>(
    _ name: String, _ items: [Item], to json: inout JSONWriter,
    _ write: (Item, inout JSONWriter) -> Void
  ) {
    guard !items.isEmpty else { return }
    json.key(name)
    json.beginArray()
    for item in items { write(item, &json) }
    json.endArray()
  }

  private func text(_ name: String, _ text: String, to json: inout JSONWriter) {
    guard !text.isEmpty else { return }
    json.key(name)
    json.string(text)
  }

  private func count(_ name: String, _ count: UInt32, to json: inout JSONWriter) {
    guard count != 0 else { return }
    json.key(name)
    json.uint(UInt64(count))
  }

  private func time(_ name: String, _ time: Timestamp, to json: inout JSONWriter) {
    guard time != .zero else { return }
    json.key(name)
    json.quotedUInt(time.bits)
  }

  private func enumeration(
    _ name: String, _ value: Int32, _ names: [String], to json: inout JSONWriter
  ) {
    guard value != 0 else { return }
    json.key(name)
    if style.namedEnumerations, names.indices.contains(Int(value)) {
      json.string(names[Int(value)])
    } else {
      json.int(Int64(value))
    }
  }

  private func identifier(_ name: String, _ id: TraceID, to json: inout JSONWriter) {
    guard !id.isZero else { return }
    json.key(name)
    json.string(style.base64Identifiers ? Base64.encode(id.bytes) : id.hex)
  }

  private func identifier(_ name: String, _ id: SpanID, to json: inout JSONWriter) {
    guard !id.isZero else { return }
    json.key(name)
    json.string(style.base64Identifiers ? Base64.encode(id.bytes) : id.hex)
  }
}

extension TraceID {
  /// The 16 bytes, most significant first.
  var bytes: [UInt8] { SpanID(high).bytes + SpanID(low).bytes }
}

extension SpanID {
  /// The 8 bytes, most significant first.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(value)
    return bytes
  }
}

extension SpanKind {
  /// The names of OTLP's enumeration, by number.
  static let names = [
    "SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER",
  ]
}

extension SpanStatus {
  /// The names of OTLP's enumeration, by number.
  static let names = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"]
}

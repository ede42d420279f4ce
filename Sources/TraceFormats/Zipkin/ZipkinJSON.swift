import Bytes
package import TelemetryModel
package import WireFormats

/// Zipkin's API v2 as JSON: bare lists of spans.
package enum ZipkinJSON {
  /// Reads the body of `POST /api/v2/spans` straight into an OTLP request; an empty body holds
  /// no spans.
  ///
  /// As strict as Zipkin, but where real clients break its letter: `null` for a kind or a tag's
  /// value, numbers as tag values and upper-case identifiers are taken. Throws
  /// ``TraceFormatError`` and gives nothing in part.
  package static func transcode(
    _ body: [UInt8], limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) -> TranscodedSpans {
    guard !body.isEmpty else { return .none }
    return try TranscodedSpans.reading(body) { text in
      var decoder = ZipkinJSONDecoder(text, limits)
      return try decoder.body()
    }
  }

  /// The spans as a whole document, a list.
  package static func encode(_ spans: [ZipkinSpan]) -> [UInt8] {
    var json = JSONWriter()
    write(spans, to: &json)
    return json.bytes
  }

  /// The spans as one list.
  package static func write(_ spans: [ZipkinSpan], to json: inout JSONWriter) {
    json.beginArray()
    for span in spans { write(span, to: &json) }
    json.endArray()
  }

  /// A trace's id as Zipkin prints it: 16 digits when the high half is zero, else 32.
  package static func text(_ id: TraceID) -> String {
    id.high == 0 ? SpanID(id.low).hex : id.hex
  }

  private static func write(_ span: ZipkinSpan, to json: inout JSONWriter) {
    json.beginObject()
    json.key("traceId")
    json.string(text(span.traceID))
    if let parent = span.parentID {
      json.key("parentId")
      json.string(parent.hex)
    }
    json.key("id")
    json.string(span.id.hex)
    if let kind = span.kind {
      json.key("kind")
      json.string(kind.rawValue)
    }
    if !span.name.isEmpty {
      json.key("name")
      json.string(span.name.lowercased())
    }
    if let timestamp = span.timestampMicroseconds, timestamp > 0 {
      json.key("timestamp")
      json.uint(timestamp)
    }
    if let duration = span.durationMicroseconds, duration > 0 {
      json.key("duration")
      json.uint(duration)
    }
    write("localEndpoint", span.localEndpoint, to: &json)
    write("remoteEndpoint", span.remoteEndpoint, to: &json)
    writeAnnotations(of: span, to: &json)
    writeTags(of: span, to: &json)
    for (name, flag) in [("debug", span.debug), ("shared", span.shared)] where flag {
      json.key(name)
      json.bool(true)
    }
    json.endObject()
  }

  private static func write(
    _ name: String, _ endpoint: ZipkinEndpoint?, to json: inout JSONWriter
  ) {
    guard let endpoint, !endpoint.isEmpty else { return }
    json.key(name)
    json.beginObject()
    if !endpoint.serviceName.isEmpty {
      json.key("serviceName")
      json.string(endpoint.serviceName.lowercased())
    }
    switch endpoint.address {
    case .v4(let text):
      json.key("ipv4")
      json.string(text)
    case .v6(let text):
      json.key("ipv6")
      json.string(text)
    case nil: break
    }
    if endpoint.port != 0 {
      json.key("port")
      json.uint(UInt64(endpoint.port))
    }
    json.endObject()
  }

  private static func writeAnnotations(of span: ZipkinSpan, to json: inout JSONWriter) {
    guard !span.annotations.isEmpty else { return }
    json.key("annotations")
    json.beginArray()
    for annotation in span.annotations {
      json.beginObject()
      json.key("timestamp")
      json.uint(annotation.timestampMicroseconds)
      json.key("value")
      json.string(annotation.value)
      json.endObject()
    }
    json.endArray()
  }

  private static func writeTags(of span: ZipkinSpan, to json: inout JSONWriter) {
    guard !span.tags.isEmpty else { return }
    json.key("tags")
    json.beginObject()
    for tag in span.tags {
      json.key(tag.key)
      json.string(tag.value)
    }
    json.endObject()
  }
}

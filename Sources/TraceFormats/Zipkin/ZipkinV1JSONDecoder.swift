import TelemetryModel
import WireFormats

/// Reads Zipkin's v1 JSON, straight from the scanner to an OTLP request.
struct ZipkinV1JSONDecoder: ZipkinJSONReader {
  var scanner: JSONScanner
  var budget: DecodingBudget
  private var output = ZipkinRequestWriter()
  private var fields = ZipkinV1Fields()

  init(_ text: UnsafeRawBufferPointer, _ limits: TraceDecodingLimits) {
    scanner = JSONScanner(text, depthMax: 64)
    budget = DecodingBudget(limits)
  }

  mutating func body() throws -> TranscodedSpans {
    try spans("JSON_V1") { decoder in
      decoder.fields.removeAll()
      try decoder.readSpan()
      try decoder.fields.write(to: &decoder.output)
    }
    return output.finish()
  }

  private mutating func readSpan() throws {
    while case .key(let key) = try scanner.next() {
      switch ZipkinJSONKey(key, scanner) {
      case .traceID: fields.span.trace = try scanner.zipkinTraceID()
      case .id: fields.span.id = try scanner.zipkinSpanID("id") ?? SpanID(0)
      case .parentID: fields.span.parent = try scanner.zipkinSpanID("parentId") ?? SpanID(0)
      case .name: fields.span.name = try scanner.zipkinText(&fields.span.tags) ?? 0..<0
      case .timestamp: fields.span.startMicroseconds = try scanner.zipkinMicroseconds()
      case .duration: fields.span.durationMicroseconds = try scanner.zipkinMicroseconds()
      case .annotations: try annotations { try $0.annotation() }
      case .binaryAnnotations: try annotations { try $0.binaryAnnotation() }
      case .debug: try scanner.zipkinFlag()
      case .tags, .localEndpoint, .remoteEndpoint, .kind, .shared:
        throw TraceFormatError.malformed(
          "Expected a JSON_V1 encoded list, but received: JSON_V2")
      default: try scanner.skipValue()
      }
    }
  }

  private mutating func annotation() throws {
    var microseconds: UInt64 = 0
    var value = 0..<0
    var endpoint: ZipkinFields.Endpoint?
    while case .key(let key) = try scanner.next() {
      switch ZipkinJSONKey(key, scanner) {
      case .timestamp: microseconds = try scanner.zipkinMicroseconds()
      case .value: value = try scanner.zipkinText(&fields.span.tags) ?? 0..<0
      case .endpoint: endpoint = try scanner.zipkinEndpoint(&fields.span.tags)
      default: try scanner.skipValue()
      }
    }
    let text = Array(fields.span.tags.texts[value])
    text.withUnsafeBytes { fields.addAnnotation($0, microseconds, endpoint) }
  }

  /// Values are strings; `true` marks an address; numbers come from clients with types.
  private mutating func binaryAnnotation() throws {
    var key = 0..<0
    var value = FlatAttributes.Value.string(0..<0)
    var endpoint: ZipkinFields.Endpoint?
    while case .key(let name) = try scanner.next() {
      switch ZipkinJSONKey(name, scanner) {
      case .key: key = try scanner.zipkinText(&fields.span.tags) ?? 0..<0
      case .endpoint: endpoint = try scanner.zipkinEndpoint(&fields.span.tags)
      case .value:
        switch try scanner.next() {
        case .string(let text): value = .string(fields.span.tags.add(text, of: scanner))
        case .number(let range):
          value = .string(fields.span.tags.add(text: scanner.bytes(range)))
        case .bool(let flag): value = .bool(flag)
        case .null: value = .string(0..<0)
        default: throw scanner.error("a binary annotation's value is a string")
        }
      default: try scanner.skipValue()
      }
    }
    try fields.addBinaryAnnotation(key, value, endpoint)
  }
}

extension ZipkinV1Fields {
  /// A binary annotation: an address, a local component, or an attribute.
  mutating func addBinaryAnnotation(
    _ key: Range<Int>, _ value: FlatAttributes.Value, _ endpoint: ZipkinFields.Endpoint?
  ) throws(TraceFormatError) {
    guard !key.isEmpty else { throw .malformed("a binary annotation has no key") }
    if case .bool(true) = value, addAddress(key, endpoint) { return }
    if firstEndpoint == nil { firstEndpoint = endpoint }
    if span.tags.equals(key, "lc"), case .string(let text) = value, text.isEmpty { return }
    guard case .bool(let flag) = value else {
      span.tags.set(key, value)
      return
    }
    span.tags.set(key, .string(span.tags.add(flag ? "true" : "false")))
  }
}

import Bytes
import TelemetryModel
import WireFormats

/// Reads Zipkin's v2 JSON, straight from the scanner to an OTLP request.
struct ZipkinJSONDecoder: ZipkinJSONReader {
  var scanner: JSONScanner
  var budget: DecodingBudget
  private var output = ZipkinRequestWriter()
  private var span = ZipkinFields()

  init(_ text: UnsafeRawBufferPointer, _ limits: TraceDecodingLimits) {
    scanner = JSONScanner(text, depthMax: 64)
    budget = DecodingBudget(limits)
  }

  mutating func body() throws -> TranscodedSpans {
    try spans("JSON_V2") { decoder in
      decoder.span.removeAll()
      try decoder.readSpan()
      decoder.output.add(&decoder.span)
    }
    return output.finish()
  }

  private mutating func readSpan() throws {
    var hasTraceID = false
    while case .key(let key) = try scanner.next() {
      switch ZipkinJSONKey(key, scanner) {
      case .traceID:
        span.trace = try scanner.zipkinTraceID()
        hasTraceID = true
      case .id: span.id = try scanner.zipkinSpanID("id") ?? SpanID(0)
      case .parentID: span.parent = try scanner.zipkinSpanID("parentId") ?? SpanID(0)
      case .kind: span.kind = try kind()
      case .name: span.name = try text() ?? 0..<0
      case .timestamp: span.startMicroseconds = try scanner.zipkinMicroseconds()
      case .duration: span.durationMicroseconds = try scanner.zipkinMicroseconds()
      case .localEndpoint: span.local = try scanner.zipkinEndpoint(&span.tags) ?? .init()
      case .remoteEndpoint: span.remote = try scanner.zipkinEndpoint(&span.tags) ?? .init()
      case .annotations:
        span.annotations.removeAll()
        try annotations { try $0.readAnnotation() }
      case .tags: try tags()
      case .debug, .shared: try scanner.zipkinFlag()
      case .binaryAnnotations: throw Self.olderVersion
      default: try scanner.skipValue()
      }
    }
    guard hasTraceID else { throw scanner.error("Missing : traceId") }
    guard !span.id.isZero else { throw scanner.error("Missing : id") }
  }

  private static let olderVersion = TraceFormatError.malformed(
    "Expected a JSON_V2 encoded list, but received: JSON_V1")

  private mutating func kind() throws -> SpanKind {
    switch try scanner.next() {
    case .null: return .unspecified
    case .string(let text):
      if scanner.equals(text, "CLIENT") { return .client }
      if scanner.equals(text, "SERVER") { return .server }
      if scanner.equals(text, "PRODUCER") { return .producer }
      if scanner.equals(text, "CONSUMER") { return .consumer }
      throw scanner.error(
        "\"\(scanner.string(text).prefix(40))\" is no kind; "
          + "use CLIENT, SERVER, PRODUCER, CONSUMER")
    default: throw scanner.error("a string was expected")
    }
  }

  private mutating func readAnnotation() throws {
    var annotation = ZipkinFields.Annotation(microseconds: 0, value: 0..<0)
    while case .key(let key) = try scanner.next() {
      switch ZipkinJSONKey(key, scanner) {
      case .timestamp: annotation.microseconds = try scanner.zipkinMicroseconds()
      case .value: annotation.value = try text() ?? 0..<0
      case .endpoint: throw Self.olderVersion
      default: try scanner.skipValue()
      }
    }
    span.annotations.append(annotation)
  }

  private mutating func tags() throws {
    let token = try scanner.next()
    if token == .null { return }
    guard token == .beginObject else { throw scanner.error("tags are an object") }
    while case .key(let key) = try scanner.next() {
      try budget.countValue()
      let name = span.tags.add(key, of: scanner)
      switch try scanner.next() {
      case .string(let text): span.tags.set(name, .string(span.tags.add(text, of: scanner)))
      case .number(let range):
        span.tags.set(name, .string(span.tags.add(text: scanner.bytes(range))))
      case .null: span.tags.set(name, .string(0..<0))
      default: throw scanner.error("a tag's value is a string")
      }
    }
  }

  /// A string, or nil for `null`.
  private mutating func text() throws -> Range<Int>? { try scanner.zipkinText(&span.tags) }
}

/// The names of members that Zipkin's JSON has.
enum ZipkinJSONKey {
  case traceID, id, parentID, kind, name, timestamp, duration, localEndpoint, remoteEndpoint
  case annotations, binaryAnnotations, tags, debug, shared, value, endpoint, key, type
  case serviceName, ipv4, ipv6, port, other

  init(_ key: JSONText, _ scanner: JSONScanner) {
    if key.hasEscapes {
      self = Self.all.first { scanner.equals(key, $0.0) }?.1 ?? .other
      return
    }
    self = .other
    for (name, known) in Self.byLength[min(key.range.count, 17)] where scanner.equals(key, name) {
      self = known
      return
    }
  }

  private static let all: [(StaticString, ZipkinJSONKey)] = [
    ("traceId", .traceID), ("id", .id), ("parentId", .parentID), ("kind", .kind),
    ("name", .name), ("timestamp", .timestamp), ("duration", .duration),
    ("localEndpoint", .localEndpoint), ("remoteEndpoint", .remoteEndpoint),
    ("annotations", .annotations), ("binaryAnnotations", .binaryAnnotations), ("tags", .tags),
    ("debug", .debug), ("shared", .shared), ("value", .value), ("endpoint", .endpoint),
    ("key", .key), ("type", .type), ("serviceName", .serviceName), ("ipv4", .ipv4),
    ("ipv6", .ipv6), ("port", .port),
  ]
  private static let byLength: [[(StaticString, ZipkinJSONKey)]] = (0...17).map { length in
    all.filter { $0.0.utf8CodeUnitCount == length }
  }
}

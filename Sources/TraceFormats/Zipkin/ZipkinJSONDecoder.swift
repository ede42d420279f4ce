import Bytes
import TelemetryModel
import WireFormats

/// Decodes Zipkin's v2 JSON, straight from the scanner.
struct ZipkinJSONDecoder {
  private var scanner: JSONScanner
  private var budget: DecodingBudget

  init(_ text: UnsafeRawBufferPointer, _ limits: TraceDecodingLimits) {
    scanner = JSONScanner(text, depthMax: 64)
    budget = DecodingBudget(limits)
  }

  mutating func body() throws -> [ZipkinSpan] {
    guard try scanner.next() == .beginArray else {
      throw TraceFormatError.malformed("Expected a JSON_V2 encoded list")
    }
    var spans: [ZipkinSpan] = []
    while true {
      let token = try scanner.next()
      if token == .endArray { break }
      try budget.countSpan()
      spans.append(try span(token))
    }
    try scanner.finish()
    return spans
  }

  private mutating func span(_ token: JSONToken) throws -> ZipkinSpan {
    guard token == .beginObject else { throw scanner.error("a span is an object") }
    var span = ZipkinSpan()
    var hasTraceID = false
    var hasID = false
    while case .key(let key) = try scanner.next() {
      switch scanner.string(key) {
      case "traceId":
        span.traceID = try traceID()
        hasTraceID = true
      case "id":
        span.id = SpanID(try identifier("id", digitsMax: 16).low)
        hasID = true
      case "parentId": span.parentID = try parentID()
      case "kind": span.kind = try kind()
      case "name": span.name = try text() ?? ""
      case "timestamp": span.timestampMicroseconds = try microseconds()
      case "duration": span.durationMicroseconds = try microseconds()
      case "localEndpoint": span.localEndpoint = try endpoint()
      case "remoteEndpoint": span.remoteEndpoint = try endpoint()
      case "annotations": span.annotations = try annotations()
      case "tags": span.tags = try tags()
      case "debug": span.debug = try flag()
      case "shared": span.shared = try flag()
      case "binaryAnnotations":
        throw TraceFormatError.malformed(
          "Expected a JSON_V2 encoded list, but received: JSON_V1")
      default: try scanner.skipValue()
      }
    }
    guard hasTraceID else { throw scanner.error("Missing : traceId") }
    guard hasID, !span.id.isZero else { throw scanner.error("Missing : id") }
    return span
  }
}

/// Identifiers: up to 32 or 16 digits, zeros in front may be missing.
extension ZipkinJSONDecoder {
  private mutating func traceID() throws -> TraceID {
    let id = try identifier("traceId", digitsMax: 32)
    guard !id.isZero else { throw scanner.error("traceId is all zeros") }
    return id
  }

  private mutating func parentID() throws -> SpanID? {
    guard let digits = try text(), !digits.isEmpty else { return nil }
    let id = try identifier("parentId", digits, digitsMax: 16)
    return id.isZero ? nil : SpanID(id.low)
  }

  private mutating func identifier(_ name: String, digitsMax: Int) throws -> TraceID {
    guard let digits = try text() else { throw scanner.error("Missing : \(name)") }
    return try identifier(name, digits, digitsMax: digitsMax)
  }

  private func identifier(_ name: String, _ digits: String, digitsMax: Int) throws -> TraceID {
    guard (1...digitsMax).contains(digits.utf8.count) else {
      throw scanner.error("\(name) has \(digits.utf8.count) digits instead of 1 to \(digitsMax)")
    }
    var id = TraceID(high: 0, low: 0)
    for digit in digits.utf8 {
      guard let nibble = Hex.value(digit) else {
        throw scanner.error("\(digits) should be lower-hex encoded with no prefix")
      }
      id.high = id.high << 4 | id.low >> 60
      id.low = id.low << 4 | UInt64(nibble)
    }
    return id
  }
}

extension ZipkinJSONDecoder {
  private mutating func kind() throws -> ZipkinSpan.Kind? {
    guard let name = try text() else { return nil }
    guard let kind = ZipkinSpan.Kind(rawValue: name) else {
      throw scanner.error(
        "\"\(name.prefix(40))\" is no kind; use CLIENT, SERVER, PRODUCER, CONSUMER")
    }
    return kind
  }

  private mutating func endpoint() throws -> ZipkinEndpoint? {
    let token = try scanner.next()
    if token == .null { return nil }
    guard token == .beginObject else { throw scanner.error("an endpoint is an object") }
    var endpoint = ZipkinEndpoint()
    while case .key(let key) = try scanner.next() {
      switch scanner.string(key) {
      case "serviceName": endpoint.serviceName = try text() ?? ""
      case "ipv4", "ipv6":
        // What is no address is left out, as Zipkin does.
        if let address = IPAddressText(try text() ?? "") { endpoint.address = address }
      case "port": endpoint.port = UInt16(exactly: try wholeNumber() ?? 0) ?? 0
      default: try scanner.skipValue()
      }
    }
    return endpoint.isEmpty ? nil : endpoint
  }

  private mutating func annotations() throws -> [ZipkinSpan.Annotation] {
    let token = try scanner.next()
    if token == .null { return [] }
    guard token == .beginArray else { throw scanner.error("annotations are a list") }
    var annotations: [ZipkinSpan.Annotation] = []
    while true {
      let token = try scanner.next()
      if token == .endArray { return annotations }
      guard token == .beginObject else { throw scanner.error("an annotation is an object") }
      try budget.countValue()
      var annotation = ZipkinSpan.Annotation(timestampMicroseconds: 0, value: "")
      while case .key(let key) = try scanner.next() {
        switch scanner.string(key) {
        case "timestamp": annotation.timestampMicroseconds = try microseconds() ?? 0
        case "value": annotation.value = try text() ?? ""
        case "endpoint":
          throw TraceFormatError.malformed(
            "Expected a JSON_V2 encoded list, but received: JSON_V1")
        default: try scanner.skipValue()
        }
      }
      annotations.append(annotation)
    }
  }

  private mutating func tags() throws -> [ZipkinSpan.Tag] {
    let token = try scanner.next()
    if token == .null { return [] }
    guard token == .beginObject else { throw scanner.error("tags are an object") }
    var tags: [ZipkinSpan.Tag] = []
    var places: [String: Int] = [:]
    while case .key(let key) = try scanner.next() {
      try budget.countValue()
      let tag = ZipkinSpan.Tag(scanner.string(key), try tagValue())
      if let place = places[tag.key] {
        tags[place] = tag
      } else {
        places[tag.key] = tags.count
        tags.append(tag)
      }
    }
    return tags
  }

  private mutating func tagValue() throws -> String {
    switch try scanner.next() {
    case .string(let text): return scanner.string(text)
    case .number(let range): return scanner.string(range)
    case .null: return ""
    default: throw scanner.error("a tag's value is a string")
    }
  }
}

extension ZipkinJSONDecoder {
  /// A string, or nil for `null`.
  private mutating func text() throws -> String? {
    switch try scanner.next() {
    case .string(let text): return scanner.string(text)
    case .null: return nil
    default: throw scanner.error("a string was expected")
    }
  }

  private mutating func flag() throws -> Bool {
    switch try scanner.next() {
    case .bool(let flag): return flag
    case .null: return false
    default: throw scanner.error("true or false was expected")
    }
  }

  /// Microseconds; nil when there are none, which zero means too.
  private mutating func microseconds() throws -> UInt64? {
    guard let number = try wholeNumber() else { return nil }
    guard number <= UInt64.max / 1000 else {
      throw scanner.error("\(number) microseconds are more than a span's time can be")
    }
    return number == 0 ? nil : number
  }

  private mutating func wholeNumber() throws -> UInt64? {
    let written: String
    switch try scanner.next() {
    case .null: return nil
    case .number(let range): written = scanner.string(range)
    case .string(let text): written = scanner.string(text)
    default: throw scanner.error("a number was expected")
    }
    if let number = UInt64(written) { return number }
    guard let number = Double(written), let whole = UInt64(exactly: number.rounded()) else {
      throw scanner.error("\"\(written.prefix(40))\" is not a whole number")
    }
    return whole
  }
}

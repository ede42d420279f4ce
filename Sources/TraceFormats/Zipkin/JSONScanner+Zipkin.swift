import Bytes
import TelemetryModel
import WireFormats

/// Values that Zipkin's v1 and v2 write alike.
extension JSONScanner {
  /// A string added to a span's buffer, or nil for `null`.
  mutating func zipkinText(_ texts: inout FlatAttributes) throws -> Range<Int>? {
    switch try next() {
    case .string(let text): return texts.add(text, of: self)
    case .null: return nil
    default: throw error("a string was expected")
    }
  }

  /// Up to 32 digits; zeros in front may be missing; zero is refused.
  mutating func zipkinTraceID() throws -> TraceID {
    guard let id = try zipkinIdentifier("traceId", digitsMax: 32) else {
      throw error("Missing : traceId")
    }
    guard !id.isZero else { throw error("traceId is all zeros") }
    return id
  }

  /// Up to 16 digits; nil for `null` and no digits.
  mutating func zipkinSpanID(_ name: StaticString) throws -> SpanID? {
    try zipkinIdentifier(name, digitsMax: 16).map { SpanID($0.low) }
  }

  private mutating func zipkinIdentifier(_ name: StaticString, digitsMax: Int) throws -> TraceID? {
    let text: JSONText
    switch try next() {
    case .string(let found): text = found
    case .null: return nil
    default: throw error("a string was expected")
    }
    if text.range.isEmpty, digitsMax == 16 { return nil }
    guard (1...digitsMax).contains(text.range.count) else {
      throw error("\(name) has \(text.range.count) digits instead of 1 to \(digitsMax)")
    }
    var id = TraceID(high: 0, low: 0)
    for digit in bytes(text.range) {
      guard let nibble = Hex.value(digit) else {
        throw error("\(string(text)) should be lower-hex encoded with no prefix")
      }
      id.high = id.high << 4 | id.low >> 60
      id.low = id.low << 4 | UInt64(nibble)
    }
    return id
  }

  /// nil for `null`; what is no address is left out, as Zipkin does.
  mutating func zipkinEndpoint(
    _ texts: inout FlatAttributes
  ) throws -> ZipkinFields.Endpoint? {
    let token = try next()
    if token == .null { return nil }
    guard token == .beginObject else { throw error("an endpoint is an object") }
    var endpoint = ZipkinFields.Endpoint()
    while case .key(let key) = try next() {
      switch ZipkinJSONKey(key, self) {
      case .serviceName: endpoint.service = try zipkinText(&texts) ?? 0..<0
      case .ipv4, .ipv6:
        if let text = try zipkinText(&texts), let address = IPAddressText(texts.string(text)) {
          endpoint.address = address
        }
      case .port: endpoint.port = UInt16(exactly: try zipkinWholeNumber() ?? 0) ?? 0
      default: try skipValue()
      }
    }
    return endpoint
  }

  /// Microseconds; zero when there are none.
  mutating func zipkinMicroseconds() throws -> UInt64 {
    try ZipkinFields.checked(microseconds: try zipkinWholeNumber() ?? 0)
  }

  /// true, false or `null`.
  @discardableResult
  mutating func zipkinFlag() throws -> Bool {
    switch try next() {
    case .bool(let flag): return flag
    case .null: return false
    default: throw error("true or false was expected")
    }
  }

  private mutating func zipkinWholeNumber() throws -> UInt64? {
    let range: Range<Int>
    switch try next() {
    case .null: return nil
    case .number(let found): range = found
    case .string(let text): range = text.range
    default: throw error("a number was expected")
    }
    if (1...18).contains(range.count) {
      var number: UInt64 = 0
      var isPlain = true
      for digit in bytes(range) {
        guard (0x30...0x39).contains(digit) else {
          isPlain = false
          break
        }
        number = number * 10 + UInt64(digit - 0x30)
      }
      if isPlain { return number }
    }
    let written = string(range)
    if let number = UInt64(written) { return number }
    guard let number = Double(written), let whole = UInt64(exactly: number.rounded()) else {
      throw error("\"\(written.prefix(40))\" is not a whole number")
    }
    return whole
  }
}

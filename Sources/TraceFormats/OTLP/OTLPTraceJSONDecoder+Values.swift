import Bytes
import TelemetryModel
import WireFormats

/// Containers: what is `null` is as good as absent.
extension OTLPTraceJSONDecoder {
  /// Calls `visit` with the name of each member of the object that begins with `token`; `visit`
  /// reads or skips the value.
  mutating func members(
    _ token: JSONToken, _ visit: (inout OTLPTraceJSONDecoder, String) throws -> Void
  ) throws {
    if token == .null { return }
    guard token == .beginObject else { throw scanner.error("an object was expected") }
    while case .key(let name) = try scanner.next() {
      try visit(&self, scanner.string(name))
    }
  }

  /// Calls `visit` with the first token of each item of the array that comes next; `visit` reads
  /// the item to its end.
  mutating func items(
    _ visit: (inout OTLPTraceJSONDecoder, JSONToken) throws -> Void
  ) throws {
    let token = try scanner.next()
    if token == .null { return }
    guard token == .beginArray else { throw scanner.error("an array was expected") }
    while true {
      let token = try scanner.next()
      if token == .endArray { return }
      try visit(&self, token)
    }
  }
}

/// Scalars of protobuf's JSON mapping.
extension OTLPTraceJSONDecoder {
  mutating func text() throws -> String {
    switch try scanner.next() {
    case .string(let text): return scanner.string(text)
    case .null: return ""
    default: throw scanner.error("a string was expected")
    }
  }

  mutating func bool() throws -> Bool {
    switch try scanner.next() {
    case .bool(let flag): return flag
    case .null: return false
    default: throw scanner.error("true or false was expected")
    }
  }

  /// A whole number, written as number or as text; nil for `null`.
  private mutating func wholeNumber<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    let written: String
    switch try scanner.next() {
    case .string(let text): written = scanner.string(text)
    case .number(let range): written = scanner.string(range)
    case .null: return 0
    default: throw scanner.error("a number was expected")
    }
    if let number = T(written) { return number }
    // Some writers put an exponent or a point even into whole numbers.
    guard let number = Double(written), let exact = T(exactly: number) else {
      throw scanner.error("\"\(written.prefix(40))\" is not a whole number of \(T.bitWidth) bits")
    }
    return exact
  }

  mutating func uint32() throws -> UInt32 { try wholeNumber(UInt32.self) }
  mutating func int64() throws -> Int64 { try wholeNumber(Int64.self) }
  mutating func time() throws -> Timestamp { Timestamp(bits: try wholeNumber(UInt64.self)) }

  mutating func double() throws -> Double {
    let written: String
    switch try scanner.next() {
    case .number(let range): written = scanner.string(range)
    case .string(let text): written = scanner.string(text)
    case .null: return 0
    default: throw scanner.error("a number was expected")
    }
    switch written {
    case "NaN": return .nan
    case "Infinity": return .infinity
    case "-Infinity": return -.infinity
    default:
      guard let number = Double(written), number.isFinite else {
        throw scanner.error("\"\(written.prefix(40))\" is not a number")
      }
      return number
    }
  }

  /// An enumeration's value, by number or by one of `names`.
  mutating func enumeration(_ names: [String]) throws -> Int32 {
    switch try scanner.next() {
    case .null: return 0
    case .number(let range):
      guard let number = Int32(scanner.string(range)) else {
        throw scanner.error("an enumeration's number was expected")
      }
      return number
    case .string(let text):
      let name = scanner.string(text)
      guard let index = names.firstIndex(of: name) else {
        throw scanner.error("\"\(name.prefix(40))\" is none of \(names.joined(separator: ", "))")
      }
      return Int32(index)
    default: throw scanner.error("an enumeration's number or name was expected")
    }
  }

  mutating func base64() throws -> [UInt8] {
    do { return try Base64.decode(try text().utf8) } catch is ByteError {
      throw scanner.error("the text is not base64")
    }
  }

  mutating func traceID() throws -> TraceID {
    guard let id = TraceID(hexDigits: try text()) else {
      throw scanner.error("a trace id has 32 hexadecimal digits, or none")
    }
    return id
  }

  mutating func spanID() throws -> SpanID {
    guard let id = SpanID(hexDigits: try text()) else {
      throw scanner.error("a span id has 16 hexadecimal digits, or none")
    }
    return id
  }
}

extension TraceID {
  /// Of 32 digits in any case; none means zero; anything else is nil.
  init?(hexDigits text: String) {
    guard !text.isEmpty else {
      self.init(high: 0, low: 0)
      return
    }
    guard text.utf8.count == 32, let high = SpanID(hexDigits: String(text.prefix(16))),
      let low = SpanID(hexDigits: String(text.suffix(16)))
    else { return nil }
    self.init(high: high.value, low: low.value)
  }
}

extension SpanID {
  /// Of 16 digits in any case; none means zero; anything else is nil.
  init?(hexDigits text: String) {
    guard !text.isEmpty else {
      self.init(0)
      return
    }
    guard text.utf8.count == 16 else { return nil }
    var value: UInt64 = 0
    for digit in text.utf8 {
      guard let nibble = Hex.value(digit) else { return nil }
      value = value << 4 | UInt64(nibble)
    }
    self.init(value)
  }
}

import Bytes

/// One name and value of a JSON object.
package struct JSONMember: Hashable, Sendable {
  package var key: String
  package var value: JSONValue

  package init(_ key: String, _ value: JSONValue) {
    self.key = key
    self.value = value
  }
}

/// A JSON value held whole; for small bodies and tests. Hot paths use ``JSONScanner``.
///
/// Numbers keep the text they were written with; members keep their order, repeated keys too.
package indirect enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  /// As written, checked against JSON's grammar.
  case number(String)
  case string(String)
  case array([JSONValue])
  case object([JSONMember])

  /// Reads a whole text, which holds one value.
  ///
  /// Throws ``JSONError`` for a malformed text (see ``JSONScanner`` for how strict), one longer
  /// than `bytesMax`, nested deeper than `depthMax` (never above 2,000, which the stack allows) or
  /// of more than `valuesMax` values.
  package static func parse(
    _ bytes: [UInt8], depthMax: Int = 128, bytesMax: Int = 64 << 20, valuesMax: Int = 8 << 20
  ) throws(JSONError) -> JSONValue {
    let result: Result<JSONValue, JSONError> = bytes.withUnsafeBytes { text in
      Result { () throws(JSONError) in
        try parse(text, depthMax: depthMax, bytesMax: bytesMax, valuesMax: valuesMax)
      }
    }
    return try result.get()
  }

  package static func parse(_ text: String) throws(JSONError) -> JSONValue {
    try parse(Array(text.utf8))
  }

  package static func parse(
    _ text: UnsafeRawBufferPointer, depthMax: Int = 128, bytesMax: Int = 64 << 20,
    valuesMax: Int = 8 << 20
  ) throws(JSONError) -> JSONValue {
    guard text.count <= bytesMax else {
      throw JSONError("\(text.count) bytes are more than the \(bytesMax) allowed", at: 0, in: text)
    }
    var scanner = JSONScanner(text, depthMax: min(depthMax, 2_000))
    var builder = Builder(valuesLeft: valuesMax)
    let value = try builder.value(from: try scanner.next(), &scanner)
    try scanner.finish()
    return value
  }

  /// Builds the value that the scanner stands at, whose first token was read.
  package static func read(from token: JSONToken, _ scanner: inout JSONScanner)
    throws(JSONError) -> JSONValue
  {
    var builder = Builder(valuesLeft: 8 << 20)
    return try builder.value(from: token, &scanner)
  }

  private struct Builder {
    var valuesLeft: Int

    mutating func value(from token: JSONToken, _ scanner: inout JSONScanner)
      throws(JSONError) -> JSONValue
    {
      valuesLeft -= 1
      guard valuesLeft >= 0 else { throw scanner.error("too many values") }
      switch token {
      case .beginObject: return .object(try members(&scanner))
      case .beginArray:
        var items: [JSONValue] = []
        while true {
          let token = try scanner.next()
          if token == .endArray { return .array(items) }
          items.append(try value(from: token, &scanner))
        }
      case .string(let text): return .string(scanner.string(text))
      case .number(let range): return .number(scanner.string(range))
      case .bool(let value): return .bool(value)
      case .null: return .null
      case .key, .endArray, .endObject, .end: throw scanner.error("a value was expected")
      }
    }

    private mutating func members(_ scanner: inout JSONScanner) throws(JSONError) -> [JSONMember] {
      var members: [JSONMember] = []
      while case .key(let key) = try scanner.next() {
        let name = scanner.string(key)
        members.append(JSONMember(name, try value(from: try scanner.next(), &scanner)))
      }
      return members
    }
  }
}

extension JSONValue {
  /// The last member named `key`, or nil when there is none or this is not an object.
  package subscript(_ key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key.hasSameBytes(as: key) }?.value
  }

  /// The item at `index`, or nil when there is none or this is not an array.
  package subscript(_ index: Int) -> JSONValue? {
    guard case .array(let items) = self, items.indices.contains(index) else { return nil }
    return items[index]
  }

  package var stringValue: String? {
    if case .string(let text) = self { text } else { nil }
  }
  package var boolValue: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }
  /// The number as a `Double`; nil for what is not a number.
  package var doubleValue: Double? {
    if case .number(let text) = self { Double(text) } else { nil }
  }
  /// The number when it is written as a whole one and fits.
  package var intValue: Int64? {
    if case .number(let text) = self { Int64(text) } else { nil }
  }
  package var arrayValue: [JSONValue]? {
    if case .array(let items) = self { items } else { nil }
  }
  package var members: [JSONMember]? {
    if case .object(let members) = self { members } else { nil }
  }
  package var isNull: Bool { self == .null }

  /// The value as compact JSON.
  package var text: String {
    var writer = JSONWriter()
    writer.value(self)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

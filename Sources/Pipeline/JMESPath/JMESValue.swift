import Bytes
import WireFormats

/// A value that JMESPath works on: JSON with numbers as doubles and unique, sorted keys.
indirect enum JMESValue: Hashable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JMESValue])
  case object([JMESMember])
  /// `&expression`: an argument of `sort_by` and the like.
  case expression(JMESNode)

  /// Texts are the same when their bytes are: see ``ByteText``.
  static func == (a: JMESValue, b: JMESValue) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let x), .bool(let y)): x == y
    case (.number(let x), .number(let y)): x == y
    case (.string(let x), .string(let y)): x.hasSameBytes(as: y)
    case (.array(let x), .array(let y)): x == y
    case (.object(let x), .object(let y)): x == y
    case (.expression(let x), .expression(let y)): x == y
    default: false
    }
  }

  func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .bool(let flag): hasher.combine(flag)
    case .number(let number): hasher.combine(number)
    case .string(let text): text.hashBytes(into: &hasher)
    case .array(let items): hasher.combine(items)
    case .object(let members): hasher.combine(members)
    case .expression(let node): hasher.combine(node)
    }
  }

  /// Of repeated keys the last one counts.
  init(_ json: JSONValue) {
    switch json {
    case .null: self = .null
    case .bool(let flag): self = .bool(flag)
    case .number(let text): self = Double(text).map { .number($0) } ?? .null
    case .string(let text): self = .string(text)
    case .array(let items): self = .array(items.map { JMESValue($0) })
    case .object(let members):
      var values: [ByteText: JMESValue] = [:]
      for member in members { values[member.key] = JMESValue(member.value) }
      self = .object(values: values)
    }
  }

  static func object(values: [ByteText: JMESValue]) -> JMESValue {
    .object(
      values.map { JMESMember(key: $0.key.text, value: $0.value) }.sorted {
        $0.key.precedesByBytes($1.key)
      })
  }

  /// The member's value, or null.
  func field(_ name: String) -> JMESValue {
    guard case .object(let members) = self else { return .null }
    return members.first { $0.key.hasSameBytes(as: name) }?.value ?? .null
  }

  /// Whether the value counts as true: not null, false or empty.
  var isTrue: Bool {
    switch self {
    case .null: false
    case .bool(let flag): flag
    case .string(let text): !text.isEmpty
    case .array(let items): !items.isEmpty
    case .object(let members): !members.isEmpty
    case .number, .expression: true
    }
  }

  /// JMESPath's name of the type.
  var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    case .expression: "expref"
    }
  }

  /// The value as compact JSON, escaped for HTML as by Go's encoding/json.
  ///
  /// - Parameter padsExponents: writes `1e-07` in place of `1e-7`, as Promtail does where it
  ///   extracts a value.
  func text(padsExponents: Bool) -> [UInt8] {
    var writer = JSONWriter()
    writer.escapesHTML = true
    write(to: &writer, padsExponents)
    return writer.bytes
  }

  private func write(to writer: inout JSONWriter, _ padsExponents: Bool) {
    switch self {
    case .null, .expression: writer.null()
    case .bool(let flag): writer.bool(flag)
    case .number(let number) where padsExponents && number != 0 && abs(number) < 1e-6:
      writer.raw(formatFloat(number, .general).utf8)
    case .number(let number): writer.double(number)
    case .string(let text): writer.string(text)
    case .array(let items):
      writer.beginArray()
      for item in items { item.write(to: &writer, padsExponents) }
      writer.endArray()
    case .object(let members):
      writer.beginObject()
      for member in members {
        writer.key(member.key)
        member.value.write(to: &writer, padsExponents)
      }
      writer.endObject()
    }
  }
}

/// One key and value of an object.
struct JMESMember: Hashable {
  @ByteText private(set) var key: String
  let value: JMESValue
}

/// Why an expression cannot be read or evaluated.
struct JMESError: Error, Hashable {
  let message: String

  init(_ message: String) { self.message = message }
}

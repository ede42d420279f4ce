import Bytes
package import TelemetryModel
import WireFormats

/// The text forms of attribute values, as the OpenTelemetry Collector writes them.
extension AttributeValue {
  /// The value as one string: text as it is, numbers as JSON has them, bytes in base64, arrays
  /// and maps as JSON.
  package var text: String {
    switch self {
    case .empty: ""
    case .string(let text): text
    case .bool(let flag): flag ? "true" : "false"
    case .int(let number): String(number)
    case .double(let number): formatFloat(number, number.isFinite ? .json : .general)
    case .bytes(let bytes): Base64.encode(bytes)
    case .array, .map: jsonText
    }
  }

  /// The value as JSON, as Go's encoding/json writes it: keys sorted, `<`, `>` and `&` escaped.
  package var jsonText: String {
    var writer = JSONWriter()
    writer.escapesHTML = true
    write(to: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private func write(to writer: inout JSONWriter) {
    switch self {
    case .empty: writer.null()
    case .string(let text): writer.string(text)
    case .bool(let flag): writer.bool(flag)
    case .int(let number): writer.int(number)
    case .double(let number):
      // JSON has no such numbers; a text keeps them readable.
      if number.isFinite { writer.double(number) } else { writer.string(formatFloat(number)) }
    case .bytes(let bytes): writer.string(Base64.encode(bytes))
    case .array(let items):
      writer.beginArray()
      for item in items { item.write(to: &writer) }
      writer.endArray()
    case .map(let members): Self.write(members, to: &writer)
    }
  }

  private static func write(_ members: [Attribute], to writer: inout JSONWriter) {
    var last: [ByteText: AttributeValue] = [:]
    for member in members { last[member.key] = member.value }
    writer.beginObject()
    for (key, value) in last.sorted(by: { $0.key < $1.key }) {
      writer.key(key.text)
      value.write(to: &writer)
    }
    writer.endObject()
  }
}

extension [Attribute] {
  /// The attributes as a JSON object with sorted keys; of a repeated key the last value.
  package var jsonText: String { AttributeValue.map(self).jsonText }

  /// The value of the first attribute named `key`, or nil.
  package func value(of key: String) -> AttributeValue? {
    first { $0.key.hasSameBytes(as: key) }?.value
  }
}

import TelemetryModel
import WireFormats

extension TemplateValue {
  /// As Go's `fmt` writes it with `%v`.
  package var text: String {
    switch self {
    case .null: "<nil>"
    case .bool(let value): value ? "true" : "false"
    case .int(let value), .int64(let value): String(value)
    case .float(let value): formatFloat(value, .general)
    case .string(let text): text
    case .list(let values): "[" + values.map(\.text).joined(separator: " ") + "]"
    case .map(let map):
      "map[" + map.entries.map { "\($0.key):\($0.value.text)" }.joined(separator: " ") + "]"
    case .time(let time): GoTimeLayout.default.format(time)
    }
  }

  /// As an action writes it: `<no value>` for null.
  package var printed: String {
    if case .null = self { "<no value>" } else { text }
  }

  /// As Go's `fmt.Sprint` of several: blanks between two of which none is a text.
  static func print(_ values: [TemplateValue]) -> String {
    var out = ""
    for (index, value) in values.enumerated() {
      if index > 0, !value.isText, !values[index - 1].isText { out += " " }
      out += value.text
    }
    return out
  }

  var isText: Bool { if case .string = self { true } else { false } }
}

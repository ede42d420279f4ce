import Configuration
import LogQL
import TelemetryModel
import WireFormats

/// The settings that a server runs with, as YAML: `/config` and `/config/tenant/v1/limits`.
///
/// Names are those of the properties in Loki's spelling; what a setting holds is found by
/// reflection, so that none is forgotten.
enum SettingsText {
  /// All settings of `value`; with `unlike` those alone that differ from it.
  static func yaml(_ value: Any, unlike other: Any? = nil) -> String {
    var out = ""
    append(members(value), unlike: other.map(members), indent: 0, to: &out)
    return out.isEmpty ? "{}\n" : out
  }

  private typealias Member = (name: String, value: Any)

  private static func members(_ value: Any) -> [Member] {
    Mirror(reflecting: value).children.compactMap { child in
      child.label.map { (spelled($0), child.value) }
    }
  }

  private static func append(
    _ members: [Member], unlike others: [Member]?, indent: Int, to out: inout String
  ) {
    let margin = String(repeating: "  ", count: indent)
    for member in members {
      let other = others?.first { $0.name == member.name }?.value
      if let text = scalar(member.value) {
        if let other, scalar(other) == text { continue }
        out += "\(margin)\(member.name): \(text)\n"
        continue
      }
      let mirror = Mirror(reflecting: member.value)
      if mirror.displayStyle == .collection {
        var items = ""
        for item in mirror.children {
          items += "\(margin)  -\n"
          append(self.members(item.value), unlike: nil, indent: indent + 2, to: &items)
        }
        if let other, "\(other)" == "\(member.value)" { continue }
        out += "\(margin)\(member.name):\n\(items)"
        continue
      }
      var inner = ""
      append(
        self.members(member.value), unlike: other.map(self.members), indent: indent + 1,
        to: &inner)
      if !inner.isEmpty { out += "\(margin)\(member.name):\n\(inner)" }
    }
  }

  /// The text of a single value or of a list of such; nil for what has members.
  static func scalar(_ value: Any) -> String? {
    switch value {
    case let span as TimeSpan: return DurationText.prometheus(span)
    case let time as Timestamp: return "\"\(GoTime.rfc3339(time))\""
    case let flag as Bool: return flag ? "true" : "false"
    case let text as String: return text.isEmpty ? "\"\"" : quotedIfNeeded(text)
    case let number as any BinaryInteger: return "\(number)"
    case let number as Double: return formatted(number)
    case let address as ListenAddress: return address.description
    case let named as any RawRepresentable<String>: return named.rawValue
    case let texts as [String]:
      return "[" + texts.map { scalar($0) ?? "" }.joined(separator: ", ") + "]"
    default: break
    }
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .optional {
      return mirror.children.first.map { scalar($0.value) } ?? "null"
    }
    if mirror.displayStyle == .enum, mirror.children.isEmpty { return spelled("\(value)") }
    if mirror.displayStyle == .collection, mirror.children.isEmpty { return "[]" }
    return nil
  }

  private static func formatted(_ number: Double) -> String {
    number == number.rounded() && number.magnitude < 1e15 ? "\(Int(number))" : "\(number)"
  }

  private static func quotedIfNeeded(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy {
      ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x5f
        || $0 == 0x2f || $0 == 0x2e || $0 == 0x2d
    }
    return isPlain ? text : quoted(text)
  }

  /// `maxLineSize` as `max_line_size`, `ingestionRateMB` as `ingestion_rate_mb`.
  static func spelled(_ name: String) -> String {
    if name == "dataDirectory" { return "data_dir" }
    let letters = Array(name)
    var out = ""
    for (at, letter) in letters.enumerated() {
      if letter.isUppercase, at > 0 {
        let endsWord = at + 1 < letters.count && letters[at + 1].isLowercase
        if !letters[at - 1].isUppercase || endsWord { out += "_" }
      }
      out += letter.lowercased()
    }
    return out
  }
}

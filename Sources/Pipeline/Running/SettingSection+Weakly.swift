import Configuration
import LogQL
import TelemetryModel
import WireFormats

/// Values as those stages of Promtail take them that do not mind the type: numbers and truth
/// values stand for texts and for one another (mapstructure's `WeakDecode`).
extension SettingSection {
  /// A truth value, number or text as a text.
  mutating func readWeakly(_ key: String, _ value: inout String?) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    value = try weakText(scalar, key)
  }

  /// The same for a text that is there by default.
  mutating func readWeakly(_ key: String, _ value: inout String) throws(ConfigurationError) {
    if let scalar = try scalar(key) { value = try weakText(scalar, key) }
  }

  private func weakText(_ scalar: YAMLScalar, _ key: String) throws(ConfigurationError) -> String {
    switch scalar.typed {
    case .text: return scalar.text
    case .bool(let flag): return flag ? "1" : "0"
    case .int(let number): return String(number)
    case .double(let number): return formatFloat(number)
    case .date: throw error(key, "must be a text; put the date in quotes", at: .scalar(scalar))
    }
  }

  /// A duration as Go writes it, which may be below zero.
  mutating func readWeakly(_ key: String, _ value: inout TimeSpan?) throws(ConfigurationError) {
    var text: String?
    try readWeakly(key, &text)
    guard let text else { return }
    guard let span = DurationText.parseGo(text) else {
      throw error(key, "must be a duration such as 24h, not `\(text)`")
    }
    value = span
  }

  /// A truth value; numbers are true unless they are 0.
  mutating func readWeakly(_ key: String, _ value: inout Bool) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    switch scalar.typed {
    case .bool(let flag): value = flag
    case .int(let number): value = number != 0
    case .double(let number): value = number != 0
    case .text where scalar.boolValue != nil: value = scalar.boolValue == true
    case .text where ["1", "t", "T", "true", "True", "TRUE"].contains(scalar.text): value = true
    case .text where ["", "0", "f", "F", "false", "False", "FALSE"].contains(scalar.text):
      value = false
    default:
      throw error(key, "must be true or false, not `\(scalar.text)`", at: .scalar(scalar))
    }
  }

  /// A number, written as text too.
  mutating func readWeakly(_ key: String, _ value: inout Double) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    if case .bool(let flag) = scalar.typed {
      value = flag ? 1 : 0
      return
    }
    let plain = YAMLScalar(text: scalar.text, isPlain: true, mark: scalar.mark)
    let number = scalar.text.isEmpty ? 0 : plain.doubleValue
    guard let number, number.isFinite else {
      throw error(key, "must be a number, not `\(scalar.text)`", at: .scalar(scalar))
    }
    value = number
  }

  /// A whole number, written as text too; what stands behind a point is left out.
  mutating func readWeakly(_ key: String, _ value: inout Int) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    let plain = YAMLScalar(text: scalar.text, isPlain: true, mark: scalar.mark)
    let number: Int? =
      switch scalar.typed {
      case .bool(let flag): flag ? 1 : 0
      case .int(let number): number
      case .double(let number): Int(exactly: number.rounded(.towardZero))
      case .text: scalar.text.isEmpty ? 0 : plain.intValue
      case .date: nil
      }
    guard let number else {
      throw error(key, "must be a whole number, not `\(scalar.text)`", at: .scalar(scalar))
    }
    value = number
  }

  /// A list of texts, or one text.
  mutating func readWeakly(_ key: String, _ value: inout [String]) throws(ConfigurationError) {
    guard let node = node(key) else { return }
    if node.members?.isEmpty == true {
      value = []
      return
    }
    if let scalar = node.scalar {
      value = [try weakText(scalar, key)]
      return
    }
    value = []
    for item in try list(key) {
      guard let scalar = item.scalar else {
        throw error(key, "must hold single values, not \(item.kind)", at: item)
      }
      value.append(scalar.isNull ? "" : try weakText(scalar, key))
    }
  }
}

extension YAMLScalar {
  /// What YAML takes a value for that is not null.
  enum Typed {
    case text, date
    case bool(Bool)
    case int(Int)
    case double(Double)
  }

  var typed: Typed {
    guard isPlain else { return .text }
    if ["true", "True", "TRUE"].contains(text) { return .bool(true) }
    if ["false", "False", "FALSE"].contains(text) { return .bool(false) }
    if let number = intValue { return .int(number) }
    if let number = doubleValue { return .double(number) }
    return isDate ? .date : .text
  }

  /// Whether YAML takes the value for a number, a date, `true` or `false`.
  var isOtherThanText: Bool {
    if case .text = typed { false } else { true }
  }

  private static let dates = [
    "2006-1-2", "2006-1-2T15:4:5.999999999Z07:00", "2006-1-2t15:4:5.999999999Z07:00",
    "2006-1-2 15:4:5.999999999",
  ].map { GoTimeLayout($0) }

  private var isDate: Bool {
    let start = text.utf8.prefix(5)
    guard start.count == 5, start.last == UInt8(ascii: "-"),
      start.dropLast().allSatisfy({ (0x30...0x39).contains($0) })
    else { return false }
    return Self.dates.contains { (try? $0.parse(text)) != nil }
  }
}

/// A scalar as it is written; what it means depends on who reads it, as in Go's yaml package.
package struct YAMLScalar: Hashable, Sendable {
  package let text: String
  /// Without quotes, not a block and without the tag `!!str`: may mean null, a bool or a number.
  package let isPlain: Bool
  package let mark: YAMLMark

  package init(text: String, isPlain: Bool, mark: YAMLMark) {
    self.text = text
    self.isPlain = isPlain
    self.mark = mark
  }

  /// Empty, `~` or `null`.
  package var isNull: Bool {
    isPlain && (text.isEmpty || text == "~" || ["null", "Null", "NULL"].contains(text))
  }

  /// YAML 1.2's `true` and `false` and YAML 1.1's `yes`, `no`, `on`, `off`; else nil.
  package var boolValue: Bool? {
    guard isPlain else { return nil }
    return switch text {
    case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": true
    case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": false
    default: nil
    }
  }

  /// Decimal, `0x`, `0o`, `0b` and old octal (`0644`), `_` between digits; else nil.
  package var intValue: Int? {
    guard isPlain else { return nil }
    var rest = Substring(text)
    let isNegative = rest.first == "-"
    if isNegative || rest.first == "+" { rest.removeFirst() }
    guard let first = rest.utf8.first, (48...57).contains(first) else { return nil }
    var radix = 10
    if rest.hasPrefix("0x") {
      radix = 16
    } else if rest.hasPrefix("0o") {
      radix = 8
    } else if rest.hasPrefix("0b") {
      radix = 2
    }
    if radix != 10 {
      rest = rest.dropFirst(2)
    } else if rest.count > 1, rest.first == "0" {
      radix = 8
    }
    let digits = rest.filter { $0 != "_" }
    guard let sign = digits.first, sign != "-", sign != "+" else { return nil }
    return Int((isNegative ? "-" : "") + digits, radix: radix)
  }

  /// A decimal number, `.inf`, `-.inf` or `.nan`; else nil.
  package var doubleValue: Double? {
    guard isPlain else { return nil }
    switch text {
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .infinity
    case "-.inf", "-.Inf", "-.INF": return -.infinity
    case ".nan", ".NaN", ".NAN": return .nan
    default: break
    }
    if let whole = intValue { return Double(whole) }
    let isNumber = text.utf8.allSatisfy { byte in
      (48...57).contains(byte) || "+-.eE_".utf8.contains(byte)
    }
    guard isNumber else { return nil }
    return Double(text.filter { $0 != "_" })
  }
}

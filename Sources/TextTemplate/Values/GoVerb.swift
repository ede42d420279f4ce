import Bytes
import TelemetryModel

/// One verb of a format with its flags: `%-5s`, `%05.2f`.
struct GoVerb {
  let verb: Unicode.Scalar
  let directive: GoFormat.Directive

  func write(_ value: TemplateValue) -> String {
    if verb == "T" { return pad(value.typeName) }
    switch value {
    case .null: return verb == "v" ? pad("<nil>") : "%!\(verb)(<nil>)"
    case .bool(let flag):
      return verb == "v" || verb == "t" ? pad(flag ? "true" : "false") : refuse(value)
    case .int(let number), .int64(let number): return integer(number, value)
    case .float(let number): return float(number, value)
    case .string(let text): return string(text, value)
    case .list(let values):
      return "[" + values.map { write($0) }.joined(separator: " ") + "]"
    case .map(let map):
      let entries = map.entries.map { string($0.key, .string($0.key)) + ":" + write($0.value) }
      return "map[" + entries.joined(separator: " ") + "]"
    case .time: return verb == "d" ? refuse(value) : string(value.text, value)
    }
  }

  private func refuse(_ value: TemplateValue) -> String {
    "%!\(verb)(\(value.typeName)=\(value.text))"
  }

  /// With blanks up to the width, or zeros behind a sign.
  private func pad(_ text: String, withZeros: Bool = false) -> String {
    let missing = (directive.width ?? 0) - text.unicodeScalars.count
    guard missing > 0 else { return text }
    if directive.minus { return text + String(repeating: " ", count: missing) }
    guard withZeros, directive.zero else { return String(repeating: " ", count: missing) + text }
    let hasSign = text.hasPrefix("-") || text.hasPrefix("+") || text.hasPrefix(" ")
    let sign = hasSign ? String(text.prefix(1)) : ""
    return sign + String(repeating: "0", count: missing) + text.dropFirst(sign.count)
  }

  // MARK: Texts

  private func string(_ text: String, _ value: TemplateValue) -> String {
    switch verb {
    case "v", "s":
      guard let precision = directive.precision else { return pad(text, withZeros: true) }
      return pad(
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(precision))), withZeros: true)
    case "q":
      let cut = directive.precision.map { text.unicodeScalars.prefix($0) }
      let shown = cut.map { String(String.UnicodeScalarView($0)) } ?? text
      let isRaw = directive.sharp && !shown.contains("`") && !shown.contains("\n")
      return pad(isRaw ? "`\(shown)`" : quoted(shown), withZeros: true)
    case "x", "X":
      let cut = directive.precision.map { Array(text.utf8.prefix($0)) } ?? Array(text.utf8)
      let separator = directive.space ? " " : ""
      let prefix = directive.sharp && !cut.isEmpty ? (verb == "x" ? "0x" : "0X") : ""
      let bytes = cut.map { Hex.encode([$0]) }
      let hex = prefix + bytes.joined(separator: separator.isEmpty ? "" : separator + prefix)
      return pad(verb == "x" ? hex : hex.uppercased(), withZeros: true)
    default: return refuse(value)
    }
  }

  // MARK: Whole numbers

  private func integer(_ number: Int, _ value: TemplateValue) -> String {
    switch verb {
    case "v", "d": return digits(number, radix: 10, prefix: "")
    case "b": return digits(number, radix: 2, prefix: directive.sharp ? "0b" : "")
    case "o": return digits(number, radix: 8, prefix: directive.sharp ? "0" : "")
    case "O": return digits(number, radix: 8, prefix: "0o")
    case "x": return digits(number, radix: 16, prefix: directive.sharp ? "0x" : "")
    case "X": return digits(number, radix: 16, prefix: directive.sharp ? "0X" : "")
    case "c": return pad(String(Character(scalar(number))), withZeros: true)
    case "q":
      let text = String(Character(scalar(number)))
      let inner = text == "'" ? "\\'" : String(quoted(text).dropFirst().dropLast())
      return pad("'" + (text == "\"" ? "\"" : inner) + "'", withZeros: true)
    case "U":
      let hex = String(max(0, number), radix: 16).uppercased()
      let zeros = String(repeating: "0", count: max(0, 4 - hex.count))
      return pad("U+" + zeros + hex + (directive.sharp ? " '\(Character(scalar(number)))'" : ""))
    default: return refuse(value)
    }
  }

  private func scalar(_ number: Int) -> Unicode.Scalar {
    UInt32(exactly: number).flatMap(Unicode.Scalar.init) ?? "\u{fffd}"
  }

  private func digits(_ number: Int, radix: Int, prefix: String) -> String {
    var text = String(number.magnitude, radix: radix, uppercase: verb == "X")
    if let precision = directive.precision {
      if precision == 0, number == 0 { return pad("") }
      text = String(repeating: "0", count: max(0, precision - text.count)) + text
    }
    let sign = number < 0 ? "-" : directive.plus ? "+" : directive.space ? " " : ""
    return pad(sign + prefix + text, withZeros: directive.precision == nil)
  }

  // MARK: Floats

  private func float(_ number: Double, _ value: TemplateValue) -> String {
    guard let text = magnitude(number) else { return refuse(value) }
    let isNegative = number.sign == .minus && !number.isNaN
    let sign = isNegative ? "-" : directive.plus ? "+" : directive.space ? " " : ""
    if number.isInfinite, sign.isEmpty { return pad("+" + text) }
    return pad(sign + text, withZeros: number.isFinite)
  }

  /// Without a sign; nil for a verb that floats don't have.
  private func magnitude(_ number: Double) -> String? {
    guard "vgGeEfF".unicodeScalars.contains(verb) else { return nil }
    guard number.isFinite else { return number.isNaN ? "NaN" : "Inf" }
    switch verb {
    case "v", "g", "G":
      let mark: Character = verb == "G" ? "E" : "e"
      guard let precision = directive.precision else {
        return DecimalDigits(shortest: number).general(precision: nil, exponentMark: mark)
      }
      return DecimalDigits(exact: number).general(precision: precision, exponentMark: mark)
    case "e", "E":
      let mark: Character = verb == "E" ? "E" : "e"
      return DecimalDigits(exact: number).scientific(
        places: directive.precision ?? 6, exponentMark: mark)
    default: return DecimalDigits(exact: number).plain(places: directive.precision ?? 6)
    }
  }
}

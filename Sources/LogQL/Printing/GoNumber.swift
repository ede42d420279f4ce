/// Numbers as Go prints them.
package enum GoNumber {
  /// The shortest digits that read back the same, never with an exponent: Go's
  /// `FormatFloat(v, 'f', -1, 64)`; `NaN`, `+Inf`, `-Inf`.
  package static func plain(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    let (digits, exponent) = decimal(value.magnitude)
    let sign = value.sign == .minus ? "-" : ""
    if exponent <= 0 {
      return digits == "0"
        ? sign + "0" : sign + "0." + String(repeating: "0", count: -exponent) + digits
    }
    let count = digits.utf8.count
    if count <= exponent { return sign + digits + String(repeating: "0", count: exponent - count) }
    return sign + digits.prefix(exponent) + "." + digits.dropFirst(exponent)
  }

  /// Go's `%f`: six digits behind the point.
  package static func fixed(_ value: Double) -> String {
    let text = plain(value)
    guard value.isFinite else { return text }
    let parts = text.split(separator: ".")
    let fraction = parts.count > 1 ? String(parts[1]) : ""
    guard fraction.utf8.count > 6 else {
      return parts[0] + "." + fraction + String(repeating: "0", count: 6 - fraction.utf8.count)
    }
    // Digits of which one more is looked at are few enough to be exact in a number.
    let scaled = (Double("0." + fraction) ?? 0) * 1e6
    let rounded = Int(scaled.rounded(.toNearestOrEven))
    let isCarried = rounded == 1_000_000
    let whole = isCarried ? plain(value.rounded(.toNearestOrAwayFromZero)) : String(parts[0])
    let digits = isCarried ? "0" : String(rounded)
    return whole + "." + String(repeating: "0", count: 6 - digits.utf8.count) + digits
  }

  /// Go's `%v`: as ``plain(_:)``, with an exponent below 1e-4 and from 1e21 on.
  package static func general(_ value: Double) -> String {
    let magnitude = value.magnitude
    guard value.isFinite, value != 0, magnitude < 1e-4 || magnitude >= 1e21 else {
      return plain(value)
    }
    let (digits, exponent) = decimal(magnitude)
    let power = exponent - 1
    let mantissa = digits.utf8.count > 1 ? "\(digits.prefix(1)).\(digits.dropFirst())" : digits
    let shown = power.magnitude < 10 ? "0\(power.magnitude)" : "\(power.magnitude)"
    return (value < 0 ? "-" : "") + mantissa + (power < 0 ? "e-" : "e+") + shown
  }

  /// The shortest digits without outer zeros, and where the point stands: value = 0.digits × 10ⁿ.
  private static func decimal(_ value: Double) -> (digits: String, exponent: Int) {
    if value == 0 { return ("0", 0) }
    var text = Substring("\(value)")
    var exponent = 0
    if let mark = text.firstIndex(of: "e") {
      exponent = Int(text[text.index(after: mark)...]) ?? 0
      text = text[..<mark]
    }
    let whole = text.prefix { $0 != "." }
    let fraction = text.dropFirst(whole.count + 1)
    let all = whole + fraction
    let digits = all.drop { $0 == "0" }
    let point = whole.count - (all.count - digits.count) + exponent
    let trailing = digits.reversed().prefix { $0 == "0" }.count
    return (String(digits.dropLast(trailing)), point)
  }
}

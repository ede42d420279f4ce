import TelemetryModel

/// How functions for numbers take whatever they are given, as Go's `cast` does: what is no number
/// is 0.
enum Conversions {
  static func integer(_ value: TemplateValue) -> Int {
    switch value {
    case .int(let number), .int64(let number): number
    case .float(let number): truncated(number)
    case .bool(let flag): flag ? 1 : 0
    case .string(let text): integer(text)
    case .null, .list, .map, .time: 0
    }
  }

  /// Digits with a fraction that is dropped, or a literal with a base (`0x1f`, `017`).
  private static func integer(_ text: String) -> Int {
    var digits = text
    let whole = text.prefix { $0 != "." }
    let fraction = text.dropFirst(whole.count).dropFirst()
    let sign = whole.hasPrefix("-") || whole.hasPrefix("+") ? 1 : 0
    let isDecimal =
      whole.dropFirst(sign).allSatisfy { ("0"..."9").contains($0) }
      && fraction.allSatisfy { ("0"..."9").contains($0) }
    if isDecimal {
      digits = String(whole)
      if digits.count == sign { digits += "0" }
    }
    return GoQuoting.integer(digits) ?? 0
  }

  static func float(_ value: TemplateValue) -> Double {
    switch value {
    case .int(let number), .int64(let number): Double(number)
    case .float(let number): number
    case .bool(let flag): flag ? 1 : 0
    case .string(let text): Double(text) ?? 0
    case .null, .list, .map, .time: 0
    }
  }

  /// Towards zero; the least number for what does not fit.
  static func truncated(_ number: Double) -> Int {
    number.isFinite && abs(number) < 9.2e18 ? Int(number) : Int.min
  }

  /// Whether sprig takes it for not set.
  static func isEmpty(_ value: TemplateValue) -> Bool {
    if case .time = value { return false }
    return !value.isTrue
  }
}

/// Texts that functions make are bounded, so that a template cannot fill the memory.
enum TextBounds {
  static let bytesMax = 1 << 20

  static func check(_ count: Int, _ times: Int) throws(TemplateCallError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: max(0, times))
    if overflow || bytes > bytesMax {
      throw TemplateCallError("the result is longer than \(bytesMax) bytes")
    }
  }
}

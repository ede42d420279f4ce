import TelemetryModel

/// Sizes with units as Go's `humanize` reads them: `1.5 KiB`, `10MB`, `1,024`.
enum ByteSize {
  static func parse(_ text: String) throws(TemplateCallError) -> Double {
    let digits = text.prefix { ("0"..."9").contains($0) || $0 == "." || $0 == "," }
    let number = digits.filter { $0 != "," }
    guard let value = Double(number) else {
      throw TemplateCallError("strconv.ParseFloat: parsing \(quoted(number)): invalid syntax")
    }
    let unit = GoStrings.lower(GoStrings.trimSpace(String(text.dropFirst(digits.count))))
    guard let scale = scale(unit) else {
      throw TemplateCallError("unhandled size name: \(unit)")
    }
    let size = value * scale
    guard size < 18_446_744_073_709_551_616 else { throw TemplateCallError("too large: \(text)") }
    return Double(UInt64(size))
  }

  private static func scale(_ unit: String) -> Double? {
    if unit.isEmpty || unit == "b" { return 1 }
    let powers: [Character: Int] = ["k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6]
    guard let first = unit.first, let power = powers[first] else { return nil }
    let base: Double
    switch unit.dropFirst() {
    case "", "b": base = 1000
    case "i", "ib": base = 1024
    default: return nil
    }
    return (0..<power).reduce(1) { scale, _ in scale * base }
  }

  static let function = TemplateFunction(.string) { (arguments) throws(TemplateCallError) in
    .float(try parse(arguments[0].text))
  }
}

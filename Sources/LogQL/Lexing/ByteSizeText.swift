/// Sizes with units, as Go's `humanize` reads and prints them: `10MB`, `1.5 KiB`.
package enum ByteSizeText {
  /// nil for what is no size or does not fit.
  package static func parse(_ text: String) -> UInt64? {
    let digits = text.utf8.prefix {
      $0.isASCIIDigit || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ",")
    }
    guard let number = Double(String(Substring(digits)).filter { $0 != "," }) else { return nil }
    var unit = Substring(text.utf8.dropFirst(digits.count))
    unit = unit.drop { $0.isWhitespace }
    while unit.last?.isWhitespace == true { unit.removeLast() }
    guard let scale = scale(unit.lowercased()) else { return nil }
    let size = number * scale
    return size.isFinite && size >= 0 && size < 18_446_744_073_709_551_616 ? UInt64(size) : nil
  }

  private static func scale(_ unit: String) -> Double? {
    if unit.isEmpty || unit == "b" { return 1 }
    let letters = "kmgtpe"
    guard let letter = unit.first, let at = letters.firstIndex(of: letter) else { return nil }
    let power = letters.distance(from: letters.startIndex, to: at) + 1
    let base: Double
    switch unit.dropFirst() {
    case "", "b": base = 1000
    case "i", "ib": base = 1024
    default: return nil
    }
    return (0..<power).reduce(1) { scale, _ in scale * base }
  }

  /// With decimal units and two digits at least: `900kB`, `1.5MB`, `5B`.
  package static func format(_ size: UInt64) -> String {
    if size < 10 { return "\(size)B" }
    var value = Double(size)
    var unit = 0
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    while value >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    let rounded = (value * 10 + 0.5).rounded(.down) / 10
    let whole = Int(rounded)
    if rounded < 10 {
      return "\(whole).\(Int((rounded * 10).rounded()) % 10)\(units[unit])"
    }
    return "\(Int(rounded.rounded(.toNearestOrEven)))\(units[unit])"
  }
}

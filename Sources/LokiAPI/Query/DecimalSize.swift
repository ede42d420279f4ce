import LogQL

/// Sizes as Go's humanize prints them in powers of 1000: `82 MB`, `1.5 kB`.
enum DecimalSize {
  private static let suffixes: Set<String> = [
    "b", "kib", "kb", "mib", "mb", "gib", "gb", "tib", "tb", "pib", "pb", "eib", "eb", "ki", "k",
    "mi", "m", "gi", "g", "ti", "t", "pi", "p", "ei", "e",
  ]

  /// A size with a unit as `1.5kB`, which a query understands; any other text as it is.
  static func normal(_ text: String) -> String {
    guard let last = text.utf8.last, last | 0x20 >= 0x61, last | 0x20 <= 0x7a,
      let first = text.utf8.first, first >= 0x30, first <= 0x39,
      suffixes.contains(String(text.drop { !$0.isLetter }).lowercased()),
      let bytes = ByteSizeText.parse(text)
    else { return text }
    return self.text(Double(bytes))
  }

  private static func text(_ bytes: Double) -> String {
    if bytes < 10 { return "\(Int(bytes))B" }
    var value = bytes
    var units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"][...]
    while value >= 1000, units.count > 1 {
      value /= 1000
      units.removeFirst()
    }
    let tenths = (value * 10 + 0.5).rounded(.down) / 10
    let unit = units[units.startIndex]
    guard tenths < 10 else { return "\(Int(tenths.rounded(.toNearestOrEven)))\(unit)" }
    return "\(Int(tenths)).\(Int((tenths * 10).rounded()) % 10)\(unit)"
  }
}

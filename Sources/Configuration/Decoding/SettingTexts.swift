package import TelemetryModel

extension TimeSpan {
  /// Reads a length of time: Go's form (`1h30m`, `1.5s`, `250ms`, `0`, `-5m`) with Prometheus's
  /// units `d`, `w` and `y` (365 days) besides; nil for anything else and beyond 292 years.
  package init?(durationText text: String) {
    var rest = Substring(text)
    let isNegative = rest.first == "-"
    if isNegative || rest.first == "+" { rest.removeFirst() }
    if rest == "0" {
      self = .zero
      return
    }
    guard !rest.isEmpty else { return nil }
    var total: Double = 0
    var whole: Int64 = 0
    while !rest.isEmpty {
      let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
      rest = rest[number.endIndex...]
      let unit = rest.prefix { !($0.isASCII && $0.isNumber) && $0 != "." }
      rest = rest[unit.endIndex...]
      guard number != ".", !number.isEmpty, let size = TimeSpan.unit(unit) else { return nil }
      if let count = Int64(number) {
        let (product, overflow) = count.multipliedReportingOverflow(by: size)
        let (sum, overflow2) = whole.addingReportingOverflow(product)
        guard !overflow, !overflow2 else { return nil }
        whole = sum
      } else {
        guard let count = Double("0" + number + (number.hasSuffix(".") ? "0" : "")) else {
          return nil
        }
        total += count * Double(size)
      }
    }
    guard total < 9e18 else { return nil }
    let (sum, overflow) = whole.addingReportingOverflow(Int64(total.rounded()))
    guard !overflow else { return nil }
    self.init(nanoseconds: isNegative ? -sum : sum)
  }

  private static func unit(_ name: Substring) -> Int64? {
    switch name {
    case "ns": 1
    case "us", "µs", "μs": 1_000
    case "ms": 1_000_000
    case "s": 1_000_000_000
    case "m": 60_000_000_000
    case "h": 3_600_000_000_000
    case "d": 86_400_000_000_000
    case "w": 604_800_000_000_000
    case "y": 31_536_000_000_000_000
    default: nil
    }
  }
}

/// Sizes as configurations write them: `1048576`, `256KB`, `1.5GB`, `64 MiB`.
package enum ByteSizeText {
  /// The size in bytes, every unit a power of 1024 as in Loki; nil for anything else.
  package static func parse(_ text: String) -> Int? {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let name = text[number.endIndex...].drop { $0 == " " }.lowercased()
    let shifts = [
      "": 0, "b": 0, "k": 10, "kb": 10, "kib": 10, "m": 20, "mb": 20, "mib": 20, "g": 30, "gb": 30,
      "gib": 30, "t": 40, "tb": 40, "tib": 40,
    ]
    guard let shift = shifts[name], !number.isEmpty else { return nil }
    if let whole = Int(number) {
      let (size, overflow) = whole.multipliedReportingOverflow(by: 1 << shift)
      return overflow ? nil : size
    }
    guard let value = Double(number) else { return nil }
    let size = value * Double(1 << shift)
    return size < 9e18 ? Int(size) : nil
  }
}

package import TelemetryModel

extension DurationText {
  /// As Prometheus prints a range: `5m`, `1h30m`, `90d`; whole milliseconds.
  package static func prometheus(_ span: TimeSpan) -> String {
    var rest = span.nanoseconds / 1_000_000
    if rest == 0 { return "0s" }
    var text = ""
    let units: [(String, Int64, Bool)] = [
      ("y", 365 * 86_400_000, true), ("w", 7 * 86_400_000, true), ("d", 86_400_000, false),
      ("h", 3_600_000, false), ("m", 60_000, false), ("s", 1000, false), ("ms", 1, false),
    ]
    for (name, scale, isExactOnly) in units where !isExactOnly || rest % scale == 0 {
      let count = rest / scale
      if count > 0 {
        text += "\(count)\(name)"
        rest -= count * scale
      }
    }
    return text
  }

  /// As Go's `time.Duration.String`: `1h0m0s`, `1.5s`, `250ms`, `0s`.
  package static func go(_ span: TimeSpan) -> String {
    if span.nanoseconds == 0 { return "0s" }
    let sign = span.nanoseconds < 0 ? "-" : ""
    let magnitude = span.nanoseconds.magnitude
    switch magnitude {
    case ..<1000: return "\(sign)\(magnitude)ns"
    case ..<1_000_000: return sign + fraction(magnitude, unit: 1000) + "µs"
    case ..<1_000_000_000: return sign + fraction(magnitude, unit: 1_000_000) + "ms"
    default: break
    }
    let minute: UInt64 = 60_000_000_000
    let seconds = fraction(magnitude % minute, unit: 1_000_000_000) + "s"
    let minutes = magnitude / minute
    if minutes == 0 { return sign + seconds }
    if minutes < 60 { return "\(sign)\(minutes)m\(seconds)" }
    return "\(sign)\(minutes / 60)h\(minutes % 60)m\(seconds)"
  }

  /// `value / unit` as a decimal without trailing zeros; `unit` is a power of ten.
  private static func fraction(_ value: UInt64, unit: UInt64) -> String {
    var digits = value % unit
    if digits == 0 { return "\(value / unit)" }
    var places = String(unit).utf8.count - 1
    while digits % 10 == 0 {
      digits /= 10
      places -= 1
    }
    let text = String(digits)
    return "\(value / unit)." + String(repeating: "0", count: places - text.utf8.count) + text
  }
}

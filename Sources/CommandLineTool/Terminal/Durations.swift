import TelemetryModel

/// Reads a length of time as Go and Prometheus write it: `90s`, `1h30m`, `7d`, `1w`, `250ms`.
///
/// - Throws: ``UsageError`` with the text on anything else.
func parseTimeSpan(_ text: String) throws(UsageError) -> TimeSpan {
  let units: [String: Int64] = [
    "ns": 1, "us": 1000, "µs": 1000, "ms": 1_000_000, "s": 1_000_000_000,
    "m": 60_000_000_000, "h": 3_600_000_000_000, "d": 86_400_000_000_000,
    "w": 604_800_000_000_000, "y": 31_536_000_000_000_000,
  ]
  var rest = text[...]
  var total = 0.0
  guard !rest.isEmpty else { throw UsageError(message: "a duration is empty") }
  while !rest.isEmpty {
    let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    rest = rest.dropFirst(digits.count)
    let unit = rest.prefix { $0.isLetter || $0 == "µ" }
    rest = rest.dropFirst(unit.count)
    guard let number = Double(digits), let scale = units[String(unit)] else {
      throw UsageError(message: "'\(text)' is no duration; write 90s, 1h30m or 7d")
    }
    total += number * Double(scale)
  }
  guard total < 9e18 else { throw UsageError(message: "the duration '\(text)' is too long") }
  return TimeSpan(nanoseconds: Int64(total))
}

/// A length of time for people: `850ns`, `1.25ms`, `3.2s`, `2m5s`.
func shortTimeSpan(_ span: TimeSpan) -> String {
  let nanoseconds = Double(span.nanoseconds)
  switch span.nanoseconds.magnitude {
  case 0..<1000: return "\(span.nanoseconds)ns"
  case 1000..<1_000_000: return trimmed(nanoseconds / 1e3) + "µs"
  case 1_000_000..<1_000_000_000: return trimmed(nanoseconds / 1e6) + "ms"
  case 1_000_000_000..<60_000_000_000: return trimmed(nanoseconds / 1e9) + "s"
  default:
    let seconds = span.nanoseconds / 1_000_000_000
    return seconds >= 3600
      ? "\(seconds / 3600)h\(seconds % 3600 / 60)m" : "\(seconds / 60)m\(seconds % 60)s"
  }
}

/// At most two decimals, none that are zero.
private func trimmed(_ value: Double) -> String {
  let hundredths = (value * 100).rounded() / 100
  return hundredths == hundredths.rounded() ? "\(Int(hundredths))" : "\(hundredths)"
}

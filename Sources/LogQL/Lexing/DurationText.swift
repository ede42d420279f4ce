package import TelemetryModel

/// The two ways to write a duration that LogQL takes, and how they are printed.
package enum DurationText {
  /// Why a text is no duration.
  package struct Refusal: Error, Hashable {
    package let message: String
  }

  /// Prometheus's form first (`1d`, `2w`), then Go's (`1.5h`, `-5m`).
  package static func parse(_ text: String) -> TimeSpan? {
    if case .success(let span) = parsePrometheus(text) { return span }
    return parseGo(text)
  }

  private static let prometheusUnits: [(name: String, milliseconds: Int64)] = [
    ("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000),
    ("m", 60_000), ("s", 1000), ("ms", 1),
  ]

  /// `1y2w3d4h5m6s7ms` with each unit at most once and in this order; `0` alone needs none.
  package static func parsePrometheus(_ text: String) -> Result<TimeSpan, Refusal> {
    if text.isEmpty { return .failure(Refusal(message: "empty duration string")) }
    if text == "0" { return .success(.zero) }
    let invalid = Refusal(message: "not a valid duration string: \(quoted(text))")
    var rest = text.utf8[...]
    var units = prometheusUnits[...]
    var total: Int64 = 0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCIIDigit }
      rest = rest.dropFirst(digits.count)
      let letters = rest.prefix { !$0.isASCIIDigit }
      rest = rest.dropFirst(letters.count)
      let unit = String(letters) ?? ""
      guard !digits.isEmpty, !letters.isEmpty else { return .failure(invalid) }
      guard prometheusUnits.contains(where: { $0.name == unit }) else {
        return .failure(
          Refusal(message: "unknown unit \(quoted(unit)) in duration \(quoted(text))"))
      }
      guard let at = units.firstIndex(where: { $0.name == unit }) else { return .failure(invalid) }
      let scale = units[at].milliseconds * 1_000_000
      units = units[(at + 1)...]
      guard let count = Int64(String(Substring(digits))) else {
        return .failure(Refusal(message: "duration out of range"))
      }
      let (part, overflow) = count.multipliedReportingOverflow(by: scale)
      let (sum, overflow2) = total.addingReportingOverflow(part)
      if overflow || overflow2 { return .failure(Refusal(message: "duration out of range")) }
      total = sum
    }
    return .success(TimeSpan(nanoseconds: total))
  }

  /// As Go's `time.ParseDuration`: a sign, then numbers with units `ns us ms s m h`.
  package static func parseGo(_ text: String) -> TimeSpan? {
    var copy = text
    return copy.withUTF8 { parseGo(UnsafeRawBufferPointer($0)) }
  }

  /// The same over bytes, without allocating.
  package static func parseGo(_ text: UnsafeRawBufferPointer) -> TimeSpan? {
    var at = 0
    var isNegative = false
    if at < text.count, text[at] == UInt8(ascii: "-") || text[at] == UInt8(ascii: "+") {
      isNegative = text[at] == UInt8(ascii: "-")
      at += 1
    }
    if at + 1 == text.count, text[at] == UInt8(ascii: "0") { return .zero }
    guard at < text.count else { return nil }
    var total: UInt64 = 0
    while at < text.count {
      guard let part = goPart(text, &at) else { return nil }
      total += part
      if total > UInt64(Int64.max) + 1 { return nil }
    }
    if isNegative { return TimeSpan(nanoseconds: 0 &- Int64(bitPattern: total)) }
    return total > UInt64(Int64.max) ? nil : TimeSpan(nanoseconds: Int64(total))
  }

  /// One number with its unit, in nanoseconds: at most 2⁶³.
  private static func goPart(_ text: UnsafeRawBufferPointer, _ at: inout Int) -> UInt64? {
    let limit: UInt64 = 1 << 63
    var whole: UInt64 = 0
    let start = at
    while at < text.count, text[at].isASCIIDigit {
      if whole > limit / 10 { return nil }
      whole = whole * 10 + UInt64(text[at] - 0x30)
      if whole > limit { return nil }
      at += 1
    }
    let hasWhole = at > start
    var fraction: UInt64 = 0
    var scale = 1.0
    var hasFraction = false
    if at < text.count, text[at] == UInt8(ascii: ".") {
      at += 1
      let fractionStart = at
      var isFull = false
      while at < text.count, text[at].isASCIIDigit {
        if !isFull {
          if fraction > (limit - 1) / 10 {
            isFull = true
          } else {
            fraction = fraction * 10 + UInt64(text[at] - 0x30)
            scale *= 10
          }
        }
        at += 1
      }
      hasFraction = at > fractionStart
    }
    guard hasWhole || hasFraction, let unit = goUnit(text, &at) else { return nil }
    let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
    if overflow || product > limit { return nil }
    let sum = product + UInt64(Double(fraction) * (Double(unit) / scale))
    return sum > limit ? nil : sum
  }

  private static func goUnit(_ text: UnsafeRawBufferPointer, _ at: inout Int) -> UInt64? {
    let start = at
    while at < text.count, !text[at].isASCIIDigit, text[at] != UInt8(ascii: ".") { at += 1 }
    let unit = text[start..<at]
    switch unit.count {
    case 1:
      switch unit[start] {
      case UInt8(ascii: "s"): return 1_000_000_000
      case UInt8(ascii: "m"): return 60_000_000_000
      case UInt8(ascii: "h"): return 3_600_000_000_000
      default: return nil
      }
    case 2, 3:
      if unit.elementsEqual("ns".utf8) { return 1 }
      if unit.elementsEqual("ms".utf8) { return 1_000_000 }
      let isMicro =
        unit.elementsEqual("us".utf8) || unit.elementsEqual("µs".utf8)
        || unit.elementsEqual("μs".utf8)
      return isMicro ? 1000 : nil
    default: return nil
    }
  }
}

extension UInt8 {
  var isASCIIDigit: Bool { self >= 0x30 && self <= 0x39 }
}

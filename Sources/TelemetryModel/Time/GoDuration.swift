/// Lengths of time as Go's `time.Duration` writes and reads them.
extension TimeSpan {
  /// Why a text is no duration, in Go's words: `time: invalid duration "x"`.
  package struct GoDurationError: Error, Hashable {
    package let message: String
  }

  /// Reads `1h15m30.918s`, `-1.5h`, `300ms`, `0`: a sign, then numbers with the units `ns`, `us`,
  /// `µs`, `ms`, `s`, `m`, `h`. As Go's `time.ParseDuration`.
  package init(goDuration text: some StringProtocol) throws(GoDurationError) {
    var text = String(text)
    var result: Result<TimeSpan, GoDurationError> = .success(.zero)
    text.withUTF8 { bytes in
      var reader = GoDurationReader(bytes: bytes)
      result = reader.read()
    }
    self = try result.get()
  }

  /// As Go prints a duration: `1h15m30.918s`, `1.5ms`, `0s`.
  package var goDescription: String {
    let magnitude = nanoseconds.magnitude
    let sign = nanoseconds < 0 ? "-" : ""
    guard magnitude >= 1_000_000_000 else {
      switch magnitude {
      case 0: return "0s"
      case ..<1000: return "\(sign)\(magnitude)ns"
      case ..<1_000_000: return sign + TimeSpan.decimal(magnitude, 3) + "µs"
      default: return sign + TimeSpan.decimal(magnitude, 6) + "ms"
      }
    }
    let seconds = magnitude / 1_000_000_000
    let rest = TimeSpan.decimal(
      seconds % 60 * 1_000_000_000 + magnitude % 1_000_000_000, 9)
    switch seconds {
    case ..<60: return "\(sign)\(rest)s"
    case ..<3600: return "\(sign)\(seconds / 60)m\(rest)s"
    default: return "\(sign)\(seconds / 3600)h\(seconds / 60 % 60)m\(rest)s"
    }
  }

  /// `value` divided by ten to the power of `digits`, without zeros at the end.
  private static func decimal(_ value: UInt64, _ digits: Int) -> String {
    var scale: UInt64 = 1
    for _ in 0..<digits { scale *= 10 }
    guard value % scale != 0 else { return String(value / scale) }
    let fraction = String(value % scale)
    var text = String(repeating: "0", count: digits - fraction.utf8.count) + fraction
    while text.hasSuffix("0") { text.removeLast() }
    return "\(value / scale).\(text)"
  }
}

/// Reads the bytes of one duration.
private struct GoDurationReader {
  let bytes: UnsafeBufferPointer<UInt8>
  private var at = 0

  init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  private static let overflow: UInt64 = 1 << 63

  private func failure(_ what: String) -> Result<TimeSpan, TimeSpan.GoDurationError> {
    let text = String(decoding: bytes, as: UTF8.self)
    return .failure(TimeSpan.GoDurationError(message: "time: \(what) \(quoted(text))"))
  }

  private static func scale(_ unit: Slice<UnsafeBufferPointer<UInt8>>) -> UInt64? {
    switch String(decoding: unit, as: UTF8.self) {
    case "ns": 1
    case "us", "\u{b5}s", "\u{3bc}s": 1000
    case "ms": 1_000_000
    case "s": 1_000_000_000
    case "m": 60_000_000_000
    case "h": 3_600_000_000_000
    default: nil
    }
  }

  mutating func read() -> Result<TimeSpan, TimeSpan.GoDurationError> {
    let isNegative = at < bytes.count && bytes[at] == UInt8(ascii: "-")
    if isNegative || (at < bytes.count && bytes[at] == UInt8(ascii: "+")) { at += 1 }
    if bytes.count - at == 1, bytes[at] == UInt8(ascii: "0") { return .success(.zero) }
    guard at < bytes.count else { return failure("invalid duration") }
    var sum: UInt64 = 0
    while at < bytes.count {
      guard let (whole, fraction, fractionScale) = number() else {
        return failure("invalid duration")
      }
      let unitStart = at
      while at < bytes.count, bytes[at] != UInt8(ascii: "."), !bytes[at].isDecimalDigit { at += 1 }
      guard at > unitStart else { return failure("missing unit in duration") }
      guard let scale = GoDurationReader.scale(bytes[unitStart..<at]) else {
        let unit = String(decoding: bytes[unitStart..<at], as: UTF8.self)
        return failure("unknown unit \(quoted(unit)) in duration")
      }
      let (product, overflow) = whole.multipliedReportingOverflow(by: scale)
      guard !overflow, product <= GoDurationReader.overflow else {
        return failure("invalid duration")
      }
      let part = UInt64(Double(fraction) * (Double(scale) / fractionScale))
      sum += product + part
      guard product + part <= GoDurationReader.overflow, sum <= GoDurationReader.overflow else {
        return failure("invalid duration")
      }
    }
    if isNegative { return .success(TimeSpan(nanoseconds: Int64(truncatingIfNeeded: 0 &- sum))) }
    guard sum < GoDurationReader.overflow else { return failure("invalid duration") }
    return .success(TimeSpan(nanoseconds: Int64(sum)))
  }

  /// Digits with a point; nil when there is no digit or the whole part is past 2^63.
  private mutating func number() -> (whole: UInt64, fraction: UInt64, scale: Double)? {
    let start = at
    var whole: UInt64 = 0
    while at < bytes.count, bytes[at].isDecimalDigit {
      guard whole <= GoDurationReader.overflow / 10 else { return nil }
      whole = whole * 10 + UInt64(bytes[at] - UInt8(ascii: "0"))
      guard whole <= GoDurationReader.overflow else { return nil }
      at += 1
    }
    var digits = at - start
    var fraction: UInt64 = 0
    var scale = 1.0
    if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
      at += 1
      var isFull = false
      while at < bytes.count, bytes[at].isDecimalDigit {
        digits += 1
        if !isFull, fraction <= (GoDurationReader.overflow - 10) / 10 {
          fraction = fraction * 10 + UInt64(bytes[at] - UInt8(ascii: "0"))
          scale *= 10
        } else {
          isFull = true
        }
        at += 1
      }
    }
    return digits > 0 ? (whole, fraction, scale) : nil
  }
}

package import TelemetryModel

/// Times as Go's `time` package reads and writes them.
package enum GoTime {
  /// RFC 3339 in UTC without fractions: `2026-11-21T04:39:00Z`. The distant past, which stands
  /// for a time that was not given, is Go's zero time.
  package static func rfc3339(_ time: Timestamp) -> String {
    guard time != .distantPast else { return "0001-01-01T00:00:00Z" }
    let (date, clock, _) = parts(time)
    return "\(date)T\(clock)Z"
  }

  /// As `time.RFC3339Nano` has it: with the part of the second, where there is one, without zeros
  /// at its end.
  package static func rfc3339Nano(_ time: Timestamp) -> String {
    guard time != .distantPast else { return "0001-01-01T00:00:00Z" }
    let (date, clock, nanoseconds) = parts(time)
    return "\(date)T\(clock)\(fraction(nanoseconds))Z"
  }

  /// As `Time.String` prints: `2026-11-21 04:39:00.5 +0000 UTC`.
  package static func description(_ time: Timestamp) -> String {
    guard time != .distantPast else { return "0001-01-01 00:00:00 +0000 UTC" }
    let (date, clock, nanoseconds) = parts(time)
    return "\(date) \(clock)\(fraction(nanoseconds)) +0000 UTC"
  }

  /// `.5`, or nothing for a whole second.
  private static func fraction(_ nanoseconds: Int64) -> String {
    guard nanoseconds > 0 else { return "" }
    var digits = padded(nanoseconds, 9)
    while digits.hasSuffix("0") { digits.removeLast() }
    return "." + digits
  }

  private static func parts(_ time: Timestamp) -> (date: String, clock: String, Int64) {
    var (seconds, nanoseconds) = time.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    if nanoseconds < 0 {
      seconds -= 1
      nanoseconds += 1_000_000_000
    }
    var days = seconds / 86_400
    var second = seconds % 86_400
    if second < 0 {
      days -= 1
      second += 86_400
    }
    let (year, month, day) = civil(days: days)
    let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    let clock =
      "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
    return (date, clock, nanoseconds)
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// The Gregorian date of a day counted from 1970-01-01; eras of 400 years begin in March.
  private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let monthFromMarch = month > 2 ? month - 3 : month + 9
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  /// RFC 3339 with up to nine digits of fraction and any zone; nil for anything else.
  package static func parse(_ text: String) -> Timestamp? {
    let bytes = Array(text.utf8)
    var at = 0
    func number(_ width: Int) -> Int64? {
      guard at + width <= bytes.count else { return nil }
      var value: Int64 = 0
      for _ in 0..<width {
        let digit = bytes[at] &- UInt8(ascii: "0")
        guard digit < 10 else { return nil }
        value = value * 10 + Int64(digit)
        at += 1
      }
      return value
    }
    func take(_ byte: UInt8) -> Bool {
      guard at < bytes.count, bytes[at] == byte else { return false }
      at += 1
      return true
    }
    guard let year = number(4), take(UInt8(ascii: "-")), let month = number(2),
      take(UInt8(ascii: "-")), let day = number(2), take(UInt8(ascii: "T")),
      let hour = number(2), take(UInt8(ascii: ":")), let minute = number(2),
      take(UInt8(ascii: ":")), let second = number(2),
      (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
    else { return nil }
    var nanoseconds: Int64 = 0
    if take(UInt8(ascii: ".")) {
      var scale: Int64 = 100_000_000
      let start = at
      while let digit = number(1) {
        nanoseconds += digit * scale
        scale /= 10
      }
      guard at > start else { return nil }
    }
    var offset: Int64 = 0
    if !take(UInt8(ascii: "Z")) {
      let sign: Int64 = take(UInt8(ascii: "+")) ? 1 : take(UInt8(ascii: "-")) ? -1 : 0
      guard sign != 0, let hours = number(2), take(UInt8(ascii: ":")), let minutes = number(2)
      else { return nil }
      offset = sign * (hours * 3600 + minutes * 60)
    }
    guard at == bytes.count else { return nil }
    let seconds =
      days(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60 + second
      - offset
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflowAgain) = product.addingReportingOverflow(nanoseconds)
    return overflow || overflowAgain ? nil : Timestamp(nanoseconds: sum)
  }
}

import TelemetryModel

/// Reads the usual form of RFC 3339 times quickly: `2024-12-01T12:00:00.123Z`, `…+01:00`.
enum RFC3339Time {
  /// The time; nil for whatever the layouts of Go's time package have to look at.
  static func read(_ text: UnsafeRawBufferPointer) -> Timestamp? {
    guard text.count >= 20, text.count <= 35, text[4] == UInt8(ascii: "-"),
      text[7] == UInt8(ascii: "-"), text[10] == UInt8(ascii: "T"), text[13] == UInt8(ascii: ":"),
      text[16] == UInt8(ascii: ":"),
      let century = pair(text, 0), let yearOfCentury = pair(text, 2), let month = pair(text, 5),
      let day = pair(text, 8), let hour = pair(text, 11), let minute = pair(text, 14),
      let second = pair(text, 17)
    else { return nil }
    let year = century * 100 + yearOfCentury
    guard (1678...2261).contains(year), (1...12).contains(month), hour < 24, minute < 60,
      second < 60, day >= 1, day <= CivilDate.daysIn(month: month, year: year)
    else { return nil }
    var at = 19
    var nanoseconds = 0
    if text[at] == UInt8(ascii: ".") {
      at += 1
      let start = at
      while at < text.count, at - start < 9, let digit = digit(text[at]) {
        nanoseconds = nanoseconds * 10 + digit
        at += 1
      }
      guard at > start else { return nil }
      for _ in 0..<(9 - (at - start)) { nanoseconds *= 10 }
    }
    guard let offset = offset(text, at) else { return nil }
    let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
    return Timestamp(nanoseconds: Int64(seconds * 1_000_000_000 + nanoseconds))
  }

  /// The seconds of `Z` or `+hh:mm` at `at`, which must end the text.
  private static func offset(_ text: UnsafeRawBufferPointer, _ at: Int) -> Int? {
    guard at < text.count else { return nil }
    if text[at] == UInt8(ascii: "Z") { return at + 1 == text.count ? 0 : nil }
    guard at + 6 == text.count, text[at + 3] == UInt8(ascii: ":"),
      let hours = pair(text, at + 1), let minutes = pair(text, at + 4), hours < 24, minutes < 60
    else { return nil }
    switch text[at] {
    case UInt8(ascii: "+"): return hours * 3600 + minutes * 60
    case UInt8(ascii: "-"): return -(hours * 3600 + minutes * 60)
    default: return nil
    }
  }

  @inline(__always)
  private static func digit(_ byte: UInt8) -> Int? {
    let value = byte &- UInt8(ascii: "0")
    return value < 10 ? Int(value) : nil
  }

  @inline(__always)
  private static func pair(_ text: UnsafeRawBufferPointer, _ at: Int) -> Int? {
    guard let tens = digit(text[at]), let ones = digit(text[at + 1]) else { return nil }
    return tens * 10 + ones
  }
}

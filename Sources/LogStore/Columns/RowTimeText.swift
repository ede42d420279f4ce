/// Layouts in which a row's own time often stands in its line.
enum RowTimeLayout: UInt8, CaseIterable, Sendable {
  /// `2026-11-21T12:00:00Z`, then with 3, 6 and 9 digits of the second.
  case seconds = 0
  case milliseconds = 1
  case microseconds = 2
  case nanoseconds = 3
  /// `21/Nov/2026:12:00:00 +0000`
  case accessLog = 4
  /// `2026-11-21 12:00:00`, then with `,123`, `.123` and `.123456`.
  case blankSeconds = 5
  case commaMilliseconds = 6
  case pointMilliseconds = 7
  case pointMicroseconds = 8
  /// Since 1970: seconds, milliseconds, microseconds, nanoseconds.
  case unixSeconds = 9
  case unixMilliseconds = 10
  case unixMicroseconds = 11
  case unixNanoseconds = 12
  /// `2026-11-21`
  case day = 13
  /// `12:00:00`, then with `,123` and `.123`.
  case time = 14
  case timeComma = 15
  case timePoint = 16
  /// `2026-11-21T12:00:00+00:00`, then with 6 digits of the second.
  case offsetSeconds = 17
  case offsetMicroseconds = 18

  static func layouts(ofLength count: Int) -> [RowTimeLayout] { byLength[count] ?? [] }

  private static let byLength: [Int: [RowTimeLayout]] = Dictionary(
    grouping: allCases
  ) { layout in
    var text: [UInt8] = []
    var writer = RowTimeWriter(layout)
    writer.append(1_795_233_600_000_000_000, to: &text)
    return text.count
  }
}

/// Writes times in one layout; remembers the last day.
struct RowTimeWriter {
  private let layout: RowTimeLayout
  private var day = Int64.min
  private var year: Int64 = 0
  private var month = 0
  private var dayOfMonth: Int64 = 0

  init(_ layout: RowTimeLayout) { self.layout = layout }

  private static let months = Array("JanFebMarAprMayJunJulAugSepOctNovDec".utf8)

  mutating func append(_ nanoseconds: Int64, to out: inout [UInt8]) {
    switch layout {
    case .unixSeconds: return number(Self.floor(nanoseconds, 1_000_000_000).0, to: &out)
    case .unixMilliseconds: return number(Self.floor(nanoseconds, 1_000_000).0, to: &out)
    case .unixMicroseconds: return number(Self.floor(nanoseconds, 1000).0, to: &out)
    case .unixNanoseconds: return number(nanoseconds, to: &out)
    default: break
    }
    let (seconds, fraction) = Self.floor(nanoseconds, 1_000_000_000)
    let (newDay, second) = Self.floor(seconds, 86_400)
    if newDay != day { setDay(newDay) }
    switch layout {
    case .time, .timeComma, .timePoint: break
    case .accessLog:
      two(dayOfMonth, to: &out)
      out.append(UInt8(ascii: "/"))
      out.append(contentsOf: Self.months[(month * 3 - 3)..<(month * 3)])
      out.append(UInt8(ascii: "/"))
      digits(year, 4, to: &out)
      out.append(UInt8(ascii: ":"))
    default:
      digits(year, 4, to: &out)
      out.append(UInt8(ascii: "-"))
      two(Int64(month), to: &out)
      out.append(UInt8(ascii: "-"))
      two(dayOfMonth, to: &out)
    }
    switch layout {
    case .day: return
    case .seconds, .milliseconds, .microseconds, .nanoseconds, .offsetSeconds,
      .offsetMicroseconds:
      out.append(UInt8(ascii: "T"))
    case .blankSeconds, .commaMilliseconds, .pointMilliseconds, .pointMicroseconds:
      out.append(UInt8(ascii: " "))
    default: break
    }
    two(second / 3600, to: &out)
    out.append(UInt8(ascii: ":"))
    two(second / 60 % 60, to: &out)
    out.append(UInt8(ascii: ":"))
    two(second % 60, to: &out)
    appendFraction(fraction, to: &out)
    appendZone(to: &out)
  }

  private func appendFraction(_ fraction: Int64, to out: inout [UInt8]) {
    switch layout {
    case .milliseconds, .pointMilliseconds, .timePoint:
      out.append(UInt8(ascii: "."))
      digits(fraction / 1_000_000, 3, to: &out)
    case .commaMilliseconds, .timeComma:
      out.append(UInt8(ascii: ","))
      digits(fraction / 1_000_000, 3, to: &out)
    case .microseconds, .pointMicroseconds, .offsetMicroseconds:
      out.append(UInt8(ascii: "."))
      digits(fraction / 1000, 6, to: &out)
    case .nanoseconds:
      out.append(UInt8(ascii: "."))
      digits(fraction, 9, to: &out)
    default: break
    }
  }

  private func appendZone(to out: inout [UInt8]) {
    switch layout {
    case .seconds, .milliseconds, .microseconds, .nanoseconds: out.append(UInt8(ascii: "Z"))
    case .accessLog: out.append(contentsOf: " +0000".utf8)
    case .offsetSeconds, .offsetMicroseconds: out.append(contentsOf: "+00:00".utf8)
    default: break
    }
  }

  /// Quotient and remainder, the latter never negative.
  private static func floor(_ value: Int64, _ divisor: Int64) -> (Int64, Int64) {
    let quotient = value / divisor
    let rest = value % divisor
    return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
  }

  /// The civil date of a day since 1970, by Hinnant's "chrono-compatible low-level date
  /// algorithms".
  private mutating func setDay(_ newDay: Int64) {
    day = newDay
    let shifted = newDay + 719_468
    let (era, dayOfEra) = Self.floor(shifted, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    dayOfMonth = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  private func two(_ value: Int64, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "0") + UInt8(value / 10))
    out.append(UInt8(ascii: "0") + UInt8(value % 10))
  }

  private func digits(_ value: Int64, _ count: Int, to out: inout [UInt8]) {
    var divisor: Int64 = 1
    for _ in 1..<count { divisor *= 10 }
    while divisor > 0 {
      out.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
      divisor /= 10
    }
  }

  private func number(_ value: Int64, to out: inout [UInt8]) {
    NumberStyle(form: .fixed, scale: 0, width: 0).append(value, to: &out)
  }
}

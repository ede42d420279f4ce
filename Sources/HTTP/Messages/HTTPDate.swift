import LinuxIO

/// Dates in the form of RFC 9110, section 5.6.7, as in `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
  static func now() -> [UInt8] { format(secondsSince1970: CalendarClock.seconds()) }

  static func format(secondsSince1970 seconds: Int64) -> [UInt8] {
    let days = Int(seconds / 86_400)
    let rest = Int(seconds % 86_400)
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][days % 7]
    let (year, month, day) = civil(days)
    let names = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    let time = [rest / 3600, rest / 60 % 60, rest % 60].map(two).joined(separator: ":")
    return Array("\(weekday), \(two(day)) \(names[month - 1]) \(year) \(time) GMT".utf8)
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  /// The date of a count of days from 1970-01-01, which must not be negative.
  private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
    // Years begin in March, so that the leap day is their last.
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}

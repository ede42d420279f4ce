import Regex
import TelemetryModel

/// Moves the times of recorded log lines.
enum TimeShift {
  /// A way in which logs write the time, with the words of Go's layouts.
  private struct Form {
    let pattern: String
    let layout: String
  }

  /// Tried in this order on the first line; the file keeps to the one found.
  private static let forms = [
    Form(
      pattern: #"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"#, layout: "2006-01-02T15:04:05.000Z07:00"),
    Form(pattern: #"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"#, layout: "2006-01-02T15:04:05Z07:00"),
    Form(
      pattern: #"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"#,
      layout: "02/Jan/2006:15:04:05 -0700"),
    Form(pattern: #"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"#, layout: "Jan _2 15:04:05"),
  ]

  /// The lines of `text` with every line's first time moved so that the newest becomes `now`.
  ///
  /// Times without a year are taken as of the year of `now`. Lines without a time stay.
  ///
  /// - Throws: ``CommandFailure`` when no line has a time that is understood.
  static func moveToNow(_ text: [UInt8], now: Timestamp, file: String) throws(CommandFailure)
    -> (bytes: [UInt8], lines: Int, moved: TimeSpan)
  {
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
    for form in forms {
      guard let regex = try? Regex(form.pattern), let first = lines.first,
        regex.matches(Array(first))
      else { continue }
      return move(lines.map(Array.init), regex, GoTimeLayout(form.layout), now: now)
    }
    throw CommandFailure(message: "\(file): its first line has no time that is understood")
  }

  private static func move(
    _ lines: [[UInt8]], _ regex: Regex, _ layout: GoTimeLayout, now: Timestamp
  ) -> (bytes: [UInt8], lines: Int, moved: TimeSpan) {
    var times: [(range: Range<Int>, time: Timestamp)?] = []
    for line in lines {
      guard let found = regex.firstMatch(line)?[0],
        let time = read(String(decoding: line[found], as: UTF8.self), layout, now: now)
      else {
        times.append(nil)
        continue
      }
      times.append((found, time))
    }
    let newest = times.compactMap { $0?.time }.max() ?? now
    let moved = now - newest
    var out: [UInt8] = []
    for (line, found) in zip(lines, times) {
      if let found {
        out += line[..<found.range.lowerBound]
        out += Array(layout.format(ZonedTime(found.time + moved)).utf8)
        out += line[found.range.upperBound...]
      } else {
        out += line
      }
      out.append(UInt8(ascii: "\n"))
    }
    return (out, lines.count, moved)
  }

  /// A time without a year is the one of `now`.
  private static func read(_ text: String, _ layout: GoTimeLayout, now: Timestamp) -> Timestamp? {
    guard let time = try? layout.parse(text) else { return nil }
    let clock = ClockReading(time)
    guard clock.date.year == 0 else { return time.timestamp }
    let year = ClockReading(ZonedTime(now)).date.year
    let date = CivilDate(year: year, month: clock.date.month, day: clock.date.day)
    return ZonedTime(
      date, hour: clock.hour, minute: clock.minute, second: clock.second, nanosecond: 0, zone: .utc
    ).timestamp
  }
}

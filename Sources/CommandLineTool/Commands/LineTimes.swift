import Regex
import TelemetryModel

/// The way in which one log writes its times.
struct LineClock {
  private let regex: Regex
  private let layout: GoTimeLayout

  /// Patterns with the words of Go's layouts, tried in this order.
  private static let forms = [
    (#"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"#, "2006-01-02T15:04:05.000Z07:00"),
    (#"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"#, "2006-01-02T15:04:05Z07:00"),
    (
      #"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"#, GoTimeLayout.rfc3339Nano.text
    ),
    (#"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"#, "02/Jan/2006:15:04:05 -0700"),
    (#"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"#, "2006-01-02 15:04:05"),
    (#"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"#, "Jan _2 15:04:05"),
  ]

  /// By a log's line; nil when it has no time that is understood.
  init?(line: [UInt8]) {
    for (pattern, layout) in Self.forms {
      guard let regex = try? Regex(pattern), regex.matches(line) else { continue }
      self.regex = regex
      self.layout = GoTimeLayout(layout)
      return
    }
    return nil
  }

  /// The first time of a line and where it stands. Without a year it is of the year of `now`.
  func read(_ line: [UInt8], now: Timestamp) -> (range: Range<Int>, time: Timestamp)? {
    guard let found = regex.firstMatch(line)?[0],
      let time = try? layout.parse(String(decoding: line[found], as: UTF8.self))
    else { return nil }
    let clock = ClockReading(time)
    guard clock.date.year == 0 else { return time.timestamp.map { (found, $0) } }
    let year = ClockReading(ZonedTime(now)).date.year
    let date = CivilDate(year: year, month: clock.date.month, day: clock.date.day)
    let whole = ZonedTime(
      date, hour: clock.hour, minute: clock.minute, second: clock.second, nanosecond: 0, zone: .utc)
    return whole.timestamp.map { (found, $0) }
  }

  func text(_ time: Timestamp) -> String { layout.format(ZonedTime(time)) }
}

/// Moves the times of recorded log lines.
enum TimeShift {
  /// The lines of `text` with every line's first time moved so that the newest becomes `now`.
  ///
  /// Times without a year are taken as of the year of `now`. Lines without a time stay.
  ///
  /// - Throws: ``CommandFailure`` when no line has a time that is understood.
  static func moveToNow(_ text: [UInt8], now: Timestamp, file: String) throws(CommandFailure)
    -> (bytes: [UInt8], lines: Int, moved: TimeSpan)
  {
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
    guard let first = lines.first, let clock = LineClock(line: Array(first)) else {
      throw CommandFailure(message: "\(file): its first line has no time that is understood")
    }
    return move(lines.map(Array.init), clock, now: now)
  }

  private static func move(_ lines: [[UInt8]], _ clock: LineClock, now: Timestamp)
    -> (bytes: [UInt8], lines: Int, moved: TimeSpan)
  {
    let times = lines.map { clock.read($0, now: now) }
    let newest = times.compactMap { $0?.time }.max() ?? now
    let moved = now - newest
    var out: [UInt8] = []
    for (line, found) in zip(lines, times) {
      if let found {
        out += line[..<found.range.lowerBound]
        out += clock.text(found.time + moved).utf8
        out += line[found.range.upperBound...]
      } else {
        out += line
      }
      out.append(UInt8(ascii: "\n"))
    }
    return (out, lines.count, moved)
  }
}

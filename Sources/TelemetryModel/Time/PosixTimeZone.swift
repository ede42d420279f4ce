/// The rule that goes on after a zone's last recorded change: `CET-1CEST,M3.5.0,M10.5.0/3`.
///
/// Source: POSIX `TZ` variable with the extensions of RFC 8536, section 3.3.
struct PosixTimeZone: Hashable, Sendable {
  /// A day of each year at which the clocks change, and the time of that day.
  struct Change: Hashable, Sendable {
    enum Day: Hashable, Sendable {
      /// `Jn`, 1...365, February 29th never counted.
      case julian(Int)
      /// `n`, 0...365.
      case dayOfYear(Int)
      /// `Mm.w.d`: weekday `d` (0 is Sunday) of week `w` (5 is the last) of month `m`.
      case weekday(month: Int, week: Int, day: Int)
    }
    var day: Day
    /// On the wall's clock, before the change.
    var secondsOfDay = 7200
  }

  var standard: TimeZoneRules.Kind
  /// Present together with the two changes.
  var daylight: TimeZoneRules.Kind?
  var daylightStart = Change(day: .weekday(month: 3, week: 2, day: 0))
  var daylightEnd = Change(day: .weekday(month: 11, week: 1, day: 0))

  /// nil for text that is empty or no rule.
  init?(_ text: String) {
    var cursor = PosixTimeZoneCursor(text)
    guard let name = cursor.name(), let offset = cursor.time() else { return nil }
    standard = TimeZoneRules.Kind(
      offsetSeconds: -offset, isDaylightSaving: false, abbreviation: name)
    guard !cursor.isAtEnd else { return }
    guard let daylightName = cursor.name() else { return nil }
    var daylightOffset = -offset + 3600
    if !cursor.isAtEnd, !cursor.isAt(",") {
      guard let written = cursor.time() else { return nil }
      daylightOffset = -written
    }
    daylight = TimeZoneRules.Kind(
      offsetSeconds: daylightOffset, isDaylightSaving: true, abbreviation: daylightName)
    guard !cursor.isAtEnd else { return }
    guard cursor.take(","), let start = cursor.change(), cursor.take(","),
      let end = cursor.change(), cursor.isAtEnd
    else { return nil }
    daylightStart = start
    daylightEnd = end
  }

  /// What holds at a moment; the range starts no earlier than `notBefore`.
  func period(at unixSeconds: Int, notBefore: Int) -> TimeZoneRules.Period {
    guard let daylight else {
      return period(standard, from: notBefore, to: Int.max)
    }
    let local = unixSeconds &+ standard.offsetSeconds
    let year = CivilDate(daysSinceEpoch: floorDivide(local, 86_400)).year
    var changes: [(at: Int, kind: TimeZoneRules.Kind)] = []
    for each in (year - 1)...(year + 1) {
      let starts = daylightStart.localSeconds(year: each) - standard.offsetSeconds
      let ends = daylightEnd.localSeconds(year: each) - daylight.offsetSeconds
      changes.append((starts, daylight))
      changes.append((ends, standard))
    }
    changes.sort { $0.at < $1.at }
    let next = changes.firstIndex { $0.at > unixSeconds } ?? changes.count
    guard next > 0 else { return period(standard, from: notBefore, to: changes[0].at) }
    return period(
      changes[next - 1].kind, from: max(notBefore, changes[next - 1].at),
      to: next < changes.count ? changes[next].at : Int.max)
  }

  private func period(_ kind: TimeZoneRules.Kind, from start: Int, to end: Int)
    -> TimeZoneRules.Period
  {
    TimeZoneRules.Period(
      offsetSeconds: kind.offsetSeconds, abbreviation: kind.abbreviation,
      isDaylightSaving: kind.isDaylightSaving, range: start..<max(start, end))
  }
}

extension PosixTimeZone.Change {
  /// Seconds from the epoch to the change in `year`, on the wall's clock.
  func localSeconds(year: Int) -> Int {
    let newYear = CivilDate(year: year, month: 1, day: 1).daysSinceEpoch
    let days: Int
    switch day {
    case .julian(let number):
      days = newYear + number - 1 + (number >= 60 && CivilDate.isLeapYear(year) ? 1 : 0)
    case .dayOfYear(let number):
      days = newYear + number
    case .weekday(let month, let week, let weekday):
      let first = CivilDate(year: year, month: month, day: 1)
      var day = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7
      while day > CivilDate.daysIn(month: month, year: year) { day -= 7 }
      days = first.daysSinceEpoch + day - 1
    }
    return days * 86_400 + secondsOfDay
  }
}

/// Reads the parts of a `TZ` rule.
private struct PosixTimeZoneCursor {
  private let text: [UInt8]
  private var at = 0

  init(_ text: String) { self.text = Array(text.utf8.prefix(256)) }

  var isAtEnd: Bool { at == text.count }

  func isAt(_ character: Character) -> Bool { at < text.count && text[at] == character.asciiValue }

  mutating func take(_ character: Character) -> Bool {
    guard isAt(character) else { return false }
    at += 1
    return true
  }

  /// `CET` or `<+03>`, three characters at least.
  mutating func name() -> String? {
    let isQuoted = take("<")
    let start = at
    while at < text.count {
      let byte = text[at]
      let isLetter = (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
      guard isQuoted ? byte != UInt8(ascii: ">") : isLetter else { break }
      at += 1
    }
    let name = String(decoding: text[start..<at], as: UTF8.self)
    if isQuoted, !take(">") { return nil }
    return name.utf8.count >= 3 ? name : nil
  }

  /// `[+-]hh[:mm[:ss]]` in seconds, up to 167 hours.
  mutating func time() -> Int? {
    let isNegative = take("-")
    if !isNegative { _ = take("+") }
    guard let hours = number(upTo: 167) else { return nil }
    var seconds = hours * 3600
    if take(":") {
      guard let minutes = number(upTo: 59) else { return nil }
      seconds += minutes * 60
      if take(":") {
        guard let rest = number(upTo: 59) else { return nil }
        seconds += rest
      }
    }
    return isNegative ? -seconds : seconds
  }

  mutating func change() -> PosixTimeZone.Change? {
    let day: PosixTimeZone.Change.Day
    if take("M") {
      guard let month = number(upTo: 12), month >= 1, take("."), let week = number(upTo: 5),
        week >= 1, take("."), let weekday = number(upTo: 6)
      else { return nil }
      day = .weekday(month: month, week: week, day: weekday)
    } else if take("J") {
      guard let number = number(upTo: 365), number >= 1 else { return nil }
      day = .julian(number)
    } else {
      guard let number = number(upTo: 365) else { return nil }
      day = .dayOfYear(number)
    }
    guard take("/") else { return PosixTimeZone.Change(day: day) }
    guard let seconds = time() else { return nil }
    return PosixTimeZone.Change(day: day, secondsOfDay: seconds)
  }

  private mutating func number(upTo limit: Int) -> Int? {
    let start = at
    var value = 0
    while at < text.count, at - start < 4, text[at] >= UInt8(ascii: "0"),
      text[at] <= UInt8(ascii: "9")
    {
      value = value * 10 + Int(text[at] - UInt8(ascii: "0"))
      at += 1
    }
    return at > start && value <= limit ? value : nil
  }
}

/// Takes the parts of a written time, one after another, and puts a moment together of them.
struct GoTimeReader {
  enum Failure: Error {
    case mismatch
    /// `month out of range`.
    case range(String)
  }

  let value: [UInt8]
  var at = 0
  private var year = 0
  private var month: Int?
  private var day: Int?
  private var dayOfYear: Int?
  private var hour = 0
  private var minute = 0
  private var second = 0
  private var nanosecond = 0
  private var isAfternoon: Bool?
  private var isUTC = false
  private var offsetSeconds: Int?
  private var zoneName = ""

  init(value: [UInt8]) { self.value = value }

  /// Blanks of the layout match any number of blanks, none included only at the value's end.
  mutating func skip(_ literal: [UInt8]) throws(Failure) {
    let blank = UInt8(ascii: " ")
    var index = 0
    while index < literal.count {
      if literal[index] == blank {
        guard at == value.count || value[at] == blank else { throw .mismatch }
        while index < literal.count, literal[index] == blank { index += 1 }
        while at < value.count, value[at] == blank { at += 1 }
        continue
      }
      guard at < value.count, value[at] == literal[index] else { throw .mismatch }
      index += 1
      at += 1
    }
  }

  mutating func read(_ element: GoTimeLayout.Element, nextElement: GoTimeLayout.Element?)
    throws(Failure)
  {
    switch element {
    case .longMonth: month = try name(of: GoTimeLayout.monthNames, prefix: nil) + 1
    case .shortMonth: month = try name(of: GoTimeLayout.monthNames, prefix: 3) + 1
    case .longWeekday: _ = try name(of: GoTimeLayout.weekdayNames, prefix: nil)
    case .shortWeekday: _ = try name(of: GoTimeLayout.weekdayNames, prefix: 3)
    case .month, .zeroMonth:
      month = try number(isFixed: element == .zeroMonth, 1...12, "month out of range")
    case .day, .spaceDay, .zeroDay:
      if element == .spaceDay { skipBlank() }
      day = try number(isFixed: element == .zeroDay)
    case .spaceDayOfYear, .zeroDayOfYear: try readDayOfYear(element)
    case .longYear: year = try digits(4)
    case .year:
      let short = try digits(2)
      year = short >= 69 ? 1900 + short : 2000 + short
    case .hour: hour = try number(isFixed: false, 0...23, "hour out of range")
    case .hour12, .zeroHour12:
      hour = try number(isFixed: element == .zeroHour12, 0...12, "hour out of range")
    case .minute, .zeroMinute:
      minute = try number(isFixed: element == .zeroMinute, 0...59, "minute out of range")
    case .second, .zeroSecond:
      second = try number(isFixed: element == .zeroSecond, 0...59, "second out of range")
      if case .fraction = nextElement { return }
      try readFraction(isRequired: false, digits: nil)
    case .upperHalfDay: try readHalfDay("AM", "PM")
    case .lowerHalfDay: try readHalfDay("am", "pm")
    case .zoneName: try readZoneName()
    case .offset(let form): try readOffset(form)
    case .fraction(let digits, let isTrimmed, _):
      try readFraction(isRequired: !isTrimmed, digits: isTrimmed ? nil : digits)
    }
  }

  private func byte(_ ahead: Int) -> UInt8? {
    at + ahead < value.count ? value[at + ahead] : nil
  }
  private func digit(_ ahead: Int) -> Int? {
    guard let byte = byte(ahead), byte.isDecimalDigit else { return nil }
    return Int(byte - UInt8(ascii: "0"))
  }

  private mutating func skipBlank() { if byte(0) == UInt8(ascii: " ") { at += 1 } }

  /// One or two digits; two when fixed.
  private mutating func number(
    isFixed: Bool, _ range: ClosedRange<Int>? = nil, _ message: String = ""
  ) throws(Failure) -> Int {
    guard let first = digit(0) else { throw .mismatch }
    var result = first
    if let next = digit(1) {
      result = first * 10 + next
      at += 2
    } else {
      if isFixed { throw .mismatch }
      at += 1
    }
    if let range, !range.contains(result) { throw .range(message) }
    return result
  }

  private mutating func digits(_ count: Int) throws(Failure) -> Int {
    var result = 0
    for index in 0..<count {
      guard let digit = digit(index) else { throw .mismatch }
      result = result * 10 + digit
    }
    at += count
    return result
  }

  private mutating func readDayOfYear(_ element: GoTimeLayout.Element) throws(Failure) {
    if element == .spaceDayOfYear {
      skipBlank()
      skipBlank()
    }
    var result = 0
    var count = 0
    while count < 3, let next = digit(count) {
      result = result * 10 + next
      count += 1
    }
    guard count > 0, element == .spaceDayOfYear || count == 3 else { throw .mismatch }
    at += count
    dayOfYear = result
  }

  /// Letters of either case.
  private mutating func name(of names: [String], prefix: Int?) throws(Failure) -> Int {
    for (index, name) in names.enumerated() {
      let wanted = Array(name.utf8.prefix(prefix ?? Int.max))
      guard at + wanted.count <= value.count else { continue }
      let isEqual = zip(value[at...], wanted).allSatisfy { $0 == $1 || ($0 ^ $1) == 0x20 }
      if isEqual {
        at += wanted.count
        return index
      }
    }
    throw .mismatch
  }

  private mutating func readHalfDay(_ morning: String, _ afternoon: String) throws(Failure) {
    if value[at...].starts(with: afternoon.utf8) {
      isAfternoon = true
    } else if value[at...].starts(with: morning.utf8) {
      isAfternoon = false
    } else {
      throw .mismatch
    }
    at += 2
  }

  /// `.` or `,` and digits; digits past the ninth are dropped.
  private mutating func readFraction(isRequired: Bool, digits wanted: Int?) throws(Failure) {
    let isSeparator = byte(0) == UInt8(ascii: ".") || byte(0) == UInt8(ascii: ",")
    guard isSeparator, digit(1) != nil else {
      if isRequired { throw .mismatch }
      return
    }
    var count = 0
    var result = 0
    while let next = digit(1 + count), count < wanted ?? Int.max {
      if count < 9 { result = result * 10 + next }
      count += 1
    }
    if let wanted, count < wanted { throw .mismatch }
    for _ in min(count, 9)..<9 { result *= 10 }
    nanosecond = result
    at += 1 + count
  }

  private mutating func readOffset(_ form: GoTimeLayout.OffsetForm) throws(Failure) {
    if form.allowsZ, byte(0) == UInt8(ascii: "Z") {
      at += 1
      isUTC = true
      return
    }
    let isNegative = byte(0) == UInt8(ascii: "-")
    guard isNegative || byte(0) == UInt8(ascii: "+") else { throw .mismatch }
    at += 1
    let hours = try number(isFixed: true, 0...24, "time zone offset hour out of range")
    var seconds = hours * 3600
    for unit in [60, 1] where unit == 60 ? form.hasMinutes : form.hasSeconds {
      if form.hasColons {
        guard byte(0) == UInt8(ascii: ":") else { throw .mismatch }
        at += 1
      }
      let name = unit == 60 ? "minute" : "second"
      seconds +=
        unit * (try number(isFixed: true, 0...60, "time zone offset \(name) out of range"))
    }
    offsetSeconds = isNegative ? -seconds : seconds
  }

  private mutating func readZoneName() throws(Failure) {
    if value[at...].starts(with: "UTC".utf8) {
      at += 3
      isUTC = true
      return
    }
    guard let count = zoneNameCount() else { throw .mismatch }
    zoneName = String(decoding: value[at..<(at + count)], as: UTF8.self)
    at += count
  }

  /// Three to five capitals, `GMT+3`, `+03`: what Go takes for a zone's name.
  private func zoneNameCount() -> Int? {
    let rest = value[at...]
    guard rest.count >= 3 else { return nil }
    if rest.starts(with: "ChST".utf8) || rest.starts(with: "MeST".utf8) { return 4 }
    if rest.starts(with: "GMT".utf8) { return 3 + signedHoursCount(at + 3) }
    if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") {
      let count = signedHoursCount(at)
      return count > 0 ? count : nil
    }
    let capitals = rest.prefix(6).prefix { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") }
    let endsWithT = capitals.last == UInt8(ascii: "T")
    switch capitals.count {
    case 3: return 3
    case 4: return endsWithT || capitals.elementsEqual("WITA".utf8) ? 4 : nil
    case 5: return endsWithT ? 5 : nil
    default: return nil
    }
  }

  /// `+3`, `-12`: 23 at most; 0 when there is none.
  private func signedHoursCount(_ start: Int) -> Int {
    guard start < value.count,
      value[start] == UInt8(ascii: "+") || value[start] == UInt8(ascii: "-")
    else { return 0 }
    let digits = value[(start + 1)...].prefix { $0.isDecimalDigit }
    guard let hours = Int(String(decoding: digits, as: UTF8.self)), hours <= 23 else { return 0 }
    return 1 + digits.count
  }

  /// The moment that was read.
  func time(in zone: TimeZoneRules) throws(Failure) -> ZonedTime {
    let date = try date()
    var hour = hour
    if let isAfternoon {
      if isAfternoon, hour < 12 { hour += 12 } else if !isAfternoon, hour == 12 { hour = 0 }
    }
    func moment(_ zone: TimeZoneRules) -> ZonedTime {
      ZonedTime(
        date, hour: hour, minute: minute, second: second, nanosecond: nanosecond, zone: zone)
    }
    if isUTC { return moment(.utc) }
    if let offsetSeconds {
      var time = moment(.utc)
      time.unixSeconds -= offsetSeconds
      let period = zone.period(at: time.unixSeconds)
      let isLocal =
        period.offsetSeconds == offsetSeconds
        && (zoneName.isEmpty || zoneName == period.abbreviation)
      time.zone =
        isLocal ? zone : TimeZoneRules(offsetSeconds: offsetSeconds, abbreviation: zoneName)
      return time
    }
    guard !zoneName.isEmpty else { return moment(zone) }
    var time = moment(.utc)
    if let known = zone.offset(of: zoneName, near: time.unixSeconds) {
      time.unixSeconds -= known
      time.zone = zone
      return time
    }
    let hours = zoneName.hasPrefix("GMT") ? Int(zoneName.dropFirst(3)) ?? 0 : 0
    time.unixSeconds -= hours * 3600
    time.zone = TimeZoneRules(offsetSeconds: hours * 3600, abbreviation: zoneName)
    return time
  }

  private func date() throws(Failure) -> CivilDate {
    if let dayOfYear {
      let days = CivilDate.isLeapYear(year) ? 366 : 365
      guard (1...days).contains(dayOfYear) else { throw .range("day-of-year out of range") }
      let newYear = CivilDate(year: year, month: 1, day: 1).daysSinceEpoch
      let date = CivilDate(daysSinceEpoch: newYear + dayOfYear - 1)
      guard month == nil || month == date.month else {
        throw .range("day-of-year does not match month")
      }
      guard day == nil || day == date.day else {
        throw .range("day-of-year does not match day")
      }
      return date
    }
    let month = month ?? 1
    let day = day ?? 1
    guard day >= 1, day <= CivilDate.daysIn(month: month, year: year) else {
      throw .range("day out of range")
    }
    return CivilDate(year: year, month: month, day: day)
  }
}

extension GoTimeLayout {
  /// `time` written the way of this layout.
  package func format(_ time: ZonedTime) -> String {
    var out: [UInt8] = []
    append(time, to: &out)
    return String(decoding: out, as: UTF8.self)
  }

  /// Appends `time`, written the way of this layout.
  package func append(_ time: ZonedTime, to out: inout [UInt8]) {
    let clock = ClockReading(time)
    for part in parts {
      switch part {
      case .literal(let bytes): out += bytes
      case .element(let element, _): append(element, time, clock, to: &out)
      }
    }
  }

  private func append(
    _ element: Element, _ time: ZonedTime, _ clock: ClockReading, to out: inout [UInt8]
  ) {
    switch element {
    case .longMonth: out += GoTimeLayout.monthNames[clock.date.month - 1].utf8
    case .shortMonth: out += GoTimeLayout.monthNames[clock.date.month - 1].utf8.prefix(3)
    case .longWeekday: out += GoTimeLayout.weekdayNames[clock.date.weekday].utf8
    case .shortWeekday: out += GoTimeLayout.weekdayNames[clock.date.weekday].utf8.prefix(3)
    case .month: pad(clock.date.month, 0, to: &out)
    case .zeroMonth: pad(clock.date.month, 2, to: &out)
    case .day: pad(clock.date.day, 0, to: &out)
    case .spaceDay: pad(clock.date.day, 2, with: " ", to: &out)
    case .zeroDay: pad(clock.date.day, 2, to: &out)
    case .spaceDayOfYear: pad(clock.date.dayOfYear, 3, with: " ", to: &out)
    case .zeroDayOfYear: pad(clock.date.dayOfYear, 3, to: &out)
    case .longYear: pad(clock.date.year, 4, to: &out)
    case .year: pad(max(0, clock.date.year % 100), 2, to: &out)
    case .hour: pad(clock.hour, 2, to: &out)
    case .hour12: pad((clock.hour + 11) % 12 + 1, 0, to: &out)
    case .zeroHour12: pad((clock.hour + 11) % 12 + 1, 2, to: &out)
    case .minute: pad(clock.minute, 0, to: &out)
    case .zeroMinute: pad(clock.minute, 2, to: &out)
    case .second: pad(clock.second, 0, to: &out)
    case .zeroSecond: pad(clock.second, 2, to: &out)
    case .upperHalfDay: out += (clock.hour >= 12 ? "PM" : "AM").utf8
    case .lowerHalfDay: out += (clock.hour >= 12 ? "pm" : "am").utf8
    case .zoneName: appendZoneName(clock, to: &out)
    case .offset(let form): appendOffset(clock.offsetSeconds, form, to: &out)
    case .fraction(let digits, let isTrimmed, let separator):
      appendFraction(time.nanosecond, digits, isTrimmed, separator, to: &out)
    }
  }

  /// An offset without a name is written as `+0530`.
  private func appendZoneName(_ clock: ClockReading, to out: inout [UInt8]) {
    guard clock.abbreviation.isEmpty else {
      out += clock.abbreviation.utf8
      return
    }
    let minutes = clock.offsetSeconds / 60
    out.append(UInt8(ascii: minutes < 0 ? "-" : "+"))
    pad(abs(minutes) / 60, 2, to: &out)
    pad(abs(minutes) % 60, 2, to: &out)
  }

  private func appendOffset(_ seconds: Int, _ form: OffsetForm, to out: inout [UInt8]) {
    if form.allowsZ, seconds == 0 {
      out.append(UInt8(ascii: "Z"))
      return
    }
    let minutes = seconds / 60
    out.append(UInt8(ascii: minutes < 0 ? "-" : "+"))
    pad(abs(minutes) / 60, 2, to: &out)
    guard form.hasMinutes else { return }
    if form.hasColons { out.append(UInt8(ascii: ":")) }
    pad(abs(minutes) % 60, 2, to: &out)
    guard form.hasSeconds else { return }
    if form.hasColons { out.append(UInt8(ascii: ":")) }
    pad(abs(seconds) % 60, 2, to: &out)
  }

  private func appendFraction(
    _ nanosecond: Int, _ digits: Int, _ isTrimmed: Bool, _ separator: UInt8,
    to out: inout [UInt8]
  ) {
    if isTrimmed, nanosecond == 0 { return }
    let start = out.count
    out.append(separator)
    pad(nanosecond, 9, to: &out)
    if digits < 9 { out.removeLast(9 - digits) }
    guard isTrimmed else { return }
    while out.count > start + 1, out.last == UInt8(ascii: "0") { out.removeLast() }
    if out.count == start + 1 { out.removeLast() }
  }

  private func pad(
    _ number: Int, _ width: Int, with filler: Unicode.Scalar = "0", to out: inout [UInt8]
  ) {
    if number < 0 { out.append(UInt8(ascii: "-")) }
    let digits = String(number.magnitude).utf8
    for _ in 0..<max(0, width - digits.count) { out.append(UInt8(ascii: filler)) }
    out += digits
  }
}

/// A moment as seen in a time zone, in any year: Go's `time.Time`.
///
/// `Timestamp` covers the years 1677 to 2262 only; this holds what a layout may parse to.
package struct ZonedTime: Hashable, Sendable {
  /// Since 1970-01-01T00:00:00Z, leap seconds not counted.
  package var unixSeconds: Int
  /// 0..<1_000_000_000.
  package var nanosecond: Int
  package var zone: TimeZoneRules

  /// Go's zero time: January 1st of the year 1, UTC.
  package static let zero = ZonedTime(unixSeconds: -62_135_596_800, nanosecond: 0, zone: .utc)

  package init(unixSeconds: Int, nanosecond: Int = 0, zone: TimeZoneRules = .utc) {
    self.unixSeconds = unixSeconds
    self.nanosecond = nanosecond
    self.zone = zone
  }

  package init(_ timestamp: Timestamp, zone: TimeZoneRules = .utc) {
    let nanoseconds = Int(timestamp.nanoseconds)
    unixSeconds = floorDivide(nanoseconds, 1_000_000_000)
    nanosecond = nanoseconds - unixSeconds * 1_000_000_000
    self.zone = zone
  }

  /// The clock of a wall in `zone`: `date` and the time of that day.
  ///
  /// A time that the zone skips or has twice is taken as Go's `time.Date` does.
  package init(
    _ date: CivilDate, hour: Int, minute: Int, second: Int, nanosecond: Int, zone: TimeZoneRules
  ) {
    let local = date.daysSinceEpoch * 86_400 + hour * 3600 + minute * 60 + second
    let first = zone.period(at: local)
    var offset = first.offsetSeconds
    if offset != 0, !first.range.contains(local - offset) {
      offset = zone.period(at: local - offset).offsetSeconds
    }
    self.init(unixSeconds: local - offset, nanosecond: nanosecond, zone: zone)
  }

  /// nil outside of the years that `Timestamp` covers.
  package var timestamp: Timestamp? {
    let (whole, overflow) = unixSeconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return nil }
    let (sum, sumOverflow) = whole.addingReportingOverflow(nanosecond)
    return sumOverflow ? nil : Timestamp(nanoseconds: Int64(sum))
  }

  /// Nanoseconds since the epoch, the bits above 64 dropped as Go's `UnixNano` does.
  package var unixNanoseconds: Int64 {
    Int64(truncatingIfNeeded: unixSeconds &* 1_000_000_000 &+ nanosecond)
  }

  /// The same moment in another zone.
  package func `in`(_ zone: TimeZoneRules) -> ZonedTime {
    ZonedTime(unixSeconds: unixSeconds, nanosecond: nanosecond, zone: zone)
  }
}

/// A moment taken apart: the day, the time of that day, and the offset in force.
package struct ClockReading: Sendable {
  package let date: CivilDate
  package let hour: Int
  package let minute: Int
  package let second: Int
  package let offsetSeconds: Int
  /// `CET`, or empty for an offset without a name.
  package let abbreviation: String

  package init(_ time: ZonedTime) {
    let period = time.zone.period(at: time.unixSeconds)
    offsetSeconds = period.offsetSeconds
    abbreviation = period.abbreviation
    let local = time.unixSeconds &+ offsetSeconds
    let days = floorDivide(local, 86_400)
    date = CivilDate(daysSinceEpoch: days)
    let rest = local - days * 86_400
    hour = rest / 3600
    minute = rest / 60 % 60
    second = rest % 60
  }
}

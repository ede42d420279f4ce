import Configuration
import TelemetryModel
import WireFormats

/// `timestamp`: takes the line's time from an extracted value.
///
/// With `action_on_failure: fudge`, which is the default, a line without a readable time gets
/// that of the stream's line before and a nanosecond. Alloy's `action_on_duplicate_timestamp:
/// fudge` does so too for a line whose time is the one before; here the default is `keep`.
final class TimestampStage: Stage {
  private let source: Int
  private let readers: [TimestampReader]
  private let isFudging: Bool
  private let isFudgingDuplicates: Bool
  /// Whether the usual form of RFC 3339 is what the first reader reads.
  private let isRFC3339: Bool
  /// The last time of each stream as read and as given, by the labels' key.
  @exclusivity(unchecked) private var streams = LabelTable()
  @exclusivity(unchecked) private var lastTimes: [(read: Timestamp, given: Timestamp)?] = []
  @exclusivity(unchecked) private var key = LabelKey()
  /// The stream of the last line whose labels were its base's alone, by the base's number.
  @exclusivity(unchecked) private var plain = (base: -1, stream: 0)

  /// More streams than this are forgotten together.
  private static let streamsMax = 10_000

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    source = shared.slots.slot(try section.needed("source"))
    let format = try section.needed("format")
    var fallbacks: [String] = []
    try section.readTextList("fallback_formats", &fallbacks)
    var location: String?
    try section.readText("location", &location)
    var action = "fudge"
    try section.readText("action_on_failure", &action)
    var duplicates = "keep"
    try section.readText("action_on_duplicate_timestamp", &duplicates)
    try section.finish()
    guard ["fudge", "skip"].contains(action) else {
      throw section.error("action_on_failure", "must be fudge or skip, not `\(action)`")
    }
    guard ["fudge", "keep"].contains(duplicates) else {
      throw section.error(
        "action_on_duplicate_timestamp", "must be fudge or keep, not `\(duplicates)`")
    }
    isFudging = action == "fudge"
    isFudgingDuplicates = duplicates == "fudge"
    var zone: TimeZoneRules?
    if let location {
      guard let rules = shared.zones.rules(named: location) else {
        throw section.error("location", "is no known time zone: `\(location)`")
      }
      zone = rules
    }
    readers = ([format] + fallbacks).map { TimestampReader(format: $0, zone: zone) }
    isRFC3339 = readers[0].isRFC3339
  }

  init(source: String, layout: GoTimeLayout, _ shared: StageResources) {
    self.source = shared.slots.slot(source)
    readers = [TimestampReader(layout: layout)]
    isRFC3339 = readers[0].isRFC3339
    isFudging = true
    isFudgingDuplicates = false
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    if let range = entry.text(source) {
      if isRFC3339, let time = entry.withText(range, RFC3339Time.read) {
        entry.timestamp = time
        entry.distantTime = nil
        if isFudging || isFudgingDuplicates { remember(&entry) }
        return .proceed
      }
      for reader in readers {
        switch entry.withText(range, { reader.read($0, now: shared.now) }) {
        case nil: continue
        case .moment(let time):
          entry.timestamp = time
          entry.distantTime = nil
          if isFudging || isFudgingDuplicates { remember(&entry) }
        case .distant(let time):
          entry.timestamp = time.unixSeconds < 0 ? .distantPast : .distantFuture
          entry.distantTime = DistantTime(seconds: time.unixSeconds, nanosecond: time.nanosecond)
        }
        return .proceed
      }
    }
    guard isFudging else { return .proceed }
    let stream = stream(of: entry)
    if let last = lastTimes[stream] {
      entry.timestamp = last.given + TimeSpan(nanoseconds: 1)
      lastTimes[stream] = (last.read, entry.timestamp)
    }
    return .proceed
  }

  private func remember(_ entry: inout StageEntry) {
    let stream = stream(of: entry)
    let read = entry.timestamp
    if isFudgingDuplicates, let last = lastTimes[stream], last.read == read {
      entry.timestamp = last.given + TimeSpan(nanoseconds: 1)
    }
    lastTimes[stream] = (read, entry.timestamp)
  }

  private func stream(of entry: borrowing StageEntry) -> Int {
    let isPlain = entry.labelChanges.isEmpty
    if isPlain, plain.base == entry.base.id { return plain.stream }
    entry.writeKey(&key)
    if streams.count >= TimestampStage.streamsMax {
      streams.removeAll()
      lastTimes.removeAll(keepingCapacity: true)
      plain.base = -1
    }
    let (number, isNew) = streams.number(of: key)
    if isNew { lastTimes.append(nil) }
    if isPlain { plain = (entry.base.id, number) }
    return number
  }
}

/// What a text means as a time.
enum ReadTime {
  case moment(Timestamp)
  /// Outside of the years that `Timestamp` covers.
  case distant(ZonedTime)

  init(_ time: ZonedTime) {
    self = time.timestamp.map { .moment($0) } ?? .distant(time)
  }
}

/// Reads times of one format: a layout of Go, one of its names, or a count since the epoch.
struct TimestampReader {
  private enum Form {
    case seconds
    /// Nanoseconds of one unit.
    case count(Int64)
    case layout(GoTimeLayout, TimeZoneRules)
    /// A layout without a year: the current one is meant, or the one next to it in January and
    /// December.
    case yearless(GoTimeLayout, TimeZoneRules)
  }
  private let form: Form
  /// Whether the usual form of RFC 3339 is among what the layout reads.
  let isRFC3339: Bool

  init(format: String, zone: TimeZoneRules?) {
    switch format {
    case "Unix": form = .seconds
    case "UnixMs": form = .count(1_000_000)
    case "UnixUs": form = .count(1_000)
    case "UnixNs": form = .count(1)
    default:
      if let named = GoTimeLayout.named(format) {
        form = .layout(named, .utc)
      } else if format.contains("06") {
        form = .layout(GoTimeLayout(format), zone ?? .utc)
      } else {
        form = .yearless(GoTimeLayout(format), zone ?? .utc)
      }
    }
    isRFC3339 = ["RFC3339", "RFC3339Nano"].contains(format)
  }

  init(layout: GoTimeLayout) {
    form = .layout(layout, .utc)
    isRFC3339 = layout == .rfc3339 || layout == .rfc3339Nano
  }

  /// The time that `text` means; nil when it means none.
  func read(_ bytes: UnsafeRawBufferPointer, now: @autoclosure () -> Int64) -> ReadTime? {
    if isRFC3339, let time = RFC3339Time.read(bytes) { return .moment(time) }
    let text = String(decoding: bytes, as: UTF8.self)
    switch form {
    case .seconds: return seconds(text)
    case .count(let unit):
      guard let count = goInteger(text) else { return nil }
      let (nanoseconds, overflow) = count.multipliedReportingOverflow(by: unit)
      return overflow ? nil : .moment(Timestamp(nanoseconds: nanoseconds))
    case .layout(let layout, let zone):
      return (try? layout.parse(text, in: zone)).map { ReadTime($0) }
    case .yearless(let layout, let zone):
      guard let time = try? layout.parse(text, in: zone) else { return nil }
      return withYear(time, now: now())
    }
  }

  /// `1733054400` or `1733054400.25`.
  private func seconds(_ text: String) -> ReadTime? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      return goInteger(text).map { ReadTime(ZonedTime(unixSeconds: Int($0))) }
    }
    guard let whole = goInteger(String(parts[0])), let fraction = goInteger(String(parts[1])) else {
      return nil
    }
    var scaled = Double(fraction)
    for _ in 0..<max(0, 9 - parts[1].utf8.count) { scaled *= 10 }
    for _ in 0..<max(0, parts[1].utf8.count - 9) { scaled /= 10 }
    guard abs(scaled) < 9e18 else { return nil }
    guard let start = ZonedTime(unixSeconds: Int(whole)).timestamp else { return nil }
    return .moment(start + TimeSpan(nanoseconds: Int64(scaled)))
  }

  private func goInteger(_ text: String) -> Int64? { Int64(text) }

  private func withYear(_ time: ZonedTime, now: Int64) -> ReadTime? {
    let read = ClockReading(time)
    guard read.date.year == 0 else { return nil }
    let today = ClockReading(ZonedTime(Timestamp(nanoseconds: now))).date
    var year = today.year
    if read.date.month == 12, today.month == 1 { year -= 1 }
    if read.date.month == 1, today.month == 12 { year += 1 }
    let date = CivilDate(year: year, month: read.date.month, day: read.date.day)
    let whole = ZonedTime(
      CivilDate(daysSinceEpoch: date.daysSinceEpoch), hour: read.hour, minute: read.minute,
      second: read.second, nanosecond: time.nanosecond, zone: time.zone)
    return ReadTime(whole)
  }
}

package import TelemetryModel

/// The steps of a query for metrics: which span falls into which, and when each ends.
package struct MetricsRange: Sendable {
  /// The first step begins after it.
  package let start: Int64
  package let end: Int64
  package let stepNanoseconds: Int64
  package let isInstant: Bool
  package let count: Int

  /// Steps that one answer may have.
  package static let stepsMax = 11_000

  /// Steps on whole multiples of the step, one more before the first; nil when there are too many
  /// or none.
  package init?(from start: Timestamp, to end: Timestamp, step: TimeSpan) {
    let step = step.nanoseconds
    guard step > 0, end > start, start.nanoseconds >= 0 else { return nil }
    let first = start.nanoseconds - start.nanoseconds % step
    let rest = end.nanoseconds % step
    let (last, overflow) = end.nanoseconds.addingReportingOverflow(rest == 0 ? 0 : step - rest)
    guard !overflow else { return nil }
    self.start = first >= step ? first - step : first
    self.end = last
    let count = (last - self.start) / step
    guard count <= Self.stepsMax else { return nil }
    self.count = Int(count)
    stepNanoseconds = step
    isInstant = false
  }

  /// One step from `start` to `end`, both included; nil when it is empty.
  package init?(instantFrom start: Timestamp, to end: Timestamp) {
    guard end > start else { return nil }
    self.start = start.nanoseconds
    self.end = end.nanoseconds
    stepNanoseconds = (end - start).nanoseconds
    isInstant = true
    count = 1
  }

  /// The step in which a span counts that starts then; nil outside. Ends belong to their step.
  func step(of start: Timestamp) -> Int? {
    let time = start.nanoseconds
    if isInstant { return time >= self.start && time <= end ? 0 : nil }
    guard time > self.start, time <= end else { return nil }
    return Int((time - self.start - 1) / stepNanoseconds)
  }

  /// When a step ends.
  package func time(of step: Int) -> Timestamp {
    Timestamp(nanoseconds: isInstant ? end : start + Int64(step + 1) * stepNanoseconds)
  }

  /// The starts of spans that count.
  var starts: Range<Timestamp> {
    Timestamp(nanoseconds: start)..<Timestamp(nanoseconds: end) + TimeSpan(nanoseconds: 1)
  }

  /// The step that is taken when none is asked for: about 240 in the range, on round times.
  package static func defaultStep(from start: Timestamp, to end: Timestamp) -> TimeSpan {
    let length = (end - start).nanoseconds
    let wanted = length / 240
    if length < 60_000_000_000 {
      let fine: Int64 = 50_000_000
      return TimeSpan(nanoseconds: max(fine, wanted / fine * fine))
    }
    for seconds: Int64 in [3600, 300, 60, 15, 5, 1] where wanted > seconds * 1_000_000_000 {
      let unit = seconds * 1_000_000_000
      return TimeSpan(nanoseconds: wanted / unit * unit)
    }
    return .seconds(1)
  }
}

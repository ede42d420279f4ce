/// A moment as nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Covers the years 1677 to 2262.
package struct Timestamp: Hashable, Comparable, Sendable, BitwiseCopyable {
  package var nanoseconds: Int64

  @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  @inlinable package init(seconds: Int64) {
    self.nanoseconds = seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue
  }

  package static let zero = Timestamp(nanoseconds: 0)
  package static let distantPast = Timestamp(nanoseconds: .min)
  package static let distantFuture = Timestamp(nanoseconds: .max)

  @inlinable package static func < (a: Timestamp, b: Timestamp) -> Bool {
    a.nanoseconds < b.nanoseconds
  }

  /// The moment `span` later; the ends of the range are not passed.
  @inlinable package static func + (a: Timestamp, span: TimeSpan) -> Timestamp {
    let (sum, overflow) = a.nanoseconds.addingReportingOverflow(span.nanoseconds)
    return Timestamp(nanoseconds: overflow ? (span.nanoseconds > 0 ? .max : .min) : sum)
  }
  @inlinable package static func - (a: Timestamp, span: TimeSpan) -> Timestamp {
    let (sum, overflow) = a.nanoseconds.subtractingReportingOverflow(span.nanoseconds)
    return Timestamp(nanoseconds: overflow ? (span.nanoseconds > 0 ? .min : .max) : sum)
  }
  /// The time from `b` to `a`; the ends of the range are not passed.
  @inlinable package static func - (a: Timestamp, b: Timestamp) -> TimeSpan {
    let (difference, overflow) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
    return TimeSpan(nanoseconds: overflow ? (a > b ? .max : .min) : difference)
  }
}

/// A length of time in nanoseconds, negative ones included.
package struct TimeSpan: Hashable, Comparable, Sendable, BitwiseCopyable {
  package var nanoseconds: Int64

  @inlinable package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package static func milliseconds(_ count: Int64) -> TimeSpan {
    TimeSpan(nanoseconds: count * 1_000_000)
  }
  package static func seconds(_ count: Int64) -> TimeSpan {
    TimeSpan(nanoseconds: count * 1_000_000_000)
  }
  package static func minutes(_ count: Int64) -> TimeSpan { .seconds(count * 60) }
  package static func hours(_ count: Int64) -> TimeSpan { .seconds(count * 3600) }
  package static let zero = TimeSpan(nanoseconds: 0)

  /// The same length as seconds.
  package var seconds: Double { Double(nanoseconds) / 1e9 }

  @inlinable package static func < (a: TimeSpan, b: TimeSpan) -> Bool {
    a.nanoseconds < b.nanoseconds
  }
}

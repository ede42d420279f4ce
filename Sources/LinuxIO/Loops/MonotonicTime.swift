import Glibc

/// A moment on the clock that only goes forward (`CLOCK_MONOTONIC`): for deadlines and durations.
package struct MonotonicTime: Hashable, Comparable, Sendable, BitwiseCopyable {
  /// Nanoseconds since an arbitrary start, the machine's boot as a rule.
  package var nanoseconds: UInt64

  @inlinable package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// The moment that never comes.
  package static let distantFuture = MonotonicTime(nanoseconds: .max)

  package static func now() -> MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(
      nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
  }

  @inlinable package static func < (a: MonotonicTime, b: MonotonicTime) -> Bool {
    a.nanoseconds < b.nanoseconds
  }

  /// The moment `seconds` later; infinite or huge spans give ``distantFuture``.
  @inlinable package func adding(seconds: Double) -> MonotonicTime {
    let span = max(0, seconds) * 1e9
    guard span < 9e18 else { return .distantFuture }
    let (sum, overflow) = nanoseconds.addingReportingOverflow(UInt64(span))
    return MonotonicTime(nanoseconds: overflow ? .max : sum)
  }

  /// The seconds from `earlier` to this moment, 0 where `earlier` is later.
  @inlinable package func seconds(since earlier: MonotonicTime) -> Double {
    nanoseconds <= earlier.nanoseconds ? 0 : Double(nanoseconds - earlier.nanoseconds) / 1e9
  }
}

/// The calendar's clock, for stamps that people and protocols read.
package enum CalendarClock {
  /// Whole seconds since 1970-01-01T00:00:00Z.
  package static func seconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec)
  }
}

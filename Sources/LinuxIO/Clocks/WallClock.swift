import Glibc

/// The time of day and the clock that only goes forward, or a test's stand-in for them.
package protocol WallClock: Sendable {
  /// Nanoseconds since 1970-01-01T00:00:00Z; can jump when the machine's clock is set.
  func now() -> Int64
  /// For deadlines and durations.
  func monotonic() -> MonotonicTime
}

/// The machine's clocks.
package struct SystemClock: WallClock {
  package init() {}

  package func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }

  package func monotonic() -> MonotonicTime { .now() }
}

import Configuration
import LinuxIO
import Synchronization

/// The lines a second that all reading threads together hand on (Promtail's `readline_rate`): a
/// bucket of `readline_burst` lines that fills at the rate.
final class LineRate: Sendable {
  private struct Bucket {
    var lines: Double
    var filledAt: MonotonicTime
  }

  /// Lines above the rate are dropped; else reading waits.
  private let drops: Bool
  private let linesPerSecond: Double
  private let linesMax: Double
  private let clock: any WallClock
  private let bucket: Mutex<Bucket>

  /// nil where there is no limit. Throws ``AgentError`` for a rate that lets nothing through.
  init?(_ limits: AgentLimits, clock: any WallClock) throws(AgentError) {
    guard limits.readlineRateEnabled else { return nil }
    guard limits.readlineRate > 0, limits.readlineRate.isFinite, limits.readlineBurst > 0 else {
      throw AgentError("limits_config: readline_rate and readline_burst must be above 0")
    }
    drops = limits.readlineRateDrop
    linesPerSecond = limits.readlineRate
    linesMax = Double(limits.readlineBurst)
    self.clock = clock
    bucket = Mutex(Bucket(lines: linesMax, filledAt: clock.monotonic()))
  }

  /// Takes one line's share; false when the line is to be dropped. Where reading waits instead,
  /// the line in hand is let through, and ``pauseMilliseconds`` says for how long no other is.
  func take() -> Bool {
    let now = clock.monotonic()
    return bucket.withLock { bucket in
      fill(&bucket, now)
      if drops, bucket.lines < 1 { return false }
      bucket.lines -= 1
      return true
    }
  }

  /// Milliseconds until there is room for a line again, rounded up; 0 for at once.
  var pauseMilliseconds: Int {
    guard !drops else { return 0 }
    let now = clock.monotonic()
    return bucket.withLock { bucket in
      fill(&bucket, now)
      guard bucket.lines < 1 else { return 0 }
      return Int(min(60_000, ((1 - bucket.lines) / linesPerSecond * 1000).rounded(.up)))
    }
  }

  private func fill(_ bucket: inout Bucket, _ now: MonotonicTime) {
    bucket.lines = min(
      linesMax, bucket.lines + max(0, now.seconds(since: bucket.filledAt)) * linesPerSecond)
    bucket.filledAt = now
  }
}

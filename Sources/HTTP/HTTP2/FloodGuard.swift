import LinuxIO

/// A bucket of tokens that fills with time: what comes faster than it fills is a flood.
struct FloodGuard {
  private let burst: Double
  private let perSecond: Double
  private var tokens: Double
  private var filledAt: MonotonicTime

  init(burst: Int, perSecond: Double, now: MonotonicTime) {
    self.burst = Double(burst)
    self.perSecond = perSecond
    tokens = Double(burst)
    filledAt = now
  }

  /// Takes one token; `false` when there is none.
  mutating func take(_ now: MonotonicTime) -> Bool {
    tokens = min(burst, tokens + now.seconds(since: filledAt) * perSecond)
    filledAt = now
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }
}

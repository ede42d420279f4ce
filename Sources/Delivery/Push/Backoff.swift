package import TelemetryModel

/// Pauses between attempts: doubling from the least to the greatest, each shortened by chance so
/// that many agents do not come back together.
package struct Backoff: Hashable, Sendable {
  package let least: TimeSpan
  package let greatest: TimeSpan
  /// A server's wish to be left alone is followed up to this, in seconds.
  package static let retryAfterSecondsMax = 3600.0
  package private(set) var attempts = 0

  package init(least: TimeSpan, greatest: TimeSpan) {
    self.least = least
    self.greatest = greatest
  }

  package mutating func reset() { attempts = 0 }

  /// The next pause in seconds; `chance` is between 0 and 1.
  package mutating func next(retryAfterSeconds: Double?, chance: Double) -> Double {
    let doubled = least.seconds * Double(1 << min(attempts, 30))
    attempts += 1
    let span = min(doubled, greatest.seconds)
    let pause = span * (0.5 + chance / 2)
    guard let wish = retryAfterSeconds, wish > 0 else { return pause }
    return max(pause, min(wish, Self.retryAfterSecondsMax))
  }
}

import Synchronization
import TelemetryModel

/// Token buckets by key, as Go's `rate.Limiter`: a bucket begins full, takes are whole or not at
/// all. Keys that are full again are forgotten when there are many, so that memory is bounded.
final class TokenBuckets<Key: Hashable & Sendable>: Sendable {
  private struct Bucket {
    var tokens: Double
    var at: Timestamp
  }

  private let buckets = Mutex<[Key: Bucket]>([:])
  private let capacity: Int

  init(capacity: Int = 100_000) { self.capacity = capacity }

  /// Takes `amount` if the bucket holds as much. A rate that is not positive takes always.
  func take(_ amount: Double, _ key: Key, rate: Double, burst: Double, now: Timestamp) -> Bool {
    guard rate > 0 else { return true }
    return buckets.withLock { buckets in
      var bucket = buckets[key] ?? Bucket(tokens: burst, at: now)
      let elapsed = max(0, (now - bucket.at).seconds)
      bucket.tokens = min(burst, bucket.tokens + elapsed * rate)
      bucket.at = now
      let suffices = bucket.tokens >= amount
      if suffices { bucket.tokens -= amount }
      if buckets[key] == nil, buckets.count >= capacity { buckets.removeAll() }
      buckets[key] = bucket
      return suffices
    }
  }
}

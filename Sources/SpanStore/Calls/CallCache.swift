import Synchronization
import TelemetryModel

/// Calls that were counted before, of segments and of traces that lie in several. Any thread may
/// use it.
final class CallCache: Sendable {
  private struct Key: Hashable {
    /// One, or all that were asked about.
    var segments: [UInt64]
    var rule: DependencyRule
    var tenant: TenantID
    var isJoined = false
  }

  static let bytesMax = 64 << 20

  private let entries = Mutex(LeastRecentlyUsed<Key, TraceCalls>(bytesMax: bytesMax))

  /// Lets go what is of segments that are no more.
  func forget(allBut segments: Set<UInt64>) {
    entries.withLock { entries in
      entries.forget { key in !key.segments.allSatisfy(segments.contains) }
    }
  }

  /// The calls of a segment's traces.
  func calls(of segment: UInt64, _ rule: DependencyRule, _ tenant: TenantID) -> TraceCalls? {
    entries.withLock { $0[Key(segments: [segment], rule: rule, tenant: tenant)] }
  }

  func keep(
    _ calls: TraceCalls, of segment: UInt64, _ rule: DependencyRule, _ tenant: TenantID
  ) {
    let key = Key(segments: [segment], rule: rule, tenant: tenant)
    entries.withLock { $0.keep(calls, key, byteCount: calls.byteCount) }
  }

  /// The calls of the traces that lie in several of some segments, or had to be read whole.
  func joined(_ segments: [UInt64], _ rule: DependencyRule, _ tenant: TenantID) -> TraceCalls? {
    let key = Key(segments: segments, rule: rule, tenant: tenant, isJoined: true)
    return entries.withLock { $0[key] }
  }

  func keepJoined(
    _ calls: TraceCalls, _ segments: [UInt64], _ rule: DependencyRule, _ tenant: TenantID
  ) {
    let key = Key(segments: segments, rule: rule, tenant: tenant, isJoined: true)
    entries.withLock { $0.keep(calls, key, byteCount: calls.byteCount) }
  }
}

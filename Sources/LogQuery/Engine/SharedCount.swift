import Synchronization

/// A count that the threads of a query share, with a limit.
final class SharedCount: Sendable {
  private let count = Atomic(0)
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// Adds `more`, which may be negative; false when that is beyond the limit.
  func add(_ more: Int) -> Bool {
    if more == 0 { return true }
    return count.add(more, ordering: .relaxed).newValue <= limit
  }
}

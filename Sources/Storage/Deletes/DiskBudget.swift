import Synchronization
import TelemetryModel

/// A limit on what several stores take on disk together: the store with the oldest segment of all
/// gives it up.
package final class DiskBudget: Sendable {
  package let bytesMax: Int

  private struct Use {
    var bytes = 0
    /// When the newest row of the store's oldest segment was; nil without segments.
    var oldest: Timestamp?
  }

  private let uses = Mutex<[String: Use]>([:])

  package init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// Takes note of what a store holds; true when it is to drop its oldest segment now.
  func mustDrop(store: String, bytes: Int, oldest: Timestamp?) -> Bool {
    uses.withLock { uses in
      uses[store] = Use(bytes: bytes, oldest: oldest)
      guard uses.values.reduce(0, { $0 + $1.bytes }) > bytesMax, let oldest else { return false }
      return uses.values.allSatisfy { $0.oldest.map { oldest <= $0 } ?? true }
    }
  }
}

import Synchronization

/// The bytes of request bodies that the whole server holds in memory at a time.
final class BodyBudget: Sendable {
  private let used = Atomic<Int>(0)

  /// Bytes that are held now.
  var bytesUsed: Int { used.load(ordering: .relaxed) }

  /// Counts `count` bytes in; false, and nothing is counted, where that is beyond `bytesMax`.
  func take(_ count: Int, bytesMax: Int) -> Bool {
    let (_, total) = used.add(count, ordering: .relaxed)
    guard total <= bytesMax else {
      used.subtract(count, ordering: .relaxed)
      return false
    }
    return true
  }

  func give(_ count: Int) { used.subtract(count, ordering: .relaxed) }
}

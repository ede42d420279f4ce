import Synchronization

/// How far a query is. Safe to read from any thread while it runs.
package final class QueryProgress: Sendable {
  private let planned = Atomic(0)
  private let done = Atomic(0)

  package init() {}

  /// The bytes of lines that the query's selectors cover, as far as its scans have begun.
  package var bytesPlanned: Int { planned.load(ordering: .relaxed) }
  /// Of these, what was looked at or left out.
  package var bytesDone: Int { done.load(ordering: .relaxed) }

  /// Adds a scan over `bytes`; all that was planned so far.
  func plan(_ bytes: Int) -> Int { planned.add(bytes, ordering: .relaxed).newValue }

  /// Nothing is planned and nothing done: a query is answered from the beginning.
  func beginAnew() {
    planned.store(0, ordering: .relaxed)
    done.store(0, ordering: .relaxed)
  }

  func finish(_ bytes: Int) { done.add(bytes, ordering: .relaxed) }
}

package import Bytes

/// How often spans of one service called another's.
package struct DependencyLink: Hashable, Sendable {
  @ByteText package var parent: String
  @ByteText package var child: String
  package var callCount: Int
  package var errorCount = 0

  package init(parent: String, child: String, callCount: Int, errorCount: Int = 0) {
    self.parent = parent
    self.child = child
    self.callCount = callCount
    self.errorCount = errorCount
  }
}

/// Counts calls between services.
struct DependencyCounts {
  private struct Pair: Hashable {
    @ByteText var parent: String
    @ByteText var child: String
  }

  private var counts: [Pair: (calls: Int, errors: Int)] = [:]

  mutating func add(parent: String, child: String, count: Int, isError: Bool) {
    let pair = Pair(parent: parent, child: child)
    let known = counts[pair] ?? (0, 0)
    counts[pair] = (known.calls + count, known.errors + (isError ? count : 0))
  }

  /// By parent, then child.
  var links: [DependencyLink] {
    counts.map {
      DependencyLink(
        parent: $0.key.parent, child: $0.key.child, callCount: $0.value.calls,
        errorCount: $0.value.errors)
    }.sorted {
      $0.parent.hasSameBytes(as: $1.parent)
        ? $0.child.precedesByBytes($1.child) : $0.parent.precedesByBytes($1.parent)
    }
  }
}

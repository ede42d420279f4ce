/// Finds the known name that a misspelt one was probably meant to be.
enum NearestName {
  /// The nearest of `known`, or nil when none is near enough to be worth a guess.
  static func find(_ name: String, among known: some Sequence<String>) -> String? {
    let limit = max(1, min(3, name.utf8.count / 3))
    var best: (name: String, distance: Int)?
    for candidate in known {
      let distance = distance(Array(name.lowercased().utf8), Array(candidate.utf8))
      guard distance <= limit else { continue }
      if let found = best, found.distance < distance { continue }
      if let found = best, found.distance == distance, found.name <= candidate { continue }
      best = (candidate, distance)
    }
    return best?.name
  }

  /// Damerau's distance with adjacent swaps (optimal string alignment).
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var before: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
      var current = [i + 1]
      for j in b.indices {
        var cost = min(previous[j + 1] + 1, current[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
        current.append(cost)
      }
      before = previous
      previous = current
    }
    return previous[b.count]
  }
}

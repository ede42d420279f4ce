import TelemetryModel

/// The best entries seen so far, up to a limit: a heap with the worst on top.
///
/// Entries of one moment go by their streams' hashes as in Loki; within a stream a forward query
/// wants those that came first, a backward one those that came last.
struct EntryHeap: Sendable {
  /// Where an entry belongs among others.
  struct Rank: Sendable {
    var timestamp: Timestamp
    /// Of the stream's labels, as Prometheus computes it.
    var streamHash: UInt64
    /// The order of arrival: of the batch and within it.
    var arrival: Int
    var place: Int
  }

  struct Item: Sendable {
    var rank: Rank
    var labels: RowLabels
    var line: [UInt8]
  }

  private(set) var items: [Item] = []
  private(set) var lineBytes = 0
  let capacity: Int
  let direction: Direction

  init(capacity: Int, direction: Direction) {
    self.capacity = capacity
    self.direction = direction
  }

  var isFull: Bool { items.count >= capacity }

  /// The worst entry's time once the heap is full.
  var boundary: Timestamp? { isFull ? items.first?.rank.timestamp : nil }

  /// Whether an entry of this moment may be kept.
  func wants(_ timestamp: Timestamp) -> Bool {
    guard let boundary else { return capacity > 0 }
    return direction == .forward ? timestamp <= boundary : timestamp >= boundary
  }

  /// Whether an entry of this rank would be kept.
  func wants(_ rank: Rank) -> Bool {
    guard isFull else { return true }
    return items.first.map { isWorse($0.rank, than: rank) } ?? false
  }

  /// Whether `a` belongs after `b` in the answer.
  private func isWorse(_ a: Item, than b: Item) -> Bool { isWorse(a.rank, than: b.rank) }

  private func isWorse(_ a: Rank, than b: Rank) -> Bool {
    if a.timestamp != b.timestamp {
      return direction == .forward ? a.timestamp > b.timestamp : a.timestamp < b.timestamp
    }
    if a.streamHash != b.streamHash { return a.streamHash > b.streamHash }
    let isLater = (a.arrival, a.place) > (b.arrival, b.place)
    return isLater == (direction == .forward)
  }

  /// Keeps `item` if it is among the best.
  mutating func insert(_ item: Item) {
    guard wants(item.rank) else { return }
    lineBytes += item.line.count
    if isFull {
      lineBytes -= items[0].line.count
      items[0] = item
      sink(0)
    } else {
      items.append(item)
      var at = items.count - 1
      while at > 0, isWorse(items[at], than: items[(at - 1) / 2]) {
        items.swapAt(at, (at - 1) / 2)
        at = (at - 1) / 2
      }
    }
  }

  private mutating func sink(_ start: Int) {
    var at = start
    while true {
      var worst = at
      for child in [2 * at + 1, 2 * at + 2] where child < items.count {
        if isWorse(items[child], than: items[worst]) { worst = child }
      }
      if worst == at { return }
      items.swapAt(at, worst)
      at = worst
    }
  }

  /// All that was kept, in the query's direction.
  var ordered: [Item] { items.sorted { isWorse($1, than: $0) } }
}

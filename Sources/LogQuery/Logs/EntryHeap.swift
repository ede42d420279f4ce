import TelemetryModel

/// The best entries seen so far, up to a limit: a heap with the worst on top.
///
/// Entries of one moment go by their streams' hashes as in Loki; within a stream a forward query
/// wants those that came first, a backward one those that came last.
struct EntryHeap: Sendable {
  /// Where an entry belongs among others.
  struct Rank: Sendable, BitwiseCopyable {
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
    var line: EntryLine
  }

  /// What is moved about in the heap: no references, which would be counted at each move.
  fileprivate struct Node: Sendable, BitwiseCopyable {
    var rank: Rank
    /// Where the entry's labels and line are.
    var slot: Int
  }

  private var nodes: [Node] = []
  private var labels: [RowLabels] = []
  private var lines = LineArena()
  let capacity: Int
  let direction: Direction

  init(capacity: Int, direction: Direction) {
    self.capacity = capacity
    self.direction = direction
  }

  /// Bytes of the lines that are kept.
  var lineBytes: Int { lines.byteCount }

  var isFull: Bool { nodes.count >= capacity }

  /// The worst entry's time once the heap is full.
  var boundary: Timestamp? { isFull ? nodes.first?.rank.timestamp : nil }

  /// Whether an entry of this moment may be kept.
  func wants(_ timestamp: Timestamp) -> Bool {
    guard let boundary else { return capacity > 0 }
    return direction == .forward ? timestamp <= boundary : timestamp >= boundary
  }

  /// Whether an entry of this rank would be kept.
  func wants(_ rank: Rank) -> Bool {
    guard isFull else { return capacity > 0 }
    return nodes.first.map { Self.isWorse($0.rank, than: rank, direction) } ?? false
  }

  /// Whether `a` belongs after `b` in the answer.
  ///
  /// A function of the type: as one of the heap, whose nodes are being changed, it would be
  /// called on a copy with all its references counted.
  @inline(__always)
  fileprivate static func isWorse(_ a: Rank, than b: Rank, _ direction: Direction) -> Bool {
    if a.timestamp != b.timestamp {
      return direction == .forward ? a.timestamp > b.timestamp : a.timestamp < b.timestamp
    }
    if a.streamHash != b.streamHash { return a.streamHash > b.streamHash }
    let isLater = (a.arrival, a.place) > (b.arrival, b.place)
    return isLater == (direction == .forward)
  }

  /// Keeps an entry if it is among the best.
  mutating func insert(_ rank: Rank, _ row: RowLabels, _ line: UnsafeRawBufferPointer) {
    guard wants(rank) else { return }
    if isFull {
      let slot = nodes[0].slot
      labels[slot] = row
      lines.replace(slot, with: line)
      sink(Node(rank: rank, slot: slot))
    } else {
      nodes.append(Node(rank: rank, slot: labels.count))
      labels.append(row)
      lines.append(line)
      var at = nodes.count - 1
      while at > 0, Self.isWorse(nodes[at].rank, than: nodes[(at - 1) / 2].rank, direction) {
        nodes.swapAt(at, (at - 1) / 2)
        at = (at - 1) / 2
      }
    }
  }

  fileprivate func item(_ node: Node) -> Item {
    Item(rank: node.rank, labels: labels[node.slot], line: lines.line(node.slot))
  }

  /// Puts `node` in the place of the top one, and then where it belongs.
  private mutating func sink(_ node: Node) {
    var at = 0
    while true {
      var child = 2 * at + 1
      guard child < nodes.count else { break }
      if child + 1 < nodes.count,
        Self.isWorse(nodes[child + 1].rank, than: nodes[child].rank, direction)
      {
        child += 1
      }
      guard Self.isWorse(nodes[child].rank, than: node.rank, direction) else { break }
      nodes[at] = nodes[child]
      at = child
    }
    nodes[at] = node
  }

  /// All that was kept, brought into the query's direction.
  consuming func ordered() -> OrderedEntries {
    var nodes = nodes
    let direction = direction
    nodes.sort { Self.isWorse($1.rank, than: $0.rank, direction) }
    return OrderedEntries(heap: self, nodes: nodes)
  }
}

/// What one thread kept, in the query's direction.
struct OrderedEntries: Sendable {
  fileprivate let heap: EntryHeap
  fileprivate let nodes: [EntryHeap.Node]

  /// The best of what several threads kept, as many as one may keep, in order.
  static func best(of parts: [OrderedEntries]) -> [EntryHeap.Item] {
    guard let heap = parts.first?.heap else { return [] }
    let count = min(heap.capacity, parts.reduce(0) { $0 + $1.nodes.count })
    var items: [EntryHeap.Item] = []
    items.reserveCapacity(count)
    var next = [Int](repeating: 0, count: parts.count)
    while items.count < count {
      var best = -1
      for part in parts.indices where next[part] < parts[part].nodes.count {
        let rank = parts[part].nodes[next[part]].rank
        if best < 0
          || EntryHeap.isWorse(
            parts[best].nodes[next[best]].rank, than: rank, heap.direction)
        {
          best = part
        }
      }
      items.append(parts[best].heap.item(parts[best].nodes[next[best]]))
      next[best] += 1
    }
    return items
  }
}

import TelemetryModel

/// The panes of one series that hold something, with what is kept of each.
struct PaneSeries<Aggregate: WindowAggregate>: Sendable {
  private(set) var panes: [Int] = []
  private(set) var aggregates: [Aggregate] = []
  private var isSorted = true
  /// Beyond this many entries equal panes are put together.
  private var settledAt = 4096

  /// Adds a sample; how many entries there are more than before.
  @inline(__always)
  mutating func add(_ value: Double, at time: Timestamp, pane: Int) -> Int {
    guard panes.last == pane else { return append(Aggregate(value, at: time), pane: pane) }
    aggregates[aggregates.count - 1].add(value, at: time)
    return 0
  }

  /// Adds `count` samples of the value 1, one at least; how many entries there are more.
  @inline(__always)
  mutating func add(ones count: Int, pane: Int) -> Int {
    guard panes.last == pane else {
      var aggregate = Aggregate(1, at: .zero)
      if count > 1 { aggregate.add(ones: count - 1) }
      return append(aggregate, pane: pane)
    }
    aggregates[aggregates.count - 1].add(ones: count)
    return 0
  }

  private mutating func append(_ aggregate: Aggregate, pane: Int) -> Int {
    let before = panes.count
    if let last = panes.last, pane < last { isSorted = false }
    panes.append(pane)
    aggregates.append(aggregate)
    if panes.count > settledAt {
      settle()
      settledAt = max(4096, 2 * panes.count)
    }
    return panes.count - before
  }

  /// Takes in what another thread found of the same series; how many entries there are more.
  mutating func merge(_ other: Self) -> Int {
    let before = panes.count
    for (pane, aggregate) in zip(other.panes, other.aggregates) {
      _ = append(aggregate, pane: pane)
    }
    isSorted = false
    return panes.count - before
  }

  /// Brings panes into order, equal ones together in the order in which they came.
  mutating func settle() {
    guard !isSorted else { return }
    let order = panes.indices.sorted { (panes[$0], $0) < (panes[$1], $1) }
    var newPanes: [Int] = []
    var newAggregates: [Aggregate] = []
    for index in order {
      if newPanes.last == panes[index] {
        newAggregates[newAggregates.count - 1].merge(aggregates[index])
      } else {
        newPanes.append(panes[index])
        newAggregates.append(aggregates[index])
      }
    }
    (panes, aggregates, isSorted) = (newPanes, newAggregates, true)
  }

  /// The aggregate of each step's window, none where it is empty.
  ///
  /// Windows slide over the panes as a queue of two stacks, so that each pane is merged a fixed
  /// number of times however much the windows overlap, and nothing is ever subtracted.
  func slide(_ grid: PaneGrid, _ body: (_ step: Int, _ aggregate: Aggregate) -> Void) {
    var low = 0  // first pane of the window
    var middle = 0  // panes before it are in `suffixes`
    var high = 0  // first pane after the window
    var suffixes: [Aggregate?] = []  // of panes[i..<middle], by i - suffixBase
    var suffixBase = 0
    var back: Aggregate?  // of panes[middle..<high]
    for step in 0..<grid.steps {
      let last = step * grid.stride
      let first = last - grid.panesPerWindow + 1
      while high < panes.count, panes[high] <= last {
        if back == nil { back = aggregates[high] } else { back?.merge(aggregates[high]) }
        high += 1
      }
      while low < high, panes[low] < first {
        if low == middle {
          // All that is left moves to the front stack.
          suffixes = [Aggregate?](repeating: nil, count: high - low)
          suffixBase = low
          var sum: Aggregate?
          for index in stride(from: high - 1, through: low, by: -1) {
            var one = aggregates[index]
            if let sum { one.merge(sum) }
            suffixes[index - low] = one
            sum = one
          }
          middle = high
          back = nil
        }
        low += 1
      }
      if low == high { continue }
      if low < middle, var whole = suffixes[low - suffixBase] {
        if let back { whole.merge(back) }
        body(step, whole)
      } else if let back {
        body(step, back)
      }
    }
  }
}

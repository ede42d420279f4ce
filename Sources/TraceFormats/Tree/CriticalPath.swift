import TelemetryModel

/// What a trace's length is made of: the sections of spans that, had they been shorter, would have
/// made the trace shorter.
///
/// From the end of the root backwards: the child that finished last holds the parent up, before
/// it the one that had finished when that one began, and so on (as Jaeger's UI has it). Children
/// count only where their parent lasts.
package struct CriticalPath: Sendable {
  /// Times as OTLP's, in nanoseconds.
  package struct Section: Hashable, Sendable {
    /// Index of a node of the tree.
    package var node: Int
    package var start: UInt64
    package var end: UInt64
  }

  /// By start.
  package private(set) var sections: [Section] = []

  /// Of the first root of the tree; without a span there are no sections.
  package init(_ tree: SpanTree) {
    guard let root = tree.nodes.indices.first(where: { tree.nodes[$0].parent == nil }) else {
      return
    }
    var times = tree.nodes.map {
      (start: $0.span.start.bits, end: max($0.span.start.bits, $0.span.end.bits))
    }
    var children = Array(repeating: [Int](), count: tree.nodes.count)
    for index in tree.nodes.indices {
      guard let parent = tree.nodes[index].parent else { continue }
      // Nodes come after their parents, whose times are cut already.
      let (start, end) = (times[index].start, times[index].end)
      guard start < times[parent].end, end > times[parent].start else {
        times[index] = (times[parent].start, times[parent].start)
        continue
      }
      times[index] = (max(start, times[parent].start), min(end, times[parent].end))
      children[parent].append(index)
    }
    walk(from: root, times, children)
    sections.sort { $0.start == $1.start ? $0.end < $1.end : $0.start < $1.start }
  }

  private mutating func walk(
    from root: Int, _ times: [(start: UInt64, end: UInt64)], _ children: [[Int]]
  ) {
    // Children in the order in which they can be taken: the last to finish first.
    var waiting = children.map { indices in
      indices.sorted {
        times[$0].end == times[$1].end ? $0 > $1 : times[$0].end < times[$1].end
      }
    }
    var above: [Int] = []
    var node = root
    var time = times[root].end
    while true {
      while let last = waiting[node].last, times[last].end > time { _ = waiting[node].popLast() }
      if let child = waiting[node].popLast() {
        add(node, times[child].end, time)
        above.append(node)
        node = child
        time = times[child].end
      } else {
        add(node, times[node].start, time)
        time = times[node].start
        guard let parent = above.popLast() else { return }
        node = parent
      }
    }
  }

  private mutating func add(_ node: Int, _ start: UInt64, _ end: UInt64) {
    if start < end { sections.append(Section(node: node, start: start, end: end)) }
  }
}

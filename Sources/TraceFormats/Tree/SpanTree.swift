import Bytes
package import TelemetryModel

/// The spans of one trace as a tree, in the order in which a reader follows them.
///
/// A span whose parent is not there is a root. Of spans that share an id, as Zipkin's clients and
/// servers do, the server's is the client's child. Spans whose parents go round in a circle hang
/// on the earliest of them. Every span is there once.
package struct SpanTree: Sendable {
  package struct Node: Sendable {
    package var span: Span
    /// The service's name as Jaeger shows it.
    package var service: String
    /// The host's name or address, as far as the resource tells.
    package var host: String
    /// Index among the tree's nodes; nil for roots.
    package var parent: Int?
    /// How many spans are above.
    package var depth: Int
    /// Whether no sibling follows.
    package var isLast: Bool
    /// For each level above, whether a sibling of that ancestor still follows.
    package var openLevels: [Bool]
  }

  /// Depth first; siblings by start, then id.
  package private(set) var nodes: [Node] = []

  package init(_ batches: [ResourceSpans]) {
    var spans: [Entry] = []
    batches.forEachSpan { span, _, resource in
      spans.append(
        Entry(
          span: span, service: JaegerNaming.service(resource), host: Self.host(of: resource)))
    }
    spans.sort { a, b in
      if a.span.start.bits != b.span.start.bits { return a.span.start.bits < b.span.start.bits }
      if a.span.spanID != b.span.spanID { return a.span.spanID < b.span.spanID }
      return a.span.kind == .client && b.span.kind != .client
    }
    let parents = Self.parents(of: spans)
    var children = Array(repeating: [Int](), count: spans.count)
    var roots: [Int] = []
    for (index, parent) in parents.enumerated() {
      if let parent { children[parent].append(index) } else { roots.append(index) }
    }
    visit(spans, roots: roots, children: children)
  }

  private struct Entry {
    var span: Span
    var service: String
    var host: String
  }

  /// What tells one clock from another: spans of one host need no correction among themselves.
  private static func host(of resource: Resource) -> String {
    for key in ["ip", "host.ip", "host.id", "host.name"] {
      if let text = resource.attributes.value(of: key)?.text, !text.isEmpty { return text }
    }
    return ""
  }

  /// The index of each span's parent; circles are cut open.
  private static func parents(of spans: [Entry]) -> [Int?] {
    // Of spans that share an id some are enough: a trace of many equal ids must not take for ever.
    let byID = Dictionary(grouping: spans.indices) { spans[$0].span.spanID }
      .mapValues { $0.prefix(64) }
    var parents: [Int?] = spans.indices.map { index in
      let (span, service) = (spans[index].span, spans[index].service)
      if span.kind == .server,
        let client = byID[span.spanID]?.first(where: { spans[$0].span.kind == .client })
      {
        return client
      }
      guard !span.parentSpanID.isZero, let candidates = byID[span.parentSpanID] else {
        return nil
      }
      let others = candidates.filter { $0 != index }
      return others.last { spans[$0].service.hasSameBytes(as: service) } ?? others.last
    }
    // 0: not seen, 1: on the way up, 2: known to reach a root.
    var states = Array(repeating: 0, count: spans.count)
    for start in spans.indices {
      var path: [Int] = []
      var at: Int? = start
      while let index = at, states[index] == 0 {
        states[index] = 1
        path.append(index)
        at = parents[index]
      }
      if let index = at, states[index] == 1 {
        let circle = path[(path.firstIndex(of: index) ?? 0)...]
        if let earliest = circle.min() { parents[earliest] = nil }
      }
      for index in path { states[index] = 2 }
    }
    return parents
  }

  private mutating func visit(
    _ spans: [Entry], roots: [Int], children: [[Int]]
  ) {
    struct Visit {
      var index: Int
      var parent: Int?
      var isLast: Bool
      var openLevels: [Bool]
    }
    func visits(_ indices: [Int], _ parent: Int?, _ openLevels: [Bool]) -> [Visit] {
      indices.enumerated().reversed().map {
        Visit(
          index: $0.element, parent: parent, isLast: $0.offset == indices.count - 1,
          openLevels: openLevels)
      }
    }
    var stack = visits(roots, nil, [])
    while let entry = stack.popLast() {
      let known = spans[entry.index]
      nodes.append(
        Node(
          span: known.span, service: known.service, host: known.host, parent: entry.parent,
          depth: entry.openLevels.count, isLast: entry.isLast, openLevels: entry.openLevels))
      // Deeper levels than anybody can read are drawn at the same place.
      let levels =
        entry.openLevels.count < Self.depthMax
        ? entry.openLevels + [!entry.isLast] : entry.openLevels
      stack += visits(children[entry.index], nodes.count - 1, levels)
    }
  }

  private static let depthMax = 64
}

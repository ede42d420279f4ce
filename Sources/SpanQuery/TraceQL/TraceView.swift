import TelemetryModel
import TraceFormats
import TraceQL

/// A whole trace as TraceQL sees it: its spans in a tree, and what is the same for all of them.
struct TraceView: Sendable {
  struct Node: Sendable {
    var span: Span
    var scope: InstrumentationScope
    var resource: Resource
    /// Index of the parent; nil for roots and for spans whose parent is not there.
    var parent: Int?
    var children: [Int] = []
    /// Numbers of a walk through the tree: those of descendants lie between an ancestor's.
    var left: Int64 = 0
    var right: Int64 = 0
  }

  var id = TraceID(high: 0, low: 0)
  /// By start, then id.
  private(set) var nodes: [Node] = []
  private(set) var rootName = ""
  private(set) var rootServiceName = ""
  private(set) var start = Timestamp.zero
  private(set) var end = Timestamp.zero

  init(_ batches: [ResourceSpans]) {
    batches.forEachSpan { span, scope, resource in
      nodes.append(Node(span: span, scope: scope, resource: resource))
    }
    nodes.sort {
      $0.span.start == $1.span.start
        ? $0.span.spanID < $1.span.spanID : $0.span.start < $1.span.start
    }
    guard let first = nodes.first else { return }
    id = first.span.traceID
    start = first.span.start
    end = nodes.map(\.span.end).max() ?? start
    if let root = nodes.first(where: { $0.span.parentSpanID.isZero }) {
      rootName = root.span.name
      rootServiceName = root.resource.serviceName
    }
    connect()
    number()
  }

  var duration: TimeSpan { max(end, start) - start }

  private mutating func connect() {
    let byID = Dictionary(grouping: nodes.indices) { nodes[$0].span.spanID }
    for index in nodes.indices {
      let span = nodes[index].span
      // Of spans that share an id, as Zipkin's clients and servers do, the server's is the child.
      if span.kind == .server,
        let client = byID[span.spanID]?.first(where: { nodes[$0].span.kind == .client })
      {
        nodes[index].parent = client
      } else if !span.parentSpanID.isZero, let parents = byID[span.parentSpanID] {
        let others = parents.filter { $0 != index }
        nodes[index].parent = others.first { nodes[$0].span.kind == .server } ?? others.first
      }
      if let parent = nodes[index].parent { nodes[parent].children.append(index) }
    }
  }

  /// Walks from the roots; spans in a circle get no numbers and so are nobody's descendants.
  private mutating func number() {
    var next: Int64 = 1
    for root in nodes.indices where nodes[root].parent == nil {
      var stack: [(index: Int, child: Int)] = [(root, 0)]
      nodes[root].left = next
      next += 1
      while let top = stack.last {
        let children = nodes[top.index].children
        if top.child < children.count {
          stack[stack.count - 1].child += 1
          nodes[children[top.child]].left = next
          next += 1
          stack.append((children[top.child], 0))
        } else {
          nodes[top.index].right = next
          next += 1
          stack.removeLast()
        }
      }
    }
  }

  /// Whether `a` hangs below `b`, however deep.
  func isDescendant(_ a: Int, of b: Int) -> Bool {
    nodes[a].left > nodes[b].left && nodes[a].right < nodes[b].right && nodes[b].left > 0
  }
}

/// Reading fields.
extension TraceView {
  func value(_ field: TraceField, of index: Int) -> TraceValue {
    let node = nodes[index]
    if let value = SpanFields(node.span, node.scope, node.resource).value(field) { return value }
    switch field {
    case .parentAttribute(let scope, let name):
      guard let parent = node.parent else { return .absent }
      let owner = nodes[parent]
      return SpanFields(owner.span, owner.scope, owner.resource).attribute(scope, name)
    case .intrinsic(.childCount): return .int(Int64(node.children.count))
    case .intrinsic(.rootName): return .string(rootName)
    case .intrinsic(.rootServiceName): return .string(rootServiceName)
    case .intrinsic(.traceDuration): return .duration(duration)
    case .intrinsic(.nestedSetLeft): return .int(node.left)
    case .intrinsic(.nestedSetRight): return .int(node.right)
    case .intrinsic(.nestedSetParent): return .int(node.parent.map { nodes[$0].left } ?? -1)
    default: return .absent
    }
  }
}

import TelemetryModel

/// Finds calls between services in traces, by Zipkin's rules (openzipkin, `DependencyLinker`).
/// Used by one thread, for one trace after another.
struct ZipkinCalls {
  private var order = CallOrder()
  /// By place in the trace; -1 for none.
  private var parents: [Int] = []
  private var hasChildren: [Bool] = []
  /// The nearest ancestor that has a kind.
  private var callers: [Int] = []

  /// When a trace begins: its root's start or else its first span's, in microseconds; nil when no
  /// span has a time.
  static func begin(of spans: ArraySlice<CallSpan>) -> Int64? {
    let root = spans.first { $0.parent == 0 && $0.start != 0 }
    let bits =
      root.map { UInt64(bitPattern: $0.start) }
      ?? spans.lazy.filter { $0.start != 0 }.map { UInt64(bitPattern: $0.start) }.min()
    guard let bits else { return nil }
    return Int64(clamping: bits / 1000 + (bits % 1000 >= 500 ? 1 : 0))
  }

  mutating func calls(of spans: ArraySlice<CallSpan>, _ visit: (Call) -> Void) {
    makeTree(spans)
    for index in spans.indices { call(of: index, spans, visit) }
  }

  private func call(of index: Int, _ spans: ArraySlice<CallSpan>, _ visit: (Call) -> Void) {
    let span = spans[index]
    let at = index - spans.startIndex
    // The server's own span tells more than its client's.
    if span.isClient, hasChildren[at] { return }
    let local = span.parties.localName
    let remote = span.parties.remoteName
    // Without a kind, two names tell a call.
    guard span.hasKind || (local >= 0 && remote >= 0) else { return }
    let isClient = span.isClient || !span.hasKind
    let isCallee = span.isServer || SpanKind(rawValue: span.kind) == .consumer
    var parent = isCallee ? remote : local
    let child = isCallee ? local : remote
    var isError = span.isFailed
    if isClient || span.isServer, callers[at] >= 0 {
      let caller = spans[spans.startIndex + callers[at]]
      let name = caller.parties.localName
      if name >= 0 {
        // Some clients name the service that they call as their own.
        if isClient, local >= 0, name != local { visit(Call(parent: name, child: local)) }
        if span.isServer || parent < 0 { parent = name }
      }
      if caller.isClient, parents[at] == callers[at] { isError = isError || caller.isFailed }
    }
    guard parent >= 0, child >= 0 else { return }
    visit(Call(parent: parent, child: child, isError: isError))
  }

  // MARK: who called whom

  private mutating func makeTree(_ spans: ArraySlice<CallSpan>) {
    order.set(spans)
    parents.removeAll(keepingCapacity: true)
    hasChildren.removeAll(keepingCapacity: true)
    for index in spans.indices {
      parents.append(parent(of: index, spans).map { $0 - spans.startIndex } ?? -1)
      hasChildren.append(false)
    }
    for parent in parents where parent >= 0 { hasChildren[parent] = true }
    findCallers(spans)
  }

  private func parent(of index: Int, _ spans: ArraySlice<CallSpan>) -> Int? {
    let span = spans[index]
    // A server that shares its client's id is the client's child.
    if span.isServer {
      for place in order.places(span.id) {
        let other = order.indices[place]
        if other != index, spans[other].isClient { return other }
      }
    }
    guard span.parent != 0 else { return nil }
    var server: Int?
    var first: Int?
    for place in order.places(span.parent) {
      let other = order.indices[place]
      if other == index { continue }
      // Of spans that share an id, the one of the same service is nearer.
      if spans[other].parties.local == span.parties.local { return other }
      if server == nil, spans[other].isServer { server = other }
      if first == nil { first = other }
    }
    return server ?? first
  }

  /// The nearest ancestor with a kind of each span, each step taken once.
  private mutating func findCallers(_ spans: ArraySlice<CallSpan>) {
    let unknown = -2
    callers.removeAll(keepingCapacity: true)
    callers.append(contentsOf: repeatElement(unknown, count: spans.count))
    var path: [Int] = []
    for start in callers.indices where callers[start] == unknown {
      path.removeAll(keepingCapacity: true)
      var at = start
      var found = -1
      while true {
        path.append(at)
        // Parents may go round in a circle: whoever is on the path already has none.
        callers[at] = -1
        let parent = parents[at]
        guard parent >= 0 else { break }
        if spans[spans.startIndex + parent].hasKind {
          found = parent
          break
        }
        if callers[parent] != unknown {
          found = callers[parent]
          break
        }
        at = parent
      }
      for step in path { callers[step] = found }
    }
  }
}

extension CallSpan {
  fileprivate var isClient: Bool { SpanKind(rawValue: kind) == .client }
  fileprivate var isServer: Bool { SpanKind(rawValue: kind) == .server }
  fileprivate var isFailed: Bool { status == SpanStatus.error }

  /// Whether it has one of the kinds that Zipkin knows.
  fileprivate var hasKind: Bool {
    switch SpanKind(rawValue: kind) {
    case .client, .server, .producer, .consumer: true
    default: false
    }
  }
}

package import SpanStore
package import TelemetryModel
package import TraceFormats

/// Finds calls between services in a trace, by Zipkin's rules (openzipkin, `DependencyLinker`).
package struct ZipkinLinker {
  private var counts = DependencyCounts()

  package init() {}

  /// By parent, then child.
  package var links: [DependencyLink] { counts.links }

  /// Adds the calls of one trace.
  package mutating func add(_ trace: [ZipkinSpan]) {
    let tree = Tree(trace)
    for index in trace.indices { add(index, trace, tree) }
  }

  private mutating func add(_ index: Int, _ trace: [ZipkinSpan], _ tree: Tree) {
    let span = trace[index]
    // The server's own span tells more than its client's.
    if span.kind == .client, !tree.children[index].isEmpty { return }
    let local = Self.name(span.localEndpoint)
    let remote = Self.name(span.remoteEndpoint)
    // Without a kind, two names tell a call.
    guard let kind = span.kind ?? (local != nil && remote != nil ? .client : nil) else { return }
    let isCallee = kind == .server || kind == .consumer
    var parent = isCallee ? remote : local
    let child = isCallee ? local : remote
    var isError = span.tag("error") != nil
    if kind == .client || kind == .server, let caller = tree.ancestorWithKind(of: index, trace) {
      let ancestor = trace[caller]
      if let name = Self.name(ancestor.localEndpoint) {
        // Some clients name the service that they call as their own.
        if kind == .client, let local, name != local { counts.add(parent: name, child: local) }
        if kind == .server || parent == nil { parent = name }
      }
      if ancestor.kind == .client, tree.parents[index] == caller {
        isError = isError || ancestor.tag("error") != nil
      }
    }
    guard let parent, let child else { return }
    counts.add(parent: parent, child: child, isError: isError)
  }

  private static func name(_ endpoint: ZipkinEndpoint?) -> String? {
    guard let name = endpoint?.serviceName.lowercased(), !name.isEmpty else { return nil }
    return name
  }

  /// Who called whom in a trace, by indices of its spans.
  private struct Tree {
    var parents: [Int?]
    var children: [[Int]]

    init(_ trace: [ZipkinSpan]) {
      // Of spans that share an id some are enough, however many a sender makes.
      let byID = Dictionary(grouping: trace.indices) { trace[$0].id }.mapValues { $0.prefix(64) }
      parents = trace.indices.map { index in
        let span = trace[index]
        // A server that shares its client's id is the client's child.
        if span.kind == .server || span.shared,
          let client = byID[span.id]?.first(where: { trace[$0].kind == .client && $0 != index })
        {
          return client
        }
        guard let parentID = span.parentID, let candidates = byID[parentID] else { return nil }
        let others = candidates.filter { $0 != index }
        let service = span.localEndpoint?.serviceName
        // Of spans that share an id, the one of the same service is nearer.
        return others.first { trace[$0].localEndpoint?.serviceName == service }
          ?? others.first { trace[$0].kind == .server } ?? others.first
      }
      children = Array(repeating: [], count: trace.count)
      for (index, parent) in parents.enumerated() {
        if let parent { children[parent].append(index) }
      }
    }

    /// The nearest ancestor that has a kind; nil when there is none.
    func ancestorWithKind(of index: Int, _ trace: [ZipkinSpan]) -> Int? {
      var at = parents[index]
      // Parents may go round in a circle; a path is not longer than the trace.
      for _ in 0..<parents.count {
        guard let here = at else { return nil }
        if trace[here].kind != nil { return here }
        at = parents[here]
      }
      return nil
    }
  }
}

extension SpanQuery {
  /// Calls between services as Zipkin counts them, of traces that begin in the range.
  nonisolated(nonsending)
    package func zipkinDependencies(
      end: Timestamp, lookback: TimeSpan, tenant: TenantID
    ) async throws(SpanStoreError) -> [DependencyLink]
  {
    var search = ZipkinSearch(end: end, lookback: lookback)
    search.limit = Self.dependencyTracesMax
    let traces = try await self.search(search, tenant: tenant)
    var linker = ZipkinLinker()
    for trace in traces { linker.add(trace) }
    return linker.links
  }
}

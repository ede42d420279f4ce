import SpanStore
import TelemetryModel
import TraceFormats

/// Calls between services counted on whole traces, in the plainest way: what the store's counting
/// on columns must agree with.
enum PlainDependencies {
  private struct Pair: Hashable {
    var parent: String
    var child: String
  }

  static func links(
    _ rule: DependencyRule, of batches: [ResourceSpans], from start: Timestamp, to end: Timestamp
  ) -> [DependencyLink] {
    var counts: [Pair: (calls: Int, errors: Int)] = [:]
    for (_, trace) in batches.groupedByTrace() {
      for (pair, isError) in rule == .jaeger
        ? jaeger(trace, start, end) : zipkin(trace, start, end)
      {
        counts[pair, default: (0, 0)].calls += 1
        if isError { counts[pair, default: (0, 0)].errors += 1 }
      }
    }
    return counts.map {
      DependencyLink(
        parent: $0.key.parent, child: $0.key.child, callCount: $0.value.calls,
        errorCount: $0.value.errors)
    }.sorted { ($0.parent, $0.child) < ($1.parent, $1.child) }
  }

  private static func jaeger(
    _ trace: [ResourceSpans], _ start: Timestamp, _ end: Timestamp
  ) -> [(Pair, Bool)] {
    var spans: [(span: Span, service: String)] = []
    trace.forEachSpan { span, _, resource in spans.append((span, JaegerNaming.service(resource))) }
    spans.sort { $0.span.start < $1.span.start }
    guard spans.allSatisfy({ $0.span.start >= start && $0.span.end <= end }) else { return [] }
    return spans.compactMap { child in
      guard !child.span.parentSpanID.isZero,
        let parent = spans.first(where: { $0.span.spanID == child.span.parentSpanID })
      else { return nil }
      return (Pair(parent: parent.service, child: child.service), false)
    }
  }

  private static func zipkin(
    _ trace: [ResourceSpans], _ start: Timestamp, _ end: Timestamp
  ) -> [(Pair, Bool)] {
    var starts: [Int64] = []
    trace.forEachSpan { span, _, _ in starts.append(span.start.nanoseconds) }
    let made = ZipkinSpan.spans(of: trace)
    let spans = zip(starts, made).sorted { $0.0 < $1.0 }.map(\.1)
    let begins = spans.filter { $0.timestampMicroseconds != nil }
    guard
      let begin = begins.first(where: { $0.parentID == nil })?.timestampMicroseconds
        ?? begins.compactMap(\.timestampMicroseconds).min(),
      Int64(begin) >= start.nanoseconds / 1000, Int64(begin) <= end.nanoseconds / 1000
    else { return [] }
    let parents = spans.indices.map { parent(of: $0, spans) }
    var out: [(Pair, Bool)] = []
    for (index, span) in spans.enumerated() {
      if span.kind == .client, parents.contains(index) { continue }
      let local = name(span.localEndpoint)
      let remote = name(span.remoteEndpoint)
      guard span.kind != nil || local != nil && remote != nil else { continue }
      let kind = span.kind ?? .client
      let isCallee = kind == .server || kind == .consumer
      var parent = isCallee ? remote : local
      let child = isCallee ? local : remote
      var isError = span.tag("error") != nil
      if kind == .client || kind == .server,
        let caller = ancestor(of: index, spans, parents)
      {
        if let name = name(spans[caller].localEndpoint) {
          if kind == .client, let local, name != local {
            out.append((Pair(parent: name, child: local), false))
          }
          if kind == .server || parent == nil { parent = name }
        }
        if spans[caller].kind == .client, parents[index] == caller,
          spans[caller].tag("error") != nil
        {
          isError = true
        }
      }
      if let parent, let child { out.append((Pair(parent: parent, child: child), isError)) }
    }
    return out
  }

  private static func name(_ endpoint: ZipkinEndpoint?) -> String? {
    let name = endpoint?.serviceName.lowercased() ?? ""
    return name.isEmpty ? nil : name
  }

  private static func parent(of index: Int, _ spans: [ZipkinSpan]) -> Int? {
    let span = spans[index]
    let others = spans.indices.filter { $0 != index }
    if span.kind == .server,
      let client = others.first(where: { spans[$0].id == span.id && spans[$0].kind == .client })
    {
      return client
    }
    let found = others.filter { spans[$0].id == span.parentID }
    let service = span.localEndpoint?.serviceName
    return found.first { spans[$0].localEndpoint?.serviceName == service }
      ?? found.first { spans[$0].kind == .server } ?? found.first
  }

  private static func ancestor(
    of index: Int, _ spans: [ZipkinSpan], _ parents: [Int?]
  ) -> Int? {
    var at = parents[index]
    for _ in spans {
      guard let here = at else { return nil }
      if spans[here].kind != nil { return here }
      at = parents[here]
    }
    return nil
  }
}

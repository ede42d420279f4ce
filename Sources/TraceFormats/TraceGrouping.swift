package import TelemetryModel

extension [ResourceSpans] {
  /// How many spans the batches hold.
  package var spanCount: Int {
    reduce(0) { $0 + $1.scopes.reduce(0) { $0 + $1.spans.count } }
  }

  /// The batches taken apart by trace, in the order in which the traces first appear; resources,
  /// scopes and spans keep their order.
  package func groupedByTrace() -> [(id: TraceID, batches: [ResourceSpans])] {
    var order: [TraceID] = []
    var traces: [TraceID: [ResourceSpans]] = [:]
    for batch in self {
      var parts: [TraceID: ResourceSpans] = [:]
      for group in batch.scopes {
        for (id, spans) in Dictionary(grouping: group.spans, by: \.traceID) {
          var part = ScopeSpans()
          part.scope = group.scope
          part.spans = spans
          var batchPart = parts[id] ?? ResourceSpans()
          batchPart.resource = batch.resource
          batchPart.scopes.append(part)
          parts[id] = batchPart
        }
        for span in group.spans where traces[span.traceID] == nil {
          order.append(span.traceID)
          traces[span.traceID] = []
        }
      }
      for (id, part) in parts { traces[id]?.append(part) }
    }
    return order.map { ($0, traces[$0] ?? []) }
  }

  /// Calls `visit` with each span and what it belongs to, in order.
  package func forEachSpan(
    _ visit: (Span, InstrumentationScope, Resource) throws -> Void
  ) rethrows {
    for batch in self {
      for group in batch.scopes {
        for span in group.spans { try visit(span, group.scope, batch.resource) }
      }
    }
  }
}

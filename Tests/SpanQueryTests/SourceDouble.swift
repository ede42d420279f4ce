import Bytes
import SpanQuery
import SpanStore
import Synchronization
import TelemetryModel
import TraceFormats

/// Spans in memory, searched in the plainest way.
final class SourceDouble: SpanSource {
  private let batches: [ResourceSpans]

  init(_ batches: [ResourceSpans]) { self.batches = batches }

  func trace(_ id: TraceID, tenant: TenantID) throws(SpanStoreError) -> [ResourceSpans] {
    batches.groupedByTrace().first { $0.id == id }?.batches ?? []
  }

  func search(_ search: SpanSearch) throws(SpanStoreError) -> [TraceID] {
    var newest: [TraceID: Timestamp] = [:]
    batches.forEachSpan { span, scope, resource in
      let duration = span.end - span.start
      guard search.service.map({ $0.hasSameBytes(as: resource.serviceName) }) ?? true,
        search.operation.map({ $0.hasSameBytes(as: span.name) }) ?? true,
        search.start.map({ $0.contains(span.start) }) ?? true,
        search.minDuration.map({ duration >= $0 }) ?? true,
        search.maxDuration.map({ duration <= $0 }) ?? true,
        search.conditions.allSatisfy({ $0.holds(span, resource, scope) }),
        search.matches.map({ $0(span, resource, scope) }) ?? true
      else { return }
      newest[span.traceID] = max(newest[span.traceID] ?? .distantPast, span.start)
    }
    return newest.sorted { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }
      .prefix(search.limit).map(\.key)
  }

  func services(tenant: TenantID) throws(SpanStoreError) -> [String] {
    Set(texts: batches.map(\.resource.serviceName)).sortedTexts()
  }

  func operations(tenant: TenantID, service: String) throws(SpanStoreError) -> [SpanOperation] {
    var operations: Set<SpanOperation> = []
    batches.forEachSpan { span, _, resource in
      guard resource.serviceName.hasSameBytes(as: service) else { return }
      operations.insert(SpanOperation(name: span.name, kind: span.kind))
    }
    return operations.sorted()
  }

  func dependencies(
    _ rule: DependencyRule, from start: Timestamp, to end: Timestamp, tenant: TenantID
  ) throws(SpanStoreError) -> [DependencyLink] {
    // Tells what it was asked; the store's own tests have the rules.
    [
      DependencyLink(
        parent: "\(rule)", child: tenant.name, callCount: Int(start.nanoseconds / 1_000_000),
        errorCount: Int(end.nanoseconds / 1_000_000))
    ]
  }
}

/// A span of trace `trace` with times in milliseconds.
func span(
  _ trace: UInt64, _ id: UInt64, parent: UInt64 = 0, _ name: String = "work",
  kind: SpanKind = .internal, at start: Int64 = 0, for duration: Int64 = 1
) -> Span {
  var span = Span()
  span.traceID = TraceID(high: 0, low: trace)
  span.spanID = SpanID(id)
  span.parentSpanID = SpanID(parent)
  span.name = name
  span.kind = kind
  span.start = .zero + .milliseconds(start)
  span.end = span.start + .milliseconds(duration)
  return span
}

/// Spans of one service; without one when `service` is nil.
func batch(_ service: String?, _ spans: [Span], resource: [Attribute] = []) -> ResourceSpans {
  var group = ScopeSpans()
  group.spans = spans
  group.scope.name = "library"
  group.scope.attributes = [Attribute("scope.key", .string("s"))]
  var batch = ResourceSpans()
  if let service { batch.resource.attributes = [Attribute("service.name", .string(service))] }
  batch.resource.attributes += resource
  batch.scopes = [group]
  return batch
}

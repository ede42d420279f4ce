package import SpanStore
package import TelemetryModel

/// Where queries read spans: the span store, or a double of it in tests.
///
/// The functions block; they are called on a pool for that alone.
package protocol SpanSource: Sendable {
  /// All spans of the trace, each exact duplicate once; empty when there is none.
  func trace(_ id: TraceID, tenant: TenantID) throws(SpanStoreError) -> [ResourceSpans]
  /// The traces with a span for which all conditions hold, newest first.
  func search(_ search: SpanSearch) throws(SpanStoreError) -> [TraceID]
  /// The values of `service.name`, sorted; empty for spans without one.
  func services(tenant: TenantID) throws(SpanStoreError) -> [String]
  func operations(tenant: TenantID, service: String) throws(SpanStoreError) -> [SpanOperation]
  /// Calls between services in traces of the time, both ends included; by parent, then child.
  func dependencies(
    _ rule: DependencyRule, from start: Timestamp, to end: Timestamp, tenant: TenantID
  ) throws(SpanStoreError) -> [DependencyLink]
}

extension SpanStore: SpanSource {}

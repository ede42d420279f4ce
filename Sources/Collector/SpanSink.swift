package import SpanStore
package import TelemetryModel

/// Where received spans go: the span store, or a double of it in tests.
package protocol SpanSink: Sendable {
  /// Stores the spans of a request, all or none; they are durable when it returns.
  nonisolated(nonsending)
    func append(tenant: TenantID, _ batch: SpanBatch) async throws(SpanStoreError)
}

extension SpanStore: SpanSink {}

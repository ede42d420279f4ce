package import SpanStore
package import TelemetryModel

/// Where received spans go: the span store, or a double of it in tests.
package protocol SpanSink: Sendable {
  /// Stores an encoded OTLP request (protobuf) whole or not at all; durable when it returns.
  nonisolated(nonsending)
    func append(tenant: TenantID, request: [UInt8]) async throws(SpanStoreError)
}

extension SpanStore: SpanSink {}

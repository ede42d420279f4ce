package import SpanStore
package import TelemetryModel

extension SpanQuery {
  /// Calls between services as Jaeger counts them: each span with a parent in its trace, calls
  /// within a service included. Traces count that lie wholly between `start` and `end`.
  nonisolated(nonsending)
    package func jaegerDependencies(from start: Timestamp, to end: Timestamp, tenant: TenantID)
    async throws(SpanStoreError) -> [DependencyLink]
  {
    try await onPool { source throws(SpanStoreError) in
      try source.dependencies(.jaeger, from: start, to: end, tenant: tenant)
    }
  }

  /// Calls between services as Zipkin counts them, of traces that begin in the range.
  nonisolated(nonsending)
    package func zipkinDependencies(
      end: Timestamp, lookback: TimeSpan, tenant: TenantID
    ) async throws(SpanStoreError) -> [DependencyLink]
  {
    try await onPool { source throws(SpanStoreError) in
      try source.dependencies(.zipkin, from: end - lookback, to: end, tenant: tenant)
    }
  }
}

package import SpanStore
package import TelemetryModel
import TraceFormats

extension SpanQuery {
  /// More traces than this are not looked at for one answer; the newest count.
  package static let dependencyTracesMax = 10_000

  /// Calls between services as Jaeger counts them: each span with a parent in its trace, calls
  /// within a service included. Traces count that lie wholly between `start` and `end`.
  nonisolated(nonsending)
    package func jaegerDependencies(from start: Timestamp, to end: Timestamp, tenant: TenantID)
    async throws(SpanStoreError) -> [DependencyLink]
  {
    guard start <= end else { return [] }
    return try await onPool { source throws(SpanStoreError) in
      var search = SpanSearch(tenant: tenant, limit: Self.dependencyTracesMax)
      search.start = start..<(end + TimeSpan(nanoseconds: 1))
      var counts = DependencyCounts()
      for id in try source.search(search) {
        let trace = try source.trace(id, tenant: tenant)
        var services: [SpanID: String] = [:]
        var isInside = true
        trace.forEachSpan { span, _, resource in
          if span.start < start || span.end > end { isInside = false }
          if services[span.spanID] == nil {
            services[span.spanID] = JaegerNaming.service(resource)
          }
        }
        guard isInside else { continue }
        trace.forEachSpan { span, _, resource in
          guard !span.parentSpanID.isZero, let parent = services[span.parentSpanID] else { return }
          counts.add(parent: parent, child: JaegerNaming.service(resource))
        }
      }
      return counts.links
    }
  }
}

package import HTTP
package import LinuxIO
package import SpanQuery
package import TelemetryModel

/// The query APIs for traces: Jaeger's, Zipkin's and Tempo's, each on a router of its own.
///
/// Safe to use from any task; waits for the store happen on the query's pool, not on a loop.
package struct TraceAPI: Sendable {
  /// Whose traces a request asks for; throws what the client is to be answered.
  package typealias TenantOf = @Sendable (Request) throws(HTTPError) -> TenantID

  let query: SpanQuery
  let clock: any WallClock
  /// The program's, as buildinfo tells it.
  let version: String
  /// Tags that Zipkin's UI offers the values of.
  let zipkinAutocompleteKeys: [String]
  /// Whether `/api/metrics/…` of Jaeger's API counts stored spans, instead of saying that there
  /// is no metrics backend.
  let answersJaegerMetrics: Bool
  let tenantOf: TenantOf

  package init(
    query: SpanQuery, clock: any WallClock = SystemClock(), version: String = "",
    zipkinAutocompleteKeys: [String] = [], answersJaegerMetrics: Bool = false,
    tenantOf: @escaping TenantOf = { _ throws(HTTPError) in .single }
  ) {
    self.query = query
    self.clock = clock
    self.version = version
    self.zipkinAutocompleteKeys = zipkinAutocompleteKeys
    self.answersJaegerMetrics = answersJaegerMetrics
    self.tenantOf = tenantOf
  }

  var now: Timestamp { Timestamp(nanoseconds: clock.now()) }
}

import Collector
import HTTP
import LinuxIO
import SpanStore
import Synchronization
import TelemetryModel
import Testing
import TraceFormats

/// Takes spans as a store would, or refuses them.
final class SinkDouble: SpanSink {
  private struct State {
    var requests: [[UInt8]] = []
    var tenants: [TenantID] = []
    var error: SpanStoreError?
  }
  private let state = Mutex(State())

  nonisolated(nonsending)
    func append(tenant: TenantID, _ batch: SpanBatch) async throws(SpanStoreError)
  {
    let error = state.withLock { state -> SpanStoreError? in
      guard state.error == nil else { return state.error }
      state.requests.append(batch.request)
      state.tenants.append(tenant)
      return nil
    }
    if let error { throw error }
  }

  /// From now on nothing is taken; nil takes all again.
  func refuse(_ error: SpanStoreError?) { state.withLock { $0.error = error } }

  /// All that was taken, decoded; spans without ids are no part of it.
  func batches() throws -> [ResourceSpans] {
    var batches = try state.withLock { $0.requests }.flatMap { try OTLPTraceProtobuf.decode($0) }
    for batch in batches.indices {
      for group in batches[batch].scopes.indices {
        batches[batch].scopes[group].spans.removeAll { $0.traceID.isZero || $0.spanID.isZero }
      }
    }
    return batches
  }
}

/// A collector behind listeners on free ports.
final class CollectorServer: Sendable {
  let sink = SinkDouble()
  private let server: HTTPServer
  private let client: HTTPClient
  private let otlpPort: UInt16
  private let zipkinPort: UInt16
  private let jaegerPort: UInt16

  init(_ limits: CollectorLimits = CollectorLimits()) throws {
    let pool = try BlockingExecutor(name: "test", threadCount: 2)
    let collector = Collector(sink: sink, executor: pool, limits: limits)
    let server = try HTTPServer(registry: MetricsRegistry())
    func listen(_ name: String, _ routes: (inout Router) -> Void) throws -> UInt16 {
      var router = Router()
      routes(&router)
      let listener = try server.listen(
        .ipv4(address: 0x7f00_0001, port: 0), name: name, handler: router.handler)
      return try #require(listener.address.port)
    }
    otlpPort = try listen("otlp") { collector.otlpHTTPRoutes(on: &$0) }
    zipkinPort = try listen("zipkin") { collector.zipkinRoutes(on: &$0) }
    jaegerPort = try listen("jaeger") { collector.jaegerRoutes(on: &$0) }
    self.server = server
    client = try HTTPClient()
  }

  func send(
    _ path: String, method: HTTPMethod = .post, type: String? = nil, encoding: String? = nil,
    _ body: [UInt8] = []
  ) async throws -> HTTPClientResponse {
    let port =
      path.hasPrefix("/v1") ? otlpPort : path.hasPrefix("/api/traces") ? jaegerPort : zipkinPort
    var headers = HTTPHeaders()
    if let type { headers.append("content-type", type) }
    if let encoding { headers.append("content-encoding", encoding) }
    return try await client.send(
      HTTPClientRequest(
        method, "http://127.0.0.1:\(port)\(path)", headers: headers, body: body))
  }

  func stop() async {
    await server.drain(seconds: 0)
    client.close()
  }
}

/// A request of `count` spans of one trace; the first `invalid` of them lack a span id.
func otlpRequest(count: Int, invalid: Int = 0) -> [ResourceSpans] {
  var group = ScopeSpans()
  group.spans = (0..<count).map { index in
    var span = Span()
    span.traceID = TraceID(high: 1, low: 2)
    span.spanID = SpanID(index < invalid ? 0 : UInt64(index + 1))
    span.name = "span \(index)"
    span.start = Timestamp(nanoseconds: Int64(index) + 1_000)
    return span
  }
  var batch = ResourceSpans()
  batch.resource.attributes = [Attribute("service.name", .string("shop"))]
  batch.scopes = [group]
  return [batch]
}

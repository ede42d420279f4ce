import Bytes
import Foundation
import HTTP
import LinuxIO
import SpanQuery
import SpanStore
import TelemetryModel
import TestSupport
import Testing
import TraceAPI
import TraceFormats
import WireFormats

/// Spans in memory, searched in the plainest way.
private struct SourceDouble: SpanSource {
  let batches: [ResourceSpans]

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
    [DependencyLink(parent: "shop", child: "stock", callCount: 1, errorCount: 1)]
  }
}

/// The three APIs behind listeners on free ports.
final class TraceAPIServer: Sendable {
  enum Face { case jaeger, zipkin, tempo }

  private let server: HTTPServer
  private let client: HTTPClient
  private let ports: [Face: UInt16]

  init(_ batches: [ResourceSpans], answersJaegerMetrics: Bool = false) throws {
    let pool = try BlockingExecutor(name: "test", threadCount: 2)
    let api = TraceAPI(
      query: SpanQuery(source: SourceDouble(batches: batches), executor: pool), version: "1.2.3",
      answersJaegerMetrics: answersJaegerMetrics)
    let server = try HTTPServer(registry: MetricsRegistry())
    func listen(_ name: String, _ routes: (inout Router) -> Void) throws -> UInt16 {
      var router = Router()
      routes(&router)
      let listener = try server.listen(
        .ipv4(address: 0x7f00_0001, port: 0), name: name, handler: router.handler)
      return try #require(listener.address.port)
    }
    ports = [
      .jaeger: try listen("jaeger") { api.jaegerRoutes(on: &$0) },
      .zipkin: try listen("zipkin") { api.zipkinRoutes(on: &$0) },
      .tempo: try listen("tempo") { api.tempoRoutes(on: &$0) },
    ]
    self.server = server
    client = try HTTPClient()
  }

  func get(_ face: Face, _ path: String, accept: String? = nil) async throws -> HTTPClientResponse {
    let port = try #require(ports[face])
    return try await client.send(
      HTTPClientRequest(
        .get, "http://127.0.0.1:\(port)\(path)", headers: accept.map { ["accept": $0] } ?? [:]))
  }

  func text(_ face: Face, _ path: String) async throws -> String {
    String(decoding: try await get(face, path).body, as: UTF8.self)
  }

  func json(_ face: Face, _ path: String) async throws -> JSONValue {
    try JSONValue.parse(try await get(face, path).body)
  }

  func stop() async {
    await server.drain(seconds: 0)
    client.close()
  }
}

/// Two traces: `shop` calls `stock`, which fails; `shop` alone, later.
let sampleTraces: [ResourceSpans] = {
  func span(_ trace: UInt64, _ id: UInt64, _ parent: UInt64, _ name: String, _ start: Int64) -> Span
  {
    var span = Span()
    span.traceID = TraceID(high: trace == 1 ? 0xabc : 0, low: trace)
    span.spanID = SpanID(id)
    span.parentSpanID = SpanID(parent)
    span.name = name
    span.kind = parent == 0 ? .server : .client
    span.start = Timestamp(nanoseconds: start * 1_000_000)
    span.end = span.start + .milliseconds(5)
    return span
  }
  var failed = span(1, 3, 2, "Reserve", 1_002)
  failed.kind = .server
  failed.status.code = SpanStatus.error
  return [
    batch("Shop", [span(1, 1, 0, "GET /", 1_000), span(1, 2, 1, "call", 1_001)]),
    batch("Stock", [failed]), batch("Shop", [span(2, 4, 0, "GET /", 2_000)]),
  ]
}()

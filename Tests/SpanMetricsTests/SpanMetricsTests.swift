import TelemetryModel
import Testing
import TraceFormats

@testable import SpanMetrics

struct SpanMetricsTests {
  private func batch(_ service: String, _ spans: [Span]) -> ResourceSpans {
    var group = ScopeSpans()
    group.spans = spans
    var batch = ResourceSpans()
    batch.resource.attributes = [
      Attribute("host.name", .string("h")), Attribute("service.name", .string(service)),
    ]
    batch.scopes = [group]
    return batch
  }

  private func span(
    _ id: UInt64, parent: UInt64 = 0, name: String = "work", _ kind: SpanKind,
    milliseconds: Int64 = 5, fails: Bool = false, _ attributes: [Attribute] = []
  ) -> Span {
    var span = Span()
    span.traceID = TraceID(high: 7, low: 7)
    span.spanID = SpanID(id)
    span.parentSpanID = SpanID(parent)
    span.name = name
    span.kind = kind
    span.start = Timestamp(seconds: 100)
    span.end = span.start + .milliseconds(milliseconds)
    if fails { span.status.code = SpanStatus.error }
    span.attributes = attributes
    return span
  }

  /// The lines of `/metrics` that begin so, without histograms' buckets.
  private func lines(_ registry: MetricsRegistry, _ prefix: String) -> [String] {
    String(decoding: registry.exposition(), as: UTF8.self).split(separator: "\n")
      .map(String.init).filter { $0.hasPrefix(prefix) && !$0.contains("_bucket") }.sorted()
  }

  private func request(_ client: String, _ server: String, _ type: String) -> String {
    "traces_service_graph_request_total"
      + "{client=\"\(client)\",server=\"\(server)\",connection_type=\"\(type)\"} 1"
  }

  private func unpaired(_ client: String, _ server: String, _ type: String) -> String {
    "traces_service_graph_unpaired_spans_total"
      + "{client=\"\(client)\",server=\"\(server)\",connection_type=\"\(type)\"} 1"
  }

  private func measured(
    _ requests: [[ResourceSpans]], expireAfter seconds: Int64 = 11
  ) -> MetricsRegistry {
    let registry = MetricsRegistry()
    let metrics = SpanMetrics(registry: registry)
    for request in requests {
      metrics.observe(OTLPTraceProtobuf.encode(request), now: Timestamp(seconds: 1000))
    }
    metrics.expire(now: Timestamp(seconds: 1000 + seconds))
    return registry
  }

  @Test func countsCallsLatenciesAndSizes() {
    let registry = measured([
      [
        batch(
          "shop",
          [span(1, name: "GET", .server, milliseconds: 3), span(2, name: "GET", .server)])
      ],
      [batch("shop", [span(3, name: "GET", .server, fails: true)])],
    ])
    let ok =
      #"{service="shop",span_name="GET",span_kind="SPAN_KIND_SERVER","#
      + #"status_code="STATUS_CODE_UNSET"}"#
    let text = String(decoding: registry.exposition(), as: UTF8.self)
    #expect(text.contains("traces_spanmetrics_calls_total\(ok) 2\n"))
    #expect(text.contains("traces_spanmetrics_latency_count\(ok) 2\n"))
    #expect(text.contains("traces_spanmetrics_latency_sum\(ok) 0.008\n"))
    #expect(text.contains(#"status_code="STATUS_CODE_UNSET",le="0.004"} 1"#))
    #expect(text.contains(#"status_code="STATUS_CODE_ERROR"} 1"#))
    #expect(lines(registry, "traces_spanmetrics_size_total").count == 2)
  }

  @Test func pairsBothSidesInAnyOrder() {
    let client = batch("web", [span(1, .client, milliseconds: 300, fails: true)])
    let server = batch("shop", [span(2, parent: 1, .server, milliseconds: 200)])
    let labels = #"{client="web",server="shop",connection_type=""}"#
    for order in [[[client], [server]], [[server], [client]], [[client, server]]] {
      let registry = measured(order)
      #expect(
        lines(registry, "traces_service_graph_request_total")
          == ["traces_service_graph_request_total\(labels) 1"])
      #expect(
        lines(registry, "traces_service_graph_request_failed_total")
          == ["traces_service_graph_request_failed_total\(labels) 1"])
      #expect(
        lines(registry, "traces_service_graph_request_server_seconds_sum")
          == ["traces_service_graph_request_server_seconds_sum\(labels) 0.2"])
      #expect(
        lines(registry, "traces_service_graph_request_client_seconds_sum")
          == ["traces_service_graph_request_client_seconds_sum\(labels) 0.3"])
    }
  }

  @Test func knowsDatabasesQueuesAndPeersThatSendNoSpans() {
    let registry = measured([
      [
        batch(
          "shop",
          [
            span(1, .client, [Attribute("db.system", .string("redis"))]),
            span(2, .client, [Attribute("peer.service", .string("bank"))]),
            span(3, .producer), span(5, .server), span(6, .client),
          ]), batch("ship", [span(4, parent: 3, .consumer)]),
      ]
    ])
    #expect(
      lines(registry, "traces_service_graph_request_total") == [
        request("shop", "bank", "virtual_node"),
        request("shop", "redis", "database"),
        request("shop", "ship", "messaging_system"),
        request("user", "shop", "virtual_node"),
      ])
    #expect(
      lines(registry, "traces_service_graph_unpaired_spans_total") == [
        unpaired("shop", "", "")
      ])
  }

  @Test func waitsNoLongerThanItIsTold() {
    let client = batch("web", [span(1, .client)])
    #expect(
      lines(measured([[client]], expireAfter: 9), "traces_service_graph_unpaired").isEmpty)
    #expect(
      lines(measured([[client]], expireAfter: 10), "traces_service_graph_unpaired").count == 1)
  }

  @Test func labelSetsAreBounded() {
    let registry = MetricsRegistry()
    let metrics = SpanMetrics(registry: registry)
    for part in 0..<30 {
      let spans = (0..<400).map { span(UInt64($0 + 1), name: "n\(part * 400 + $0)", .internal) }
      metrics.observe(
        OTLPTraceProtobuf.encode([batch("s", spans)]), now: Timestamp(seconds: 1))
    }
    let calls = lines(registry, "traces_spanmetrics_calls_total{")
    #expect(calls.count <= MetricsRegistry.seriesMax + 1)
    let total = calls.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
    #expect(total.reduce(0, +) == 12_000)
  }

  @Test func bytesThatAreNoRequestChangeNothingButTheirOwn() {
    let metrics = SpanMetrics(registry: MetricsRegistry())
    var random = SystemRandomNumberGenerator()
    let whole = OTLPTraceProtobuf.encode([batch("s", [span(1, .client)])])
    for _ in 0..<2000 {
      var bytes = whole
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255)
      metrics.observe(
        Array(bytes.prefix(Int.random(in: 0...bytes.count))), now: Timestamp(seconds: 1))
    }
  }
}

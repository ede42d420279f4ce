import HTTP
import TelemetryModel
import Testing
import TraceFormats
import WireFormats

/// Jaeger's Monitor tab: what its UI asks, and the numbers counted by hand.
struct JaegerMetricsTests {
  /// A call a second for 100 s from 1,000 s on, of 100 ms each; every fourth fails.
  private static let batches: [ResourceSpans] = {
    var group = ScopeSpans()
    for second in 0..<100 {
      var span = Span()
      span.traceID = TraceID(high: 0, low: UInt64(second + 1))
      span.spanID = SpanID(1)
      span.name = second % 2 == 0 ? "GET /" : "PUT /"
      span.kind = second % 10 == 9 ? .client : .server
      span.start = Timestamp(seconds: 1000 + Int64(second))
      span.end = span.start + .milliseconds(100)
      if second % 4 == 0 { span.status.code = SpanStatus.error }
      group.spans.append(span)
    }
    var batch = ResourceSpans()
    batch.resource.attributes = [Attribute("service.name", .string("Shop"))]
    batch.scopes = [group]
    return [batch]
  }()

  private static let range = "service=Shop&endTs=1100000&lookback=50000&step=10000&ratePer=20000"

  private func values(_ family: JSONValue) throws -> [[Double]] {
    try #require(family["metrics"]?.arrayValue).map { metric in
      (metric["metricPoints"]?.arrayValue ?? []).compactMap { point in
        if case .number(let text)? = point["gaugeValue"]?["doubleValue"] { return Double(text) }
        return nil
      }
    }
  }

  @Test func ratesErrorsAndLatencies() async throws {
    let server = try TraceAPIServer(Self.batches, answersJaegerMetrics: true)
    let calls = try await server.json(.jaeger, "/api/metrics/calls?\(Self.range)")
    #expect(calls["name"]?.stringValue == "service_call_rate")
    #expect(calls["type"]?.stringValue == "GAUGE")
    let label = calls["metrics"]?[0]?["labels"]?[0]
    #expect(label?["name"]?.stringValue == "service_name")
    #expect(label?["value"]?.stringValue == "Shop")
    let rates = try #require(try values(calls).first)
    // Nine of ten calls are a server's.
    #expect(rates.count >= 5)
    #expect(rates.dropFirst().allSatisfy { abs($0 - 0.9) < 0.051 }, "\(rates)")
    let point = calls["metrics"]?[0]?["metricPoints"]?[0]
    #expect(point?["timestamp"]?.stringValue?.hasPrefix("1970-01-01T00:1") == true)
    let errors = try await server.json(
      .jaeger, "/api/metrics/errors?\(Self.range)&spanKind=server&spanKind=client")
    #expect(errors["name"]?.stringValue == "service_error_rate")
    #expect(try values(errors)[0].allSatisfy { abs($0 - 0.25) < 0.051 })
    let latencies = try await server.json(
      .jaeger, "/api/metrics/latencies?\(Self.range)&quantile=0.95&groupByOperation=true")
    #expect(latencies["name"]?.stringValue == "service_operation_latencies")
    let found = try values(latencies)
    #expect(found.count == 2)
    // Milliseconds, within the factor of two of the buckets.
    #expect(found.allSatisfy { !$0.isEmpty && $0.allSatisfy { (50...200).contains($0) } })
    #expect(
      latencies["metrics"]?[0]?["labels"]?.arrayValue?.compactMap { $0["name"]?.stringValue }
        == ["operation", "service_name"])
    #expect(try await server.json(.jaeger, "/api/metrics/minstep")["data"]?.intValue == 1)
    await server.stop()
  }

  @Test func faultsSayWhichParameter() async throws {
    let server = try TraceAPIServer(Self.batches, answersJaegerMetrics: true)
    let longest = "step=9223372036854&ratePer=9223372036854"
    _ = try await server.json(.jaeger, "/api/metrics/calls?service=a&\(longest)")
    for (path, word) in [
      ("calls", "service"), ("latencies?service=a", "quantile"),
      ("latencies?service=a&quantile=x", "quantile"), ("calls?service=a&spanKind=z", "spanKind"),
      ("calls?service=a&step=0", "step"), ("calls?service=a&lookback=x", "lookback"),
      ("calls?service=a&lookback=99999999999", "steps"),
      ("calls?service=a&groupByOperation=2", "group"),
    ] {
      let answer = try await server.get(.jaeger, "/api/metrics/\(path)")
      #expect(answer.status == 400, "\(path)")
      #expect(String(decoding: answer.body, as: UTF8.self).contains(word), "\(path)")
    }
    let empty = try await server.json(.jaeger, "/api/metrics/calls?service=nobody")
    #expect(empty["metrics"]?.arrayValue?.isEmpty == true)
    await server.stop()
    let without = try TraceAPIServer(Self.batches)
    #expect(try await without.get(.jaeger, "/api/metrics/calls?service=Shop").status == 501)
    await without.stop()
  }

  @Test func zipkinsProbes() async throws {
    let server = try TraceAPIServer(Self.batches)
    #expect(try await server.json(.zipkin, "/health")["status"]?.stringValue == "UP")
    #expect(
      try await server.json(.zipkin, "/info")["zipkin"]?["version"]?.stringValue == "1.2.3")
    await server.stop()
  }
}

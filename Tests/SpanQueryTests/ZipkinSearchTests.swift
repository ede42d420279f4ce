import Bytes
import LinuxIO
import SpanStore
import TelemetryModel
import Testing
import TraceFormats

@testable import SpanQuery

struct ZipkinSearchTests {
  private let source: SourceDouble = {
    var client = span(1, 2, parent: 1, "Call", kind: .client, at: 1_010, for: 5)
    client.attributes = [
      Attribute("service.peer.name", .string("Back")), Attribute("http.path", .string("/x")),
    ]
    var event = SpanEvent()
    event.name = "retry"
    client.events = [event]
    var failed = span(1, 3, parent: 2, "Serve", kind: .server, at: 1_011, for: 3)
    failed.status.code = SpanStatus.error
    return SourceDouble([
      batch("Front", [span(1, 1, "Root", kind: .server, at: 1_000, for: 100), client]),
      batch("Back", [failed]),
      batch("Front", [span(2, 4, "Root", kind: .server, at: 2_000, for: 10)]),
    ])
  }()

  private func found(_ change: (inout ZipkinSearch) -> Void) async throws -> [UInt64] {
    let query = SpanQuery(
      source: source, executor: try BlockingExecutor(name: "test", threadCount: 1))
    var search = ZipkinSearch(end: .zero + .milliseconds(5_000), lookback: .hours(1))
    change(&search)
    return try await query.search(search, tenant: .single).compactMap { $0.first?.traceID.low }
  }

  @Test func conditionsHoldOverTheServicesSpans() async throws {
    #expect(try await found { _ in } == [2, 1])
    #expect(try await found { $0.limit = 1 } == [2])
    #expect(try await found { $0.serviceName = "front" } == [2, 1])
    #expect(try await found { $0.serviceName = "back" } == [1])
    #expect(try await found { $0.serviceName = "none" } == [])
    #expect(try await found { $0.spanName = "root" } == [2, 1])
    #expect(
      try await found {
        $0.serviceName = "front"
        $0.spanName = "root"
        $0.remoteServiceName = "back"
        $0.annotations = ["http.path": "/x", "retry": ""]
        $0.minDurationMicroseconds = 50_000
      } == [1], "each condition on a span of its own")
    #expect(
      try await found {
        $0.serviceName = "back"
        $0.spanName = "root"
      } == [])
    #expect(try await found { $0.annotations = ["http.path": "/y"] } == [])
    #expect(try await found { $0.annotations = ["error": ""] } == [1])
    #expect(
      try await found {
        $0.minDurationMicroseconds = 10_000
        $0.maxDurationMicroseconds = 50_000
      } == [2])
  }

  @Test func tracesBeginInTheRange() async throws {
    #expect(try await found { $0.end = .zero + .milliseconds(1_005) } == [1])
    #expect(try await found { $0.end = .zero + .milliseconds(999) } == [])
    #expect(
      try await found { $0.lookback = .milliseconds(3_000) } == [2], "both ends are included")
    #expect(try await found { $0.lookback = .milliseconds(2_999) } == [])
  }

  @Test func namesAreInSmallLetters() async throws {
    let query = SpanQuery(
      source: source, executor: try BlockingExecutor(name: "test", threadCount: 1))
    #expect(try await query.zipkinServices(tenant: .single) == ["back", "front"])
    #expect(
      try await query.zipkinSpanNames(of: "front", tenant: .single) == ["call", "root"])
    #expect(
      try await query.zipkinRemoteServices(
        of: "front", now: .zero + .milliseconds(2_000), tenant: .single) == ["back"])
  }

  @Test func dependenciesAreAskedByBothRules() async throws {
    let query = SpanQuery(
      source: source, executor: try BlockingExecutor(name: "test", threadCount: 1))
    let end = Timestamp.zero + .milliseconds(5_000)
    #expect(
      try await query.zipkinDependencies(end: end, lookback: .seconds(2), tenant: .single)
        == [
          DependencyLink(
            parent: "zipkin", child: TenantID.single.name, callCount: 3000, errorCount: 5000)
        ])
    #expect(
      try await query.jaegerDependencies(from: .zero, to: end, tenant: .single)
        == [
          DependencyLink(
            parent: "jaeger", child: TenantID.single.name, callCount: 0, errorCount: 5000)
        ])
  }
}

import Bytes
import LinuxIO
import SpanStore
import TelemetryModel
import Testing

@testable import SpanQuery

struct JaegerSearchTests {
  private func query(_ batches: [ResourceSpans]) throws -> SpanQuery {
    SpanQuery(
      source: SourceDouble(batches),
      executor: try BlockingExecutor(name: "test", threadCount: 1))
  }

  private func found(_ query: SpanQuery, _ change: (inout JaegerSearch) -> Void) async throws
    -> [UInt64]
  {
    var search = JaegerSearch()
    change(&search)
    return try await query.search(search, tenant: .single).traces.compactMap {
      $0.first?.scopes.first?.spans.first?.traceID.low
    }
  }

  @Test func newestFirstWithinRangeAndLimit() async throws {
    let query = try query([
      batch("a", [span(1, 1, at: 10), span(2, 1, at: 30), span(3, 1, at: 20)]),
      batch("b", [span(4, 1, at: 40)]),
    ])
    #expect(try await found(query) { $0.service = "a" } == [2, 3, 1])
    #expect(try await found(query) { $0.limit = 2 } == [4, 2])
    #expect(
      try await found(query) {
        $0.startMin = .zero + .milliseconds(20)
        $0.startMax = .zero + .milliseconds(30)
      } == [2, 3], "both ends are included")
  }

  @Test func allConditionsMustHoldForOneSpan() async throws {
    var slow = span(1, 1, "get", at: 0, for: 50)
    slow.attributes = [Attribute("order", .int(7))]
    let query = try query([
      batch("a", [slow, span(1, 2, "put", at: 1, for: 2)]),
      batch("a", [span(2, 3, "put", at: 5, for: 60)]),
    ])
    #expect(
      try await found(query) {
        $0.operation = "put"
        $0.minDuration = .milliseconds(50)
      } == [2])
    #expect(
      try await found(query) {
        $0.operation = "put"
        $0.tags = ["order": "7"]
      } == [])
    #expect(try await found(query) { $0.maxDuration = .milliseconds(2) } == [1])
  }

  @Test func tagsAreFoundWhereverTheyAre() async throws {
    var rich = span(1, 1)
    rich.attributes = [Attribute("flag", .bool(true)), Attribute("ratio", .double(0.5))]
    var event = SpanEvent()
    event.attributes = [Attribute("exception.type", .string("Bad"))]
    rich.events = [event]
    var link = SpanLink()
    link.attributes = [Attribute("batch", .array([.int(1)]))]
    rich.links = [link]
    rich.kind = .server
    rich.status.code = SpanStatus.error
    let query = try query([
      batch("a", [rich], resource: [Attribute("host", .string("h1"))]), batch("a", [span(2, 2)]),
    ])
    for tags in [
      ["flag": "true"], ["ratio": "0.5"], ["exception.type": "Bad"], ["batch": "[1]"],
      ["host": "h1"], ["resource.host": "h1"], ["error": "true"], ["span.kind": "server"],
      ["span.status": "ERROR"], ["flag": "true", "host": "h1"],
    ] as [[ByteText: String]] {
      #expect(try await found(query) { $0.tags = tags } == [1], "\(tags)")
    }
    for tags in [
      ["flag": "false"], ["resource.flag": "true"], ["error": "false"], ["error": "maybe"],
      ["flag": "true", "host": "h2"], ["span.kind": "client"],
    ] as [[ByteText: String]] {
      #expect(try await found(query) { $0.tags = tags } == [], "\(tags)")
    }
    #expect(
      try await found(query) { $0.tags = ["scope.name": "library", "scope.key": "s"] } == [1, 2])
  }

  @Test func spansWithoutNamesAreFoundUnderJaegersNames() async throws {
    let empty = batch(
      nil, [span(2, 1, "", at: 2)], resource: [Attribute("service.name", .string(""))])
    let query = try query([batch(nil, [span(1, 1, "", at: 1)]), empty])
    #expect(try await query.services(tenant: .single) == ["missing-service-name"])
    #expect(
      try await query.operations(tenant: .single, service: "missing-service-name").map(\.name)
        == ["empty-span-name"])
    #expect(try await found(query) { $0.service = "missing-service-name" } == [1])
    #expect(try await found(query) { $0.service = "empty-service-name" } == [2])
    #expect(try await found(query) { $0.operation = "empty-span-name" } == [2, 1])
  }
}

import LinuxIO
import SpanStore
import TelemetryModel
import Testing
import TraceFormats
import TraceQL

@testable import SpanQuery

/// Answers were worked out by hand from the definitions of TraceQL's documentation.
struct TraceQLSearchTests {
  /// root 1 ── 2 ── 4
  ///        │    └─ 5
  ///        └─ 3 (error) ── 6
  static let trace: [ResourceSpans] = {
    func with(_ span: Span, _ change: (inout Span) -> Void) -> Span {
      var span = span
      change(&span)
      return span
    }
    let web = [
      with(span(1, 1, "GET /", kind: .server, at: 1000, for: 900)) {
        $0.attributes = [
          Attribute("http.status", .int(200)), Attribute("path", .string("/a")),
          Attribute("weights", .array([.int(1), .int(5)])),
        ]
      },
      with(span(1, 2, parent: 1, "call", kind: .client, at: 1010, for: 300)) {
        $0.attributes = [Attribute("ratio", .double(0.5)), Attribute("retry", .bool(true))]
        $0.links = [SpanLink()]
        $0.links[0].attributes = [Attribute("note", .string("x"))]
      },
      with(span(1, 3, parent: 1, "call", kind: .client, at: 1400, for: 400)) {
        $0.status.code = SpanStatus.error
        $0.status.message = "no"
        $0.attributes = [Attribute("http.status", .string("500"))]
      },
    ]
    let stock = [
      with(span(1, 4, parent: 2, "serve", kind: .server, at: 1020, for: 100)) {
        $0.events = [SpanEvent(), SpanEvent()]
        $0.events[0].name = "first"
        $0.events[0].time = .zero + .milliseconds(1030)
        $0.events[1].name = "second"
        $0.events[1].time = .zero + .milliseconds(1100)
        $0.events[1].attributes = [Attribute("n", .int(7))]
      },
      span(1, 5, parent: 2, "serve", kind: .internal, at: 1150, for: 50),
      span(1, 6, parent: 3, "serve", kind: .internal, at: 1450, for: 10),
    ]
    return [
      batch("web", web, resource: [Attribute("zone", .string("a"))]),
      batch("stock", stock, resource: [Attribute("zone", .string("b"))]),
    ]
  }()

  @Test(arguments: [
    ("{}", [1, 2, 3, 4, 5, 6]), ("{ name = \"call\" }", [2, 3]), ("{ status = error }", [3]),
    ("{ kind = server && duration > 500ms }", [1]), ("{ .http.status = 200 }", [1]),
    ("{ .http.status = \"500\" }", [3]), ("{ .http.status != 200 }", []),
    ("{ .http.status != nil }", [1, 3]), ("{ .retry = nil && kind = client }", [3]),
    ("{ .path =~ \"/.\" }", [1]), ("{ .path =~ \"a\" }", []), ("{ .path !~ \"b\" }", [1]),
    ("{ resource.zone = \"b\" }", [4, 5, 6]), ("{ span.zone = \"b\" }", []),
    ("{ .zone = \"a\" && !(name = \"GET /\") }", [2, 3]), ("{ .ratio * 2 = 1 }", [2]),
    ("{ .weights = 5 }", [1]), ("{ .weights != 5 }", []), ("{ .weights > 4 }", [1]),
    ("{ .retry }", [2]), ("{ event:name = \"second\" }", [4]), ("{ event.n > 6 }", [4]),
    ("{ event:timeSinceStart > 50ms }", [4]), ("{ link.note = \"x\" }", [2]),
    ("{ statusMessage = \"no\" }", [3]), ("{ span:childCount = 2 }", [1, 2]),
    ("{ childCount = 2 }", [1, 2]),
    ("{ rootName = \"GET /\" && span:parentID = \"\" }", [1]),
    ("{ trace:rootService = \"web\" && traceDuration > 1s }", []),
    ("{ parent.retry = true }", [4, 5]),
    ("{ instrumentation:name = \"library\" }", [1, 2, 3, 4, 5, 6]),
    ("{ span:id = \"0000000000000004\" }", [4]),
    ("{ .a = 1 || .zone = \"b\" && kind = server }", [4]),
    ("{ name = \"GET /\" } > { }", [2, 3]),
    ("{ name = \"GET /\" } >> { kind = internal }", [5, 6]),
    ("{ kind = internal } << { kind = client }", [2, 3]), ("{ kind = server } < { }", [2]),
    ("{ kind = server } ~ { }", [5]), ("{ status = error } !> { name = \"serve\" }", [4, 5]),
    ("{ status = error } !>> { }", [1, 2, 3, 4, 5]), ("{ name = \"serve\" } !< { }", [1, 4, 5, 6]),
    ("{ kind = server } !~ { name = \"serve\" }", [4, 6]),
    ("{ status = error } &> { }", [3, 6]),
    ("{ name = \"GET /\" } &>> { kind = internal }", [1, 5, 6]),
    ("{ kind = internal } &<< { kind = client }", [2, 3, 5, 6]),
    ("{ kind = server } &~ { }", [4, 5]),
    ("{ status = error } && { event:name = \"first\" }", [3, 4]),
    ("{ status = error } && { name = \"nothing\" }", []), ("{ .retry } || { .no }", [2]),
    ("{ kind = client } | count() = 2", [2, 3]), ("{ kind = client } | count() > 2", []),
    ("{ name = \"serve\" } | avg(duration) < 54ms", [4, 5, 6]),
    ("{ } | max(duration) = 900ms", [1, 2, 3, 4, 5, 6]),
    ("{ .ratio > 0 } | sum(.ratio) = 0.5", [2]),
    ("{ } | by(resource.zone) | count() = 3 | { kind = server }", [1, 4]),
    ("{ } | by(name) | count() > 2", [4, 5, 6]),
    ("{ } | by(name) | coalesce() | { status = error }", [3]),
    ("{ } | min(duration) < max(duration)", [1, 2, 3, 4, 5, 6]),
    ("({ name = \"call\" } | count() = 2) >> { kind = internal }", [5, 6]),
    ("{ nestedSetParent = -1 }", [1]),
  ])
  func findsSpans(_ text: String, expected: [UInt64]) throws {
    let query = try TraceQuery(text)
    guard case .spansets(let pipeline) = query.body else { return }
    let view = TraceView(Self.trace)
    let evaluator = SpansetEvaluator(fields: try FieldEvaluator(query))
    let sets = try evaluator.run(pipeline, view)
    let found = sets.flatMap(\.spans).map { view.nodes[$0].span.spanID.value }.sorted()
    #expect(found == expected)
    // What single spans are asked for must never lose a trace.
    let candidates = TraceQLCandidates(pipeline)
    let search = candidates.search(
      tenant: .single, range: nil, limit: 10, try FieldEvaluator(query))
    let ids = try SourceDouble(Self.trace).search(search)
    if !expected.isEmpty { #expect(!ids.isEmpty) }
    if candidates.isExact { #expect(ids.isEmpty == expected.isEmpty) }
  }

  private func find(_ text: String, limit: Int = 20) async throws -> [TraceSummary] {
    var search = TraceQLSearch(query: try TraceQuery(text))
    search.limit = limit
    let more = (2...40).map { number -> ResourceSpans in
      batch(
        "web",
        [span(UInt64(number), 9, "poll", at: Int64(number) * 10_000, for: Int64(number))])
    }
    let query = SpanQuery(
      source: SourceDouble(Self.trace + more),
      executor: try BlockingExecutor(name: "test", threadCount: 1))
    return try await query.search(search, tenant: .single).get()
  }

  @Test func answersNewestFirstUpToTheLimit() async throws {
    let found = try await find("{ name = \"poll\" }", limit: 3)
    #expect(found.map(\.id.low) == [40, 39, 38])
    let grouped = try await find("{ name = \"poll\" } | count() = 1", limit: 30)
    #expect(grouped.map(\.id.low) == Array((11...40).reversed()))
    #expect(try await find("{ .nothing = 1 }").isEmpty)
  }

  @Test func tellsOfATrace() async throws {
    let found = try await find("{ kind = client } | select(.ratio) | by(status) | count() > 0")
    let trace = try #require(found.first)
    #expect(trace.rootService == "web")
    #expect(trace.rootName == "GET /")
    #expect(trace.duration == .milliseconds(900))
    #expect(trace.services.map(\.name) == ["stock", "web"])
    #expect(trace.services.map(\.statistics.spanCount) == [3, 3])
    #expect(trace.services.map(\.statistics.errorCount) == [0, 1])
    #expect(trace.spansets.map(\.matched) == [1, 1])
    #expect(trace.spansets[0].attributes.map(\.name) == ["by(status)", "count()"])
    #expect(trace.spansets[0].attributes.map(\.value) == [.status(0), .int(1)])
    let attributes = trace.spansets[0].spans[0].attributes
    #expect(attributes.map(\.name) == ["kind", "status", "ratio"])
    #expect(attributes.map(\.value) == [.kind(.client), .status(0), .float(0.5)])
  }

  @Test func refusesStructureBetweenGroups() async throws {
    let query = try TraceQuery("({} | by(name)) >> ({} | by(kind))")
    let evaluator = SpansetEvaluator(fields: try FieldEvaluator(query))
    guard case .spansets(let pipeline) = query.body else { return }
    #expect(throws: TraceQLError.self) {
      _ = try evaluator.run(pipeline, TraceView(Self.trace))
    }
  }
}

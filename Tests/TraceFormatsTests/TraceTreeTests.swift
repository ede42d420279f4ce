import TelemetryModel
import TestSupport
import Testing
import TraceFormats

struct TraceTreeTests {
  private func span(
    _ id: UInt64, _ parent: UInt64, _ name: String, _ start: Int64, _ end: Int64
  ) -> Span {
    var span = Span()
    span.traceID = TraceID(high: 0, low: 0xabc)
    span.spanID = SpanID(id)
    span.parentSpanID = SpanID(parent)
    span.name = name
    span.start = Timestamp(nanoseconds: start)
    span.end = Timestamp(nanoseconds: end)
    return span
  }

  @Test func drawsAWaterfall() {
    var failed = span(3, 2, "SELECT\u{1b}[31m", 500_000, 1_000_000)
    failed.status.code = SpanStatus.error
    failed.status.message = "dead\nlock"
    let lines = TraceTree.render(
      [
        batch(
          "shop", [span(1, 0, "GET /", 0, 2_000_000), span(4, 1, "render", 1_500_000, 1_999_000)]),
        batch("database", [failed, span(2, 1, "query", 250_000, 1_250_000)]),
      ], width: 72)
    #expect(
      lines.map(\.text) == [
        "trace 00000000000000000000000000000abc  2.00ms  4 spans  2 services  1 error",
        "shop: GET /                          ███░░░░░░░░░░░░███░░░░░█     2.00ms",
        "├ database: query                       ███░░░░░░███              1.00ms",
        "│ └ ! database: SELECT\\u{1b}[31m           ██████                  500µs",
        "        dead\\nlock",
        "└ shop: render                                         ██████      499µs",
      ])
    #expect(lines.map(\.isError) == [false, false, false, true, true, false])
  }

  /// The example of Jaeger's documentation: the last child, then the one before it.
  @Test func theCriticalPathGoesBackwardsThroughTheLastToFinish() {
    let tree = SpanTree([
      batch("s", [span(1, 0, "a", 0, 100), span(2, 1, "b", 10, 40), span(3, 1, "c", 60, 90)]),
      // Ends with its parent's child b, but began when c had not: not waited for.
      batch(
        "s", [span(4, 1, "d", 20, 35), span(5, 3, "late", 80, 500), span(6, 1, "off", 200, 300)]),
    ])
    let sections = CriticalPath(tree).sections.map {
      "\(tree.nodes[$0.node].span.name) \($0.start)-\($0.end)"
    }
    #expect(
      sections == ["a 0-10", "b 10-40", "a 40-60", "c 60-80", "late 80-90", "a 90-100"])
  }

  @Test func theCriticalPathOfAnyTreeCoversItsRootOnce() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      let count = Int.random(in: 1...15, using: &random)
      let spans = (0..<count).map { index in
        let start = Int64.random(in: 0...90, using: &random)
        return span(
          UInt64(index + 1), index == 0 ? 0 : UInt64.random(in: 1...UInt64(index), using: &random),
          "n", index == 0 ? 0 : start, index == 0 ? 100 : start + Int64.random(in: 0...60))
      }
      let tree = SpanTree([batch("s", spans)])
      let sections = CriticalPath(tree).sections
      #expect(sections.reduce(0) { $0 + $1.end - $1.start } == 100)
      #expect(zip(sections, sections.dropFirst()).allSatisfy { $0.end == $1.start })
    }
  }

  @Test func movesSpansOfOtherHostsIntoTheirParents() {
    func on(_ host: String, _ spans: [Span]) -> ResourceSpans {
      var made = batch("s", spans)
      made.resource.attributes.append(Attribute("host.name", .string(host)))
      return made
    }
    let adjusted = ClockSkew.adjust([
      on("x", [span(1, 0, "root", 100, 200), span(2, 1, "same", 90, 95)]),
      on("y", [span(3, 1, "early", 10, 30), span(4, 3, "below", 12, 20)]),
      on("z", [span(5, 1, "long", 50, 250), span(6, 1, "fits", 120, 130)]),
    ])
    var starts: [String: Int64] = [:]
    var warned: [String] = []
    adjusted.forEachSpan { span, _, _ in
      starts[span.name] = span.start.nanoseconds
      if span.attributes.value(of: JaegerNaming.warningsKey) != nil { warned.append(span.name) }
    }
    #expect(
      starts == [
        "root": 100, "same": 90, "early": 140, "below": 142, "long": 100, "fits": 120,
      ])
    #expect(warned.sorted() == ["below", "early", "long"])
  }

  @Test func everySpanIsThereOnceWhateverTheParents() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let count = Int.random(in: 1...12, using: &random)
      let spans = (0..<count).map { index in
        // Missing parents, circles and repeated ids included.
        var span = span(
          UInt64.random(in: 1...8, using: &random), UInt64.random(in: 0...10, using: &random),
          "n\(index)", Int64.random(in: 0...5, using: &random), 6)
        span.kind = SpanKind(rawValue: Int32.random(in: 0...5, using: &random))
        return span
      }
      let nodes = SpanTree([batch("s", spans)]).nodes
      #expect(nodes.map(\.span.name).sorted() == spans.map(\.name).sorted())
      #expect(nodes.first?.depth == 0)
      #expect(
        zip(nodes, nodes.dropFirst()).allSatisfy { $1.depth <= $0.depth + 1 }, "\(spans)")
    }
  }

  @Test func aServerThatSharesItsClientsIDIsItsChild() {
    var client = span(2, 1, "call", 10, 50)
    client.kind = .client
    var server = span(2, 1, "serve", 20, 40)
    server.kind = .server
    let nodes = SpanTree([
      batch("a", [span(1, 0, "root", 0, 60), client]),
      batch("b", [server, span(3, 2, "work", 25, 30)]),
    ]).nodes
    #expect(nodes.map(\.span.name) == ["root", "call", "serve", "work"])
    #expect(nodes.map(\.depth) == [0, 1, 2, 3])
  }

  @Test func narrowTerminalsAndDeepTreesStayInBounds() {
    let spans = (1...300).map { span($0, $0 - 1, "span with a long name 東京 \($0)", Int64($0), 400) }
    for line in TraceTree.render([batch("s", spans)], width: 20) {
      #expect(line.text.count <= 90)
    }
  }

  @Test(arguments: [
    (0, "0ns"), (999, "999ns"), (1_500, "1.50µs"), (12_345, "12.3µs"), (999_999, "999µs"),
    (1_000_000, "1.00ms"), (61_234_000_000, "61.2s"),
  ])
  func durations(nanoseconds: UInt64, text: String) {
    #expect(TraceTree.duration(nanoseconds) == text)
  }
}

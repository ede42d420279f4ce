import TelemetryModel
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

  private func batch(_ service: String, _ spans: [Span]) -> ResourceSpans {
    var group = ScopeSpans()
    group.spans = spans
    var batch = ResourceSpans()
    batch.resource.attributes = [Attribute("service.name", .string(service))]
    batch.scopes = [group]
    return batch
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
        "shop: GET /                          ████████████████████████     2.00ms",
        "├ database: query                       ████████████              1.00ms",
        "│ └ ! database: SELECT\\u{1b}[31m           ██████                  500µs",
        "        dead\\nlock",
        "└ shop: render                                         ██████      499µs",
      ])
    #expect(lines.map(\.isError) == [false, false, false, true, true, false])
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

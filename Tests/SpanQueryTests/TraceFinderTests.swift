import LinuxIO
import SpanStore
import TelemetryModel
import Testing
import TraceFormats
import TraceQL

@testable import SpanQuery

struct TraceFinderTests {
  /// Traces with spans of one time and of several, matching or not.
  private static func randomBatches(_ random: inout SystemRandomNumberGenerator)
    -> [ResourceSpans]
  {
    (0..<30).map { index in
      let spans = (0..<Int.random(in: 1...4, using: &random)).map { number in
        span(
          UInt64(index + 1), UInt64(number + 1),
          ["get", "put"][Int.random(in: 0...1, using: &random)],
          at: Int64.random(in: 0...20, using: &random),
          for: Int64.random(in: 1...5, using: &random))
      }
      return batch(["a", "b"][Int.random(in: 0...1, using: &random)], spans)
    }
  }

  private func pages(
    _ batches: [ResourceSpans], size: Int, _ change: (inout JaegerSearch) -> Void
  ) async throws -> [UInt64] {
    let query = SpanQuery(
      source: SourceDouble(batches), executor: try BlockingExecutor(name: "test", threadCount: 1))
    var search = JaegerSearch()
    search.limit = size
    change(&search)
    var found: [UInt64] = []
    for _ in 0..<100 {
      let page = try await query.search(search, tenant: .single)
      #expect(page.traces.count <= size)
      found += page.traces.compactMap { $0.first?.scopes.first?.spans.first?.traceID.low }
      guard let next = page.next else { return found }
      search.cursor = TraceCursor(next.text)
    }
    Issue.record("pages without end")
    return found
  }

  /// Pages of any size are the same list, each trace once, in the order of the definition.
  @Test(arguments: [1, 3, 7, 50]) func pagesMakeUpTheWhole(size: Int) async throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<8 {
      let batches = Self.randomBatches(&random)
      var newest: [UInt64: Int64] = [:]
      var lengths: [UInt64: Int64] = [:]
      for trace in batches.groupedByTrace() {
        let spans = trace.batches.flatMap { batch in
          batch.scopes.flatMap(\.spans).filter {
            batch.resource.serviceName == "a" && $0.name == "get"
          }
        }
        guard let start = spans.map(\.start.nanoseconds).max() else { continue }
        newest[trace.id.low] = start
        lengths[trace.id.low] = trace.batches.extent.length.nanoseconds
      }
      func ordered(_ keys: [UInt64: Int64]) -> [UInt64] {
        keys.sorted { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }.map(\.key)
      }
      let byStart = try await pages(batches, size: size) {
        $0.service = "a"
        $0.operation = "get"
      }
      #expect(byStart == ordered(newest))
      let byLength = try await pages(batches, size: size) {
        $0.service = "a"
        $0.operation = "get"
        $0.order = .duration
      }
      #expect(byLength == ordered(lengths))
    }
  }

  @Test func filtersMeetTheOtherConditionsOnOneSpan() async throws {
    var slow = span(1, 1, "get", at: 10, for: 9)
    slow.attributes = [Attribute("size", .int(10)), Attribute("path", .string("/a/b"))]
    var small = span(2, 1, "get", at: 20, for: 1)
    small.attributes = [Attribute("size", .int(2))]
    let batches = [batch("a", [slow, small]), batch("b", [span(3, 1, "put", at: 30)])]
    func found(_ filter: String, service: String? = nil) async throws -> [UInt64] {
      try await pages(batches, size: 10) {
        $0.service = service
        $0.filter = try? TraceQuery(filter)
      }
    }
    #expect(try await found("{ .size > 5 }") == [1])
    #expect(try await found("{ .size > 5 || name = \"put\" }") == [3, 1])
    #expect(try await found("{ .size > 5 || name = \"put\" }", service: "a") == [1])
    #expect(try await found("{ .path =~ \"/a/.*\" }") == [1])
    #expect(try await found("{ !(.size > 5) && .size != nil }") == [2])
    #expect(try await found("{ .size = nil }") == [3])
    #expect(try await found("{ } | count() > 1") == [])
  }

  @Test func cursorsAreReadBack() {
    let cursor = TraceCursor(key: -5, id: TraceID(high: 1, low: .max))
    #expect(TraceCursor(cursor.text) == cursor)
    for text in ["", "1", "x.1", "1.", "1.zz", "1." + String(repeating: "g", count: 32)] {
      #expect(TraceCursor(text) == nil)
    }
  }
}

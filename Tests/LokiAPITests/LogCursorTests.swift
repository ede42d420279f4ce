import LinuxIO
import LogQL
import LogQuery
import LogStore
import Testing
import TelemetryModel

@testable import LokiAPI

@Suite struct LogCursorTests {
  /// Lines of few times, so that many are of one, in two streams.
  private func store(_ count: Int) -> LogStore {
    var streams = [StreamRows(labels: ["s": "0"]), StreamRows(labels: ["s": "1"])]
    for row in 0..<count {
      streams[row % 2].append(
        LogEntry(
          timestamp: Timestamp(seconds: Int64(1000 + row / 7)),
          line: Array("line \(row)".utf8)))
    }
    return LogStore.holding([(.single, streams)])
  }

  private func question(_ direction: Direction) throws -> QueryRequest {
    QueryRequest(
      expression: try LogQL.parse(#"{s=~".+"}"#), start: Timestamp(seconds: 0),
      end: Timestamp(seconds: 5000), step: .seconds(1), direction: direction)
  }

  @Test(arguments: [Direction.forward, .backward], [1, 2, 3, 10, 1000])
  func pagesHoldEachLineOnce(_ direction: Direction, _ size: Int) throws {
    let engine = QueryEngine(source: store(100))
    var found: [String] = []
    var cursor: LogCursor?
    for _ in 0..<200 {
      var pages = LogPages(engine, try question(direction), from: cursor)
      let page = try pages.next(size, limits: QueryLimits())
      #expect(page.count <= size)
      found += page.map { String(decoding: $0.line, as: UTF8.self) }
      if pages.isAtEnd { break }
      let text = try #require(pages.cursor?.text)
      cursor = LogCursor(text)
      #expect(cursor == pages.cursor)
    }
    #expect(found.count == 100)
    #expect(Set(found).count == 100)
  }

  @Test(arguments: ["", "x.1", "f", "f.x", "f.1.!", "b.99999999999999999999"])
  func otherTextIsNoCursor(_ text: String) {
    #expect(LogCursor(text) == nil)
  }
}

@Suite struct PatternTests {
  private func found(_ lines: [String]) -> [String] {
    var tree = PatternTree()
    for (at, line) in lines.enumerated() {
      Array(line.utf8).withUnsafeBytes { bytes in
        if let tokens = PatternTokens(bytes, LineFormat(of: bytes)) {
          tree.add(tokens, at: Timestamp(seconds: Int64(at)))
        }
      }
    }
    return tree.clusters.values.map(\.pattern).sorted()
  }

  @Test func whatDiffersIsAPlaceholder() {
    let lines = (0..<40).map { "GET /api/users/\($0) took \($0 * 7)ms status=200" }
    #expect(found(lines) == ["GET <_> took <_> status=200"])
    let pairs = (0..<40).map { "level=info ts=\($0) msg=\"done in \($0)\" user=u\($0 % 3)" }
    #expect(found(pairs) == ["level=info ts=<_> msg=<_> user=<_>"])
  }

  @Test func memoryIsBounded() {
    let lines = (0..<1000).map { row in
      "\(row % 11 == 0 ? "x" : "y") " + (0..<8).map { "w\(row)a\($0)" }.joined(separator: " ")
    }
    #expect(found(lines).count <= 300)
  }
}

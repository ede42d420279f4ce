import LogStore
import TelemetryModel
import Testing
import WireFormats

@testable import LokiAPI

/// What `query_range` has beyond Loki's parameters.
@Suite struct BeyondTests {
  private func service(_ rows: [StreamRows]) -> QueryService {
    let store = LogStore.holding([(.single, rows)])
    var settings = QuerySettings()
    settings.entriesMax = 1_000_000
    return QueryService(source: store, index: store, settings: settings)
  }

  private func rows() -> [StreamRows] {
    var rows = StreamRows(labels: ["s": "0"])
    // Lines 10 to 19 are of one time, and so on.
    for row in 0..<100 {
      rows.append(
        LogEntry(
          timestamp: Timestamp(seconds: Int64(1000 + row / 10)), line: Array("line \(row)".utf8)))
    }
    return [rows]
  }

  private func ask(_ parameters: [(String, String)], of rows: [StreamRows]? = nil) throws
    -> (status: Int, body: JSONValue)
  {
    let response = service(rows ?? self.rows()).respond(
      to: QueryAPIRequest(
        path: "/loki/api/v1/query_range",
        parameters: QueryParameters(
          [("start", "0"), ("end", "5000000000000"), ("direction", "forward")] + parameters)))
    return (response.status, try JSONValue.parse(response.body))
  }

  private func lines(_ values: JSONValue?) -> [String] {
    (values?.arrayValue ?? []).compactMap { $0[1]?.stringValue }
  }

  @Test(arguments: [(45, 3), (50, 12), (0, 2), (99, 30)])
  func neighboursOfOneTimeAreOnTheirSide(_ row: Int, _ count: Int) throws {
    let (_, body) = try ask([
      ("query", "{s=\"0\"} |~ \"line \(row)$\""), ("before", "\(count)"), ("after", "\(count)"),
    ])
    let context = try #require(body["data"]?["context"]?[0])
    #expect(context["match"]?[1]?.stringValue == "line \(row)")
    let before = (max(0, row - count)..<row).map { "line \($0)" }
    let after = (row + 1..<max(row + 1, min(100, row + 1 + count))).map { "line \($0)" }
    #expect(lines(context["before"]) == before)
    #expect(lines(context["after"]) == after)
  }

  /// Lines that the stages have made alike are told apart by where they stand.
  @Test(arguments: ["forward", "backward"]) func rewrittenLinesHaveTheirNeighbours(
    direction: String
  ) throws {
    let (_, body) = try ask([
      ("query", "{s=\"0\"} |~ \"line (3|45|47)$\" | line_format \"x\""), ("direction", direction),
      ("before", "1"), ("after", "1"),
    ])
    let contexts = try #require(body["data"]?["context"]?.arrayValue)
    #expect(contexts.map { $0["match"]?[1]?.stringValue } == ["x", "x", "x"])
    let around = contexts.map { lines($0["before"]) + lines($0["after"]) }
    #expect(
      around.sorted { $0[0] < $1[0] } == [
        ["line 2", "line 4"], ["line 44", "line 46"], ["line 46", "line 48"],
      ])
  }

  /// The neighbours are the stream's, also where the answer does not name it any more.
  @Test func labelsThatWereDroppedStillTellTheStream() throws {
    var streams = [StreamRows(labels: ["s": "0", "pod": "a"])]
    streams.append(StreamRows(labels: ["s": "0", "pod": "b"]))
    streams.append(StreamRows(labels: ["s": "0"]))
    for row in 0..<30 {
      streams[row % 3].append(
        LogEntry(
          timestamp: Timestamp(seconds: Int64(1000 + row / 9)),
          line: Array("pod \(row % 3) line \(row)".utf8)))
    }
    let (_, body) = try ask(
      [
        ("query", "{s=\"0\"} |= \"line 13\" | drop pod"), ("before", "3"), ("after", "3"),
      ], of: streams)
    let context = try #require(body["data"]?["context"]?[0])
    #expect(lines(context["before"]) == [4, 7, 10].map { "pod 1 line \($0)" })
    #expect(lines(context["after"]) == [16, 19, 22].map { "pod 1 line \($0)" })
  }

  /// More lines of one time than a cursor tells apart are refused when there are more pages only.
  @Test(arguments: [(0, 200), (1, 400)]) func theLastPageMayEndAmongManyLinesOfOneTime(
    rest: Int, status: Int
  ) throws {
    var rows = StreamRows(labels: ["s": "0"])
    for row in 0...LogCursor.givenMax + rest {
      rows.append(LogEntry(timestamp: Timestamp(seconds: 1000), line: Array("\(row)".utf8)))
    }
    let limit = LogCursor.givenMax + 2 - rest
    let response = service([rows]).respond(
      to: QueryAPIRequest(
        path: "/loki/api/v1/query_range",
        parameters: QueryParameters([
          ("query", "{s=\"0\"}"), ("start", "0"), ("end", "5000000000000"), ("cursor", ""),
          ("limit", "\(limit)"),
        ])))
    #expect(response.status == status)
    let text = String(decoding: response.body, as: UTF8.self)
    #expect(text.contains(status == 200 ? "\"cursor\":null" : "no cursor can stand between"))
  }

  @Test func pagesAndOneOfEachCannotBeAskedTogether() throws {
    let response = service(rows()).respond(
      to: QueryAPIRequest(
        path: "/loki/api/v1/query_range",
        parameters: QueryParameters([
          ("query", "{s=\"0\"}"), ("cursor", ""), ("dedup", "by (s)"),
        ])))
    #expect(response.status == 400)
    #expect(String(decoding: response.body, as: UTF8.self).contains("together"))
  }
}

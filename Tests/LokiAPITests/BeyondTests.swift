import LogStore
import TelemetryModel
import Testing
import WireFormats

@testable import LokiAPI

/// What `query_range` has beyond Loki's parameters.
@Suite struct BeyondTests {
  private func service() -> QueryService {
    var rows = StreamRows(labels: ["s": "0"])
    // Lines 10 to 19 are of one time, and so on.
    for row in 0..<100 {
      rows.append(
        LogEntry(
          timestamp: Timestamp(seconds: Int64(1000 + row / 10)), line: Array("line \(row)".utf8)))
    }
    let store = LogStore.holding([(.single, [rows])])
    return QueryService(source: store, index: store, settings: QuerySettings())
  }

  private func ask(_ parameters: [(String, String)]) throws -> (status: Int, body: JSONValue) {
    let response = service().respond(
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

  @Test func aRewrittenLineHasNeighbours() throws {
    let (_, body) = try ask([
      ("query", "{s=\"0\"} |= \"line 3\" | line_format \"x\""), ("limit", "1"), ("after", "1"),
    ])
    let context = try #require(body["data"]?["context"]?[0])
    #expect(lines(context["after"]).count == 1)
  }

  @Test func pagesAndOneOfEachCannotBeAskedTogether() throws {
    let response = service().respond(
      to: QueryAPIRequest(
        path: "/loki/api/v1/query_range",
        parameters: QueryParameters([
          ("query", "{s=\"0\"}"), ("cursor", ""), ("dedup", "by (s)"),
        ])))
    #expect(response.status == 400)
    #expect(String(decoding: response.body, as: UTF8.self).contains("together"))
  }
}

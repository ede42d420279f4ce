import Foundation
import HTTP
import TelemetryModel
import Testing
import TraceFormats
import WireFormats

struct JaegerAPITests {
  private static let firstID = "0000000000000abc0000000000000001"

  @Test func servicesAndOperations() async throws {
    let server = try TraceAPIServer(sampleTraces)
    #expect(
      try await server.text(.jaeger, "/api/services")
        == #"{"data":["Shop","Stock"],"total":2,"limit":0,"offset":0,"errors":null}"#)
    #expect(
      try await server.text(.jaeger, "/api/services/Shop/operations")
        == #"{"data":["GET /","call"],"total":2,"limit":0,"offset":0,"errors":null}"#)
    #expect(
      try await server.text(.jaeger, "/api/services/none/operations")
        == #"{"data":null,"total":0,"limit":0,"offset":0,"errors":null}"#)
    #expect(
      try await server.text(.jaeger, "/api/v3/operations?service=Shop&span_kind=client")
        == #"{"operations":[{"name":"call","spanKind":"client"}]}"#)
    await server.stop()
  }

  @Test(arguments: [
    firstID, firstID.uppercased(), "abc0000000000000001", "AAAAAAAACrwAAAAAAAAAAQ==",
  ])
  func tracesAreFoundByAnyWritingOfTheirID(id: String) async throws {
    let server = try TraceAPIServer(sampleTraces)
    let escaped = id.replacingOccurrences(of: "=", with: "%3D")
    let trace = try await server.json(.jaeger, "/api/traces/\(escaped)")["data"]?[0]
    #expect(trace?["traceID"]?.stringValue == Self.firstID)
    #expect(trace?["spans"]?.arrayValue?.count == 3)
    await server.stop()
  }

  /// Statuses and texts as recorded of Jaeger 2.20.
  @Test(arguments: [
    ("/api/traces/ffff", 404, "trace not found"),
    ("/api/traces/xyz", 400, "invalid length for TraceID"),
    (
      "/api/traces/111111111111111111111111111111111", 400,
      "TraceID cannot be longer than 32 hex characters: 111111111111111111111111111111111"
    ),
    ("/api/traces", 400, "parameter 'service' is required"),
    (
      "/api/traces?service=a&minDuration=10", 400,
      #"unable to parse param 'minDuration': time: missing unit in duration "10""#
    ),
    (
      "/api/traces?service=a&start=abc", 400,
      #"unable to parse param 'start': strconv.ParseInt: parsing "abc": invalid syntax"#
    ),
    (
      "/api/traces?service=a&limit=0", 500,
      "search depth must be greater than 0 and less than max traces"
    ),
    (
      "/api/traces?service=a&tag=x", 400,
      "malformed 'tag' parameter, expecting key:value, received: x"
    ),
    (
      "/api/traces?service=a&minDuration=2s&maxDuration=1s", 400,
      "'maxDuration' should be greater than 'minDuration'"
    ),
    (
      "/api/dependencies?endTs=x", 400,
      #"unable to parse param 'endTs': strconv.ParseInt: parsing "x": invalid syntax"#
    ),
    (
      "/api/metrics/calls?service=a", 501,
      "trace metrics are currently disabled - no metrics backend configured"
    ),
  ])
  func refusals(path: String, status: Int, message: String) async throws {
    let server = try TraceAPIServer(sampleTraces)
    let answer = try await server.get(.jaeger, path)
    #expect(answer.status == status)
    #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
    let body = try JSONValue.parse(answer.body)
    #expect(body["data"]?.isNull == true)
    #expect(body["errors"]?[0]?["code"]?.intValue == Int64(status))
    #expect(body["errors"]?[0]?["msg"]?.stringValue == message)
    await server.stop()
  }

  @Test func searches() async throws {
    let server = try TraceAPIServer(sampleTraces)
    func ids(_ query: String) async throws -> [String?] {
      let all = "/api/traces?start=0&end=9000000&"
      let data = try await server.json(.jaeger, all + query)["data"]?.arrayValue ?? []
      return data.map { $0["traceID"]?.stringValue }
    }
    #expect(try await ids("service=Shop") == ["0000000000000002", Self.firstID])
    #expect(try await ids("service=Shop&limit=1") == ["0000000000000002"])
    #expect(try await ids("service=Stock&tags=%7B%22error%22%3A%22true%22%7D") == [Self.firstID])
    #expect(try await ids("service=Shop&tag=error:true") == [])
    #expect(try await ids("service=Shop&operation=call&minDuration=5ms") == [Self.firstID])
    let missing = try await server.json(.jaeger, "/api/traces?traceID=2&traceID=77")
    #expect(missing["data"]?.arrayValue?.count == 1)
    #expect(missing["errors"]?[0]?["traceID"]?.stringValue == "0000000000000077")
    #expect(missing["errors"]?[0]?["code"] == nil)
    await server.stop()
  }

  @Test func pageThreeSpeaksOTLP() async throws {
    let server = try TraceAPIServer(sampleTraces)
    let answer = try await server.get(.jaeger, "/api/v3/traces/2?raw_traces=true")
    #expect(try OTLPTraceJSON.decode(answer.body) == [sampleTraces[2]])
    let range =
      "query.startTimeMin=1970-01-01T00:00:00Z&query.start_time_max=1970-01-01T00:01:00.5Z"
    let found = try await server.get(
      .jaeger, "/api/v3/traces?query.service_name=Shop&query.searchDepth=1&\(range)")
    #expect(try OTLPTraceJSON.decode(found.body).spanCount == 1)
    let none = try await server.get(.jaeger, "/api/v3/traces?query.serviceName=none&\(range)")
    #expect(none.status == 404)
    #expect(
      String(decoding: none.body, as: UTF8.self)
        == #"{"error":{"httpCode":404,"message":"No traces found"}}"# + "\n")
    #expect(try await server.get(.jaeger, "/api/v3/traces?query.service_name=a").status == 400)
    await server.stop()
  }

  @Test func prettyPrintHoldsTheSame() async throws {
    let server = try TraceAPIServer(sampleTraces)
    let plain = try await server.text(.jaeger, "/api/traces/2")
    let pretty = try await server.text(.jaeger, "/api/traces/2?prettyPrint=true")
    #expect(pretty.contains("\n        {\n            \"traceID\": "))
    #expect(try JSONValue.parse(pretty) == JSONValue.parse(plain))
    await server.stop()
  }

  @Test func pagesFiltersAndSorts() async throws {
    let server = try TraceAPIServer(sampleTraces)
    let range = "start=0&end=9000000"
    let first = try await server.json(.jaeger, "/api/traces?\(range)&limit=1&cursor=")
    #expect(first["data"]?.arrayValue?.count == 1)
    let cursor = try #require(first["nextCursor"]?.stringValue)
    let second = try await server.json(.jaeger, "/api/traces?\(range)&limit=1&cursor=\(cursor)")
    #expect(second["data"]?.arrayValue?.count == 1)
    #expect(second["data"]?[0]?["traceID"] != first["data"]?[0]?["traceID"])
    #expect(second["nextCursor"] == nil)
    let failed = try await server.json(
      .jaeger, "/api/traces?\(range)&filter=status%3Derror%20%26%26%20name%20!%3D%20nil")
    #expect(failed["data"]?.arrayValue?.count == 1)
    let longest = try await server.json(.jaeger, "/api/traces?\(range)&cursor=&sort=duration")
    #expect(longest["data"]?[0]?["traceID"]?.stringValue == "0000000000000abc0000000000000001")
    for bad in ["filter=%7B", "cursor=x", "cursor=&sort=size", "filter=%7B%7D%7Crate()"] {
      #expect(try await server.get(.jaeger, "/api/traces?\(range)&\(bad)").status == 400)
    }
    await server.stop()
  }

  @Test func criticalPathsAndSummaries() async throws {
    let server = try TraceAPIServer(sampleTraces)
    let path = try await server.json(
      .jaeger, "/api/traces/abc0000000000000001/critical-path")
    #expect((path["data"]?.arrayValue?.count ?? 0) > 0)
    #expect(try await server.get(.jaeger, "/api/traces/77/critical-path").status == 404)
    let range =
      "query.start_time_min=1970-01-01T00:00:00Z&query.start_time_max=1970-01-01T00:01:00Z"
    let answer = try await server.json(.jaeger, "/api/v3/trace-summaries?\(range)")
    let summaries = answer["summaries"]?.arrayValue ?? []
    let spans = summaries.compactMap { $0["spanCount"]?.intValue }.reduce(0, +)
    #expect(spans == Int64(sampleTraces.spanCount))
    await server.stop()
  }
}

import Foundation
import HTTP
import Testing
import TraceFormats
import WireFormats

struct ZipkinAPITests {
  @Test func listsAreSortedAndSmall() async throws {
    let server = try TraceAPIServer(sampleTraces)
    for prefix in ["", "/zipkin"] {
      #expect(try await server.text(.zipkin, prefix + "/api/v2/services") == #"["shop","stock"]"#)
      #expect(
        try await server.text(.zipkin, prefix + "/api/v2/spans?serviceName=SHOP")
          == #"["call","get /"]"#)
    }
    await server.stop()
  }

  /// Statuses as recorded of Zipkin; texts where they are Zipkin's own.
  @Test(arguments: [
    ("/api/v2/spans", 400, ""),
    ("/api/v2/trace/0000000000000001", 404, "0000000000000001 not found"),
    ("/api/v2/trace/zz", 400, ""), ("/api/v2/traces?limit=0", 400, "limit <= 0"),
    ("/api/v2/traces?limit=x", 400, #"For input string: "x""#),
    ("/api/v2/traces?minDuration=5&maxDuration=1", 400, "maxDuration < minDuration"),
    ("/api/v2/traceMany?traceIds=", 400, "traceIds parameter is empty"),
    (
      "/api/v2/traceMany?traceIds=1", 400,
      "Use /api/v2/trace/{traceId} endpoint to retrieve a single trace"
    ),
    ("/api/v2/traceMany?traceIds=2,2", 400, "redundant traceId: 0000000000000002"),
    ("/api/v2/dependencies?endTs=0", 400, "endTs <= 0"), ("/api/v2/dependencies", 400, ""),
  ])
  func refusals(path: String, status: Int, text: String) async throws {
    let server = try TraceAPIServer(sampleTraces)
    let answer = try await server.get(.zipkin, path)
    #expect(answer.status == status)
    if !text.isEmpty { #expect(String(decoding: answer.body, as: UTF8.self) == text) }
    await server.stop()
  }

  @Test func tracesAndSearches() async throws {
    let server = try TraceAPIServer(sampleTraces)
    let trace = try await server.json(.zipkin, "/api/v2/trace/0000000000000abc0000000000000001")
    #expect(trace.arrayValue?.compactMap { $0["id"]?.stringValue }.count == 3)
    func count(_ query: String) async throws -> Int? {
      try await server.json(.zipkin, "/api/v2/traces?endTs=9000&\(query)").arrayValue?.count
    }
    #expect(try await count("") == 2)
    #expect(try await count("serviceName=stock") == 1)
    #expect(try await count("spanName=all&annotationQuery=error") == 1)
    #expect(try await count("serviceName=shop&spanName=call&minDuration=5000") == 1)
    #expect(try await count("lookback=1") == 0)
    #expect(
      try await server.json(.zipkin, "/api/v2/traceMany?traceIds=2,3").arrayValue?.count == 1)
    #expect(
      try await server.text(.zipkin, "/api/v2/dependencies?endTs=9000")
        == #"[{"parent":"shop","child":"stock","callCount":1,"errorCount":1}]"#)
    await server.stop()
  }
}

struct TempoAPITests {
  @Test func traceByID() async throws {
    let server = try TraceAPIServer(sampleTraces)
    #expect(try await server.text(.tempo, "/api/echo") == "echo")
    let one = try await server.get(.tempo, "/api/traces/2", accept: "application/protobuf")
    #expect(try OTLPTraceProtobuf.decode(one.body) == [sampleTraces[2]])
    let two = try await server.get(.tempo, "/api/v2/traces/2", accept: "application/protobuf")
    // Field 1 of the answer is the trace.
    #expect(Array(two.body.dropFirst(2).prefix(one.body.count)) == one.body)
    let json = try await server.json(.tempo, "/api/traces/2")
    let span = json["batches"]?[0]?["scopeSpans"]?[0]?["spans"]?[0]
    #expect(span?["traceId"]?.stringValue == "AAAAAAAAAAAAAAAAAAAAAg==")
    #expect(span?["kind"]?.stringValue == "SPAN_KIND_SERVER")
    await server.stop()
  }

  @Test(arguments: [
    ("/api/traces/77", 404, ""), ("/api/v2/traces/77", 200, #"{"trace":{},"metrics":{}}"#),
    (
      "/api/traces/zz", 400,
      "trace IDs can only contain hex characters: invalid character 'z' at position 1"
    ),
    (
      "/api/traces/111111111111111111111111111111111", 400,
      "trace IDs can't be larger than 128 bits"
    ),
    (
      "/api/search?limit=x", 400,
      #"invalid limit: strconv.ParseUint: parsing "x": invalid syntax"#
    ),
    (
      "/api/search?start=5&end=5", 400,
      "http parameter start must be before end. received start=5 end=5"
    ),
  ])
  func missesAndRefusals(path: String, status: Int, text: String) async throws {
    let server = try TraceAPIServer(sampleTraces)
    let answer = try await server.get(.tempo, path)
    #expect(answer.status == status)
    #expect(String(decoding: answer.body, as: UTF8.self) == text)
    await server.stop()
  }

  @Test func searchByTags() async throws {
    let server = try TraceAPIServer(sampleTraces)
    let found = try await server.json(
      .tempo, "/api/search?tags=service.name%3DStock%20status%3Derror&start=0&end=9")
    #expect(found["traces"]?.arrayValue?.count == 1)
    let trace = found["traces"]?[0]
    #expect(trace?["traceID"]?.stringValue == "abc0000000000000001")
    #expect(trace?["rootServiceName"]?.stringValue == "Shop")
    #expect(trace?["durationMs"]?.intValue == 7)
    await server.stop()
  }

  @Test func searchByTraceQL() async throws {
    let server = try TraceAPIServer(sampleTraces)
    let found = try await server.json(
      .tempo, "/api/search?q=%7Bresource.service.name%3D%22Stock%22%26%26status%3Derror%7D&spss=1")
    let trace = found["traces"]?[0]
    #expect(found["traces"]?.arrayValue?.count == 1)
    #expect(trace?["spanSet"]?["matched"]?.intValue == 1)
    #expect(trace?["spanSets"]?.arrayValue?.count == 1)
    #expect(trace?["serviceStats"]?["Stock"]?["errorCount"]?.intValue == 1)
    let bad = try await server.get(.tempo, "/api/search?q=%7B%20bad")
    #expect(bad.status == 400)
    #expect(
      String(decoding: bad.body, as: UTF8.self)
        == "invalid TraceQL query: parse error at line 1, col 3: unknown identifier: bad")
    await server.stop()
  }

  @Test func tagsAndTheirValues() async throws {
    let server = try TraceAPIServer(sampleTraces)
    let scopes = try await server.json(.tempo, "/api/v2/search/tags")["scopes"]?.arrayValue ?? []
    #expect(scopes.contains { $0["name"]?.stringValue == "intrinsic" })
    let resource = scopes.first { $0["name"]?.stringValue == "resource" }
    #expect(resource?["tags"]?.arrayValue?.contains { $0.stringValue == "service.name" } == true)
    let services = try await server.json(.tempo, "/api/search/tag/service.name/values")
    #expect(services["tagValues"]?[0]?.stringValue == "Shop")
    let names = try await server.json(
      .tempo, "/api/v2/search/tag/name/values?q=%7Bresource.service.name%3D%22Stock%22%7D")
    #expect(names["tagValues"]?[0]?["type"]?.stringValue == "string")
    #expect(try await server.get(.tempo, "/api/search/tags?scope=nope").status == 400)
    #expect(try await server.get(.tempo, "/api/v2/search/tag/no%20tag/values").status == 400)
    await server.stop()
  }

  @Test func metricsOverTime() async throws {
    let server = try TraceAPIServer(sampleTraces)
    let found = try await server.json(
      .tempo,
      "/api/metrics/query_range?q=%7B%7D%7Ccount_over_time()&start=0.5&end=10&step=10s")
    let samples = found["series"]?[0]?["samples"]?.arrayValue ?? []
    #expect(samples.map { $0["timestampMs"]?.stringValue } == ["10000"])
    #expect(samples[0]["value"]?.intValue == Int64(sampleTraces.spanCount))
    let instant = try await server.json(
      .tempo, "/api/metrics/query?q=%7B%7D%7Crate()&start=0.5&end=10")
    #expect(instant["series"]?[0]?["value"] != nil)
    for query in ["q=%7B%7D", "q=%7B%7D%7Crate()&start=5&end=1", "q=%7B%7D%7Crate()&step=x"] {
      #expect(try await server.get(.tempo, "/api/metrics/query_range?" + query).status == 400)
    }
    await server.stop()
  }
}

import LogQL
import TelemetryModel
import Testing

@testable import LogQuery

/// Limits refuse with Loki's words (pkg/querier/queryrange/limits.go, pkg/logqlmodel/error.go).
@Suite struct QueryLimitsTests {
  private func source() -> MemoryRows {
    let entries = (0..<60).map {
      LogEntry(timestamp: Timestamp(seconds: Int64($0)), line: Array(repeating: 0x61, count: 1024))
    }
    return MemoryRows((0..<3).map { (["app": "a", "n": "\($0)"], entries) })
  }

  private func refusal(_ query: String, _ change: (inout QueryLimits) -> Void) throws -> String {
    var limits = QueryLimits()
    change(&limits)
    let request = QueryRequest(
      expression: try LogQL.parse(query), start: .zero, end: Timestamp(seconds: 3600),
      step: .seconds(60))
    do {
      _ = try QueryEngine(source: source()).answer(request, limits: limits)
      return "answered"
    } catch {
      #expect(error.status == 400)
      return error.message
    }
  }

  @Test func seriesAreCounted() throws {
    let query = #"count_over_time({app="a"}[1m])"#
    #expect(try refusal(query) { $0.seriesMax = 3 } == "answered")
    #expect(try refusal(query) { $0.seriesMax = 0 } == "answered")
    #expect(
      try refusal(query) { $0.seriesMax = 2 }
        == "maximum number of series (2) reached for a single query; consider reducing query "
        + "cardinality by adding more specific stream selectors, reducing the time range, or "
        + "aggregating results with functions like sum(), count() or topk()")
  }

  @Test func rangesAndTimesAreBounded() throws {
    let query = #"sum(rate({app="a"}[1h]))"#
    #expect(
      try refusal(query) { $0.rangeMax = .minutes(30) }
        == "[interval] value exceeds limit: [1h] > [30m]")
    #expect(
      try refusal(query) { $0.lengthMax = .minutes(30) }
        == "the query time range exceeds the limit (query length: 1h0m0s, limit: 30m0s)")
    #expect(try refusal(#"{app="a"}"#) { $0.rangeMax = .minutes(30) } == "answered")
  }

  @Test func bytesAreBoundedBeforeReading() throws {
    let rate = #"rate({app="a"}[5m])"#
    #expect(
      try refusal(rate + #" + rate({app="a"}[5m] offset 1m)"#) { $0.bytesReadMax = 200 << 10 }
        == "the query would read too many bytes (query: 360 KiB, limit: 200 KiB); consider adding "
        + "more specific stream selectors or reduce the time range of the query")
    #expect(try refusal(rate) { $0.bytesReadMax = 180 << 10 } == "answered")
    #expect(
      try refusal(rate) { $0.bytesReadPerSelectorMax = 1 << 10 }
        == "query too large to execute on a single querier: (query: 180 KiB, limit: 1.0 KiB); "
        + "consider adding more specific stream selectors, reduce the time range of the query, or "
        + "adjust parallelization settings")
  }

  @Test func selectorsAreChecked() throws {
    #expect(
      try refusal(#"{app="a"}"#) { $0.requiredLabels = ["app", "env", "dc"] }
        == "stream selector is missing required matchers [env, dc], labels present in the query "
        + "were [app]")
    #expect(
      try refusal(#"{app="a"}"#) { $0.matchersMin = 2 }
        == "stream selector has less label matchers than required: (present: [app], "
        + "number_present: 1, required_number_label_matchers: 2)")
    #expect(
      try refusal(#"{app="a", n!="1"}"#) { $0.matchersMax = 1 }
        == "max streams matchers per query exceeded, matchers-count > limit (2 > 1)")
  }

  @Test func nothingOlderThanTheLookbackIsRead() throws {
    var limits = QueryLimits()
    limits.oldest = Timestamp(seconds: 50)
    let expression = try LogQL.parse(#"{app="a"}"#)
    func count(_ end: Int64) throws -> Int {
      let request = QueryRequest(
        expression: expression, start: .zero, end: Timestamp(seconds: end), step: .seconds(1),
        limit: 1000)
      guard
        case .streams(let streams) = try QueryEngine(source: source()).answer(
          request, limits: limits
        ).value
      else { return -1 }
      return streams.reduce(0) { $0 + $1.entries.count }
    }
    #expect(try count(100) == 30)
    #expect(try count(20) == 0)
  }

  @Test func deadlinesAndCancelsEnd() throws {
    let request = QueryRequest(
      expression: try LogQL.parse(#"{app="a"}"#), start: .zero, end: Timestamp(seconds: 100),
      step: .seconds(1))
    let engine = QueryEngine(source: source())
    #expect(throws: QueryError.cancelled) {
      try engine.answer(request, limits: QueryLimits(isCancelled: { true }))
    }
    #expect(throws: QueryError.deadlineExceeded) {
      try engine.answer(request, limits: QueryLimits(isPastDeadline: { true }))
    }
  }

  @Test func sizesAreWrittenAsHumanizeDoes() {
    #expect(BinarySize.text(0) == "0 B")
    #expect(BinarySize.text(9) == "9 B")
    #expect(BinarySize.text(1023) == "1023 B")
    #expect(BinarySize.text(1024) == "1.0 KiB")
    #expect(BinarySize.text(82_854_982) == "79 MiB")
    #expect(BinarySize.text(150 << 30) == "150 GiB")
  }
}

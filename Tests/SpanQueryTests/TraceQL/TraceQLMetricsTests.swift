import LinuxIO
import SpanStore
import TelemetryModel
import Testing
import TraceFormats
import TraceQL

@testable import SpanQuery

struct TraceQLMetricsTests {
  /// One span a second from 100 s on, of two services, lengths growing by a millisecond.
  private static let batches: [ResourceSpans] = ["a", "b"].map { service in
    batch(
      service,
      (0..<60).filter { ($0 % 3 == 0) == (service == "b") }.map { second in
        var made = span(
          UInt64(second + 1), 1, "n\(second % 2)", at: 100_000 + Int64(second) * 1000,
          for: Int64(second + 1))
        made.attributes = [Attribute("size", .int(Int64(second)))]
        made.events = ["first", "second"].prefix(second % 3).map { name in
          var event = SpanEvent()
          event.time = made.start + .milliseconds(name == "first" ? 1 : 5)
          event.name = name
          return event
        }
        return made
      })
  }

  private func answer(_ text: String, step: Int64 = 10, exemplars: Int = 0) async throws
    -> [MetricsSeries]
  {
    let range = try #require(
      MetricsRange(
        from: Timestamp(seconds: 100), to: Timestamp(seconds: 160), step: .seconds(step)))
    var question = TraceQLMetricsQuery(query: try TraceQuery(text), range: range)
    question.exemplarsMax = exemplars
    let query = SpanQuery(
      source: SourceDouble(Self.batches),
      executor: try BlockingExecutor(name: "test", threadCount: 1))
    return try await query.metrics(question, tenant: .single).get().series
  }

  @Test func stepsEndAtMultiplesAndHoldTheirEnd() throws {
    let range = try #require(
      MetricsRange(
        from: Timestamp(seconds: 105), to: Timestamp(seconds: 132), step: .seconds(10)))
    // One step more than the range touches, as Tempo has it.
    #expect(range.count == 5)
    #expect(
      (0..<5).map { range.time(of: $0) }
        == [100, 110, 120, 130, 140].map { Timestamp(seconds: $0) })
    #expect(range.step(of: Timestamp(seconds: 110)) == 1)
    #expect(range.step(of: Timestamp(nanoseconds: 110_000_000_001)) == 2)
    #expect(range.step(of: Timestamp(seconds: 90)) == nil)
    #expect(MetricsRange(from: .zero, to: Timestamp(seconds: 20_000), step: .seconds(1)) == nil)
  }

  @Test func countsAndRates() async throws {
    let counts = try await answer("{} | count_over_time()")
    #expect(counts.count == 1)
    #expect(counts[0].labels.map(\.name) == ["__name__"])
    // The span at 100 s is in the step that ends then.
    #expect(counts[0].values == [1, 10, 10, 10, 10, 10, 9])
    let rates = try await answer("{} | rate() by (resource.service.name)")
    #expect(rates.map { $0.labels[0].value } == [.string("a"), .string("b")])
    #expect(rates[0].values.reduce(0, +) == 4)
    #expect(rates[1].values.reduce(0, +) == 2)
  }

  @Test func extremesSumsAndAverages() async throws {
    #expect(try await answer("{} | min_over_time(.size)")[0].values[1] == 1)
    #expect(try await answer("{} | max_over_time(duration)")[0].values[1] == 0.011)
    #expect(try await answer("{} | sum_over_time(.size)")[0].values[1] == 55)
    #expect(try await answer("{} | avg_over_time(.size)")[0].values[1] == 5.5)
    let sparse = try await answer("{ .size = 30 } | avg_over_time(.size)")
    #expect(sparse[0].values.map(\.isNaN) == [true, true, true, false, true, true, true])
  }

  /// Of a span's several events the first counts, as at Tempo.
  @Test func fieldsOfEventsAreMeasured() async throws {
    let longest = try await answer("{} | max_over_time(event:timeSinceStart)")
    // The span at 100 s has no event.
    #expect(longest.map { $0.values[0].isNaN } == [true])
    #expect(longest.map { Array($0.values[1...]) } == [Array(repeating: 0.001, count: 6)])
    let names = try await answer("{} | count_over_time() by (event:name)", step: 60)
    #expect(names.map { $0.labels[0].value } == [.string("first"), .absent])
    #expect(names.map { $0.values.reduce(0, +) } == [40, 20])
  }

  @Test func quantilesLieWithinABucketOfTheTruth() async throws {
    for quantile in [0.1, 0.5, 0.9, 1.0] {
      let found = try await answer("{} | quantile_over_time(duration, \(quantile))", step: 60)
      let value = found[0].values[1]
      // 59 spans of 2…60 ms in the step from 100 s (excluded) on, of which 20 end by 120 s.
      let lengths = (1...20).map { Double($0 + 1) / 1000 }
      let truth = lengths[max(0, Int((quantile * 20).rounded(.up)) - 1)]
      #expect(value >= truth / 2 && value <= truth * 2, "\(quantile): \(value), \(truth)")
      #expect(found[0].labels.last?.name == "p")
    }
  }

  @Test func interpolatesAlongTheExponent() {
    let buckets: [(end: Double, count: Int)] = [(2, 2), (4, 4), (8, 2)]
    #expect(PowerOfTwoBuckets.quantile(0.25, buckets) == 2)
    #expect(PowerOfTwoBuckets.quantile(0.75, buckets) == 4)
    #expect(abs(PowerOfTwoBuckets.quantile(0.5, buckets) - 2.8284) < 0.001)
    #expect(PowerOfTwoBuckets.quantile(1, buckets) == 8)
    #expect(PowerOfTwoBuckets.quantile(0, buckets) == 2 * 0.5.squareRoot())
    #expect(PowerOfTwoBuckets.bucket(1) == nil)
    #expect(PowerOfTwoBuckets.bucket(2) == 2)
    #expect(PowerOfTwoBuckets.bucket(5) == 8)
    #expect(PowerOfTwoBuckets.bucket(8) == 8)
  }

  @Test func histogramsCountEveryValue() async throws {
    let found = try await answer("{} | histogram_over_time(duration)")
    #expect(found.allSatisfy { $0.labels.last?.name == "__bucket" })
    #expect(found.flatMap(\.values).reduce(0, +) == 60)
  }

  @Test func arithmeticFiltersAndRanks() async throws {
    let share = try await answer(
      "({ resource.service.name = \"b\" } | count_over_time()) / ({} | count_over_time()) * 100")
    #expect(share[0].values[1] == 30)
    let high = try await answer("{} | count_over_time() by (name) > 4 | topk(1)")
    #expect(high.flatMap(\.values).filter { !$0.isNaN }.count == 6)
    #expect(try await answer("{} | count_over_time() > 100").isEmpty)
    #expect(try await answer("100 - ({} | count_over_time())")[0].values[1] == 90)
    let lowest = try await answer("{} | rate() by (resource.service.name) | bottomk(1)")
    #expect(lowest.contains { $0.labels[0].value == .string("b") })
  }

  @Test func wholeTracesAndSingleSpansAgree() async throws {
    let single = try await answer("{ name = \"n0\" } | count_over_time() by (kind)")
    let whole = try await answer("{ name = \"n0\" } && { true } | count_over_time() by (kind)")
    #expect(single[0].values == whole[0].values)
  }

  @Test func tellsExamples() async throws {
    let found = try await answer("{} | quantile_over_time(duration, 0.5)", exemplars: 2)
    #expect(!found[0].exemplars.isEmpty)
    #expect(found[0].exemplars.allSatisfy { $0.value > 0 && $0.span == SpanID(1) })
  }

  /// Each value's sum over the steps, by side and label.
  private func compared(_ text: String) async throws -> [String: Double] {
    var sums: [String: Double] = [:]
    for series in try await answer(text) {
      let key = series.labels.map { "\($0.name)=\($0.value.plainText)" }.joined(separator: " ")
      sums[key] = series.values.reduce(0, +)
    }
    return sums
  }

  @Test func comparesASelectionWithAllOthers() async throws {
    // 60 spans: every third is of b, and every second is named n0.
    let sums = try await compared("{} | compare({ resource.service.name = \"b\" })")
    #expect(sums["__meta_type=baseline resource.service.name=a"] == 40)
    #expect(sums["__meta_type=selection resource.service.name=b"] == 20)
    #expect(sums["__meta_type=baseline resource.service.name=b"] == nil)
    #expect(sums["__meta_type=baseline_total resource.service.name=nil"] == 40)
    #expect(sums["__meta_type=selection_total resource.service.name=nil"] == 20)
    #expect(sums["__meta_type=baseline name=n0"] == 20)
    #expect(sums["__meta_type=selection name=n1"] == 10)
    #expect(sums["__meta_type=selection_total span.size=nil"] == 20)
    // Ten values of each field unless the query says another number.
    #expect(sums.keys.count { $0.hasPrefix("__meta_type=selection span.size=") } == 10)
    let top = try await compared("{} | compare({ name = \"n0\" }, 1)")
    #expect(top.keys.count { $0.hasPrefix("__meta_type=baseline span.size=") } == 1)
    #expect(top["__meta_type=baseline kind=internal"] == 30)
    #expect(!top.keys.contains { $0.contains("duration") })
  }

  @Test func aSelectionMayHaveAWindow() async throws {
    let (start, end) = (110 * 1_000_000_000, 120 * 1_000_000_000)
    let sums = try await compared("{} | compare({ true }, 10, \(start), \(end))")
    #expect(sums["__meta_type=selection_total name=nil"] == 10)
    #expect(sums["__meta_type=baseline_total name=nil"] == 50)
    let none = try await compared("{ name = \"n0\" } | compare({ false })")
    #expect(none["__meta_type=baseline_total name=nil"] == 30)
    #expect(!none.keys.contains { $0.contains("selection") })
  }
}

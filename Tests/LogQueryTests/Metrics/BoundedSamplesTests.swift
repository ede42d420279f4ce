import LogQL
import TelemetryModel
import TestSupport
import Testing

@testable import LogQuery

/// Windows with more samples than may be kept are answered as if there were no limit.
@Suite struct BoundedSamplesTests {
  private func rows(_ random: inout RandomSource) -> [FieldRow] {
    (0..<700).map { number in
      let value =
        switch Int.random(in: 0..<12, using: &random) {
        case 0: "-\(Int.random(in: 0...5, using: &random)).5"
        case 1: "0"
        case 2: "123456789.25"
        default:
          "\(Int.random(in: 0...3, using: &random)).\(Int.random(in: 10...19, using: &random))"
        }
      return FieldRow(
        timestamp: Timestamp(nanoseconds: Int64(number) * 1_500_000_000 + 1),
        stream: Int.random(in: 0...1, using: &random),
        fields: [
          ("level", ["info", "error", "warn"][Int.random(in: 0...2, using: &random)], false),
          ("latency", value, true),
        ], metadata: [], isJSON: true)
    }
  }

  @Test(arguments: 0..<24)
  func fewSamplesAtATimeGiveTheSame(seed: UInt64) throws {
    var random = RandomSource(seed: seed)
    let source = FieldRows(
      [["app": "a", "host": "x"], ["app": "a", "host": "y"]], rows(&random),
      hasColumns: random.oneIn(2), seed: seed, workersMax: 1)
    let fraction = random.pick(["0", "0.1", "0.5", "0.99", "1", "2"])
    let functions = ["quantile_over_time(\(fraction), ", "rate_counter("]
    let function = functions[random.oneIn(3) ? 1 : 0]
    let grouping = random.pick(["", " by (level)", " by (host)", " without (host)"])
    let isRate = function.hasPrefix("rate")
    let query =
      function + #"{app="a"} | json | unwrap latency [1100s])"# + (isRate ? "" : grouping)
    for isInstant in [true, false] {
      var request = QueryRequest(
        expression: try LogQL.parse(query), start: .zero, end: Timestamp(seconds: 1100),
        step: .seconds(300))
      if isInstant {
        request = .instant(tenants: [.single], try LogQL.parse(query), at: Timestamp(seconds: 1100))
      }
      let want = RandomRuns.text(of: request, source, QueryLimits(seriesMax: 0))
      let got = RandomRuns.text(of: request, source, QueryLimits(seriesMax: 0, samplesMax: 500))
      #expect(!want.isEmpty && !want.hasPrefix("error"))
      #expect(got == want, "\(query)")
    }
  }

  /// Streams begin while the numbers are read again and again.
  @Test(arguments: [1, 2, 3, 4]) func seriesMayComeUpBetweenReadings(arrival: Int) throws {
    func entries(_ step: Int) -> [LogEntry] {
      (0..<600).map { number in
        LogEntry(
          timestamp: Timestamp(seconds: Int64(number)), line: Array("v=\(number % 7 * step)".utf8))
      }
    }
    typealias Stream = (labels: Labels, entries: [LogEntry])
    let old: Stream = (["app": "a", "pod": "b"], entries(1))
    let new: [Stream] = [
      (["app": "a", "pod": "a"], entries(2)), (["app": "a", "pod": "c"], entries(3)),
    ]
    let source = GrowingRows([
      (MemoryRows([old]), planCount: arrival),
      (MemoryRows([new[0], old, new[1]]), planCount: .max),
    ])
    let query = #"quantile_over_time(0.5, {app="a"} | logfmt | unwrap v [20m]) by (pod)"#
    let request = QueryRequest.instant(
      tenants: [.single], try LogQL.parse(query), at: Timestamp(seconds: 1000))
    let text = RandomRuns.text(of: request, source, QueryLimits(samplesMax: 500))
    // The first plan is of the reading that finds out how many samples there are.
    #expect(text.contains(#"{pod="b"} 1000000000000=3.0"#), "\(text)")
    #expect(text.contains(#"pod="c""#) == (arrival == 1), "\(text)")
  }
}

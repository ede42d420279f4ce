import LogQL
import TelemetryModel
import TestSupport
import Testing

@testable import LogQuery

/// The same questions of the same rows, with columns and without: the answers are the same, errors
/// and their words too.
///
/// `SLUICE_RANDOM_QUERIES` asks for more questions than the few of a usual run.
@Suite struct ColumnAnswerTests {
  private func randomRows(_ random: inout RandomSource) -> [FieldRow] {
    let isClean = random.oneIn(2)
    return (0..<Int.random(in: 0...150, using: &random)).map { number in
      var fields: [(name: String, value: String, isNumber: Bool)] = []
      func add(_ name: String, _ values: [String], isNumber: Bool = false) {
        if isClean || !random.oneIn(6) {
          let value = values[Int.random(in: values.indices, using: &random)]
          fields.append((name, value, isNumber && Double(value) != nil))
        }
      }
      add("level", ["info", "error", "debug", "warn"] + (isClean ? [] : [""]))
      add("code", ["1", "2", "3", "40"], isNumber: true)
      add("latency", ["1.25", "0.50", "20.00", "3.75"] + (isClean ? [] : ["slow"]), isNumber: true)
      add("took", ["10ms", "2s", "1m"])
      if random.oneIn(4) { add("host", ["inside"]) }
      if random.oneIn(4) { add("tag", ["line"]) }
      fields.shuffle(using: &random)
      // Apart in time, so that no order among rows of one moment matters.
      return FieldRow(
        timestamp: Timestamp(nanoseconds: Int64(number) * 7_000_000_000 + 1),
        stream: Int.random(in: 0...2, using: &random), fields: fields,
        metadata: random.oneIn(3) ? [Label("tag", random.oneIn(2) ? "meta" : "data")] : [],
        isJSON: isClean || !random.oneIn(3))
    }
  }

  @Test func columnsAndLinesAnswerTheSame() throws {
    for seed in 0..<UInt64(RandomRuns.count(usual: 800)) {
      var random = RandomSource(seed: seed)
      let labels: [Labels] = [
        ["app": "a", "host": "x"], ["app": "b"], ["app": "c", "level": "stream"],
      ]
      let rows = randomRows(&random)
      let plain = FieldRows(labels, rows, hasColumns: false, seed: seed)
      let columnar = FieldRows(
        labels, rows, hasColumns: true, seed: seed, workersMax: random.oneIn(4) ? 2 : 1)
      let query = RandomQueries().query(&random)
      let request = QueryRequest(
        expression: try LogQL.parse(query), start: .zero, end: Timestamp(seconds: 1100),
        step: .seconds(Int64.random(in: 20...90, using: &random)),
        limit: Int.random(in: 1...200, using: &random),
        direction: random.oneIn(2) ? .forward : .backward)
      let limits = QueryLimits(seriesMax: 0)
      let want = RandomRuns.text(of: request, plain, limits)
      let got = RandomRuns.text(of: request, columnar, limits)
      if want.hasPrefix("error: pipeline error") {
        // Which of several rows with errors is named may differ.
        #expect(got.hasPrefix("error: pipeline error"), "seed \(seed): \(query)\n\(got)")
      } else {
        #expect(got == want, "seed \(seed): \(query)")
      }
    }
  }
}

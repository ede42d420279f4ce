import LogQL
import TelemetryModel
import Testing

@testable import LogQuery
@testable import LogStore

/// What is kept of stages that were asked once for each value is bounded.
@Suite struct FieldOutcomesTests {
  @Test func largeNumbersNeedNoPadding() {
    let outcomes = FieldOutcomes()
    let numbers: [UInt32] = [.max, 3, 400_000, 1_000_000, 70_000]
    for code in numbers.indices {
      #expect(outcomes[code, .numbers(numbers)].place == -2)
      outcomes[code, .numbers(numbers)] = FieldOutcome(place: Int32(code), value: 1)
    }
    #expect(numbers.indices.map { outcomes[$0, .numbers(numbers)].place } == [0, 1, 2, 3, 4])
    #expect(outcomes.count < 100)
    // In any order, numbers that are dense come to stand in the list.
    let dense = (0..<50_000).map { UInt32($0 * 7919 % 50_000) }
    for round in 0..<2 {
      for code in dense.indices where outcomes[code, .numbers(dense)].place == -2 || round == 0 {
        outcomes[code, .numbers(dense)] = FieldOutcome(place: Int32(dense[code] + 9))
      }
    }
    #expect(
      dense.indices.allSatisfy { outcomes[$0, .numbers(dense)].place == Int32(dense[$0] + 9) })
    #expect(outcomes.count < 120_000)
  }

  /// A label of the streams is looked at, so that each stream has outcomes of its own.
  @Test func outcomesOfManyStreamsAreBounded() throws {
    guard case .log(let selection) = try LogQL.parse(#"{app="x"} | json"#) else {
      Issue.record("it is no log query")
      return
    }
    let pipeline = try LogPipeline(
      running: selection.stages, need: .only(["level"]), hasLinesDecided: true)
    let plan = try #require(pipeline.fieldPlan)
    let strings = StringNumbers()
    let values: [[UInt8]?] = (0..<5000).map { Array("\($0)".utf8) }
    let column = FieldColumn.dictionary(
      .init(
        codes: [0, 1], values: values, numbers: values.indices.map { UInt32($0 * 100) }))
    let columns = plan.requests.map { request in
      if case .metadata = request { FieldColumn.constant(nil) } else { column }
    }
    var known = KnownOutcomes()
    var most = 0
    for id in 0..<600 {
      let stream = StreamReference(id: UInt64(id), tenant: .single, labels: ["pod": "\(id)"])
      let run = LogRows.Run(stream: stream, rows: 0..<2)
      let rows = LogRows(
        runs: [run], timestamps: [.zero, .zero], places: RowPlaces(0..<2),
        lines: .text(bytes: [], starts: [0, 0], ends: [0, 0]), metadata: .none, columns: columns,
        strings: strings, isDecided: true)
      let coded = try #require(CodedColumns(rows, plan))
      let batch = ColumnRun(plan: plan, columns: coded, rows: rows, run: run)
      let (outcomes, keys) = known.outcomes(batch, isAlike: false)
      for code in values.indices { outcomes[code, keys] = FieldOutcome(place: 1) }
      most = max(most, known.outcomeCount)
      let (again, _) = known.outcomes(batch, isAlike: false)
      #expect(id > 10 || again === outcomes)
    }
    #expect(most > 0 && most <= KnownOutcomes.countMax + 20_000)
  }
}

import LogQL
import LogStore
import TelemetryModel
import TestSupport
import Testing

@testable import LogQuery

/// Random rows and queries against the evaluator that follows the definitions.
@Suite struct RandomQueryTests {
  /// Times on a coarse grid, so that rows often lie on the borders of windows.
  private func randomStreams(_ random: inout RandomSource)
    -> [(labels: Labels, entries: [LogEntry])]
  {
    var streams: [(labels: Labels, entries: [LogEntry])] = []
    for app in ["a", "b"] {
      for host in ["x", "y", "z"] {
        var entries: [LogEntry] = []
        for number in 0..<Int.random(in: 0...40, using: &random) {
          let time = Timestamp(seconds: 5 * Int64.random(in: 0...120, using: &random))
          var entry = LogEntry(timestamp: time, line: Array("line \(app)\(host)\(number)".utf8))
          if Bool.random(using: &random) {
            let value = Int.random(in: -50...50, using: &random)
            entry.structuredMetadata = [Label("v", "\(value)")]
          }
          entries.append(entry)
        }
        streams.append((["app": app, "host": host], entries))
      }
    }
    return streams
  }

  private func randomRange(_ random: inout RandomSource) -> String {
    let selector = random.pick([
      #"{app="a"}"#, #"{app=~"a|b"}"#, #"{app=~".+",host!="x"}"#, #"{app="c"}"#,
      #"{app="b",host!~"y|z"}"#,
    ])
    let span = random.pick(["5s", "30s", "1m", "45s", "2m", "7s"])
    let offset = random.pick(["", "", " offset 30s", " offset -10s"])
    let grouping = random.pick([
      "", " by (app)", " without (host)", " by (nope)", " by (host, app)",
    ])
    switch Int.random(in: 0..<4, using: &random) {
    case 0:
      let function = random.pick(["count_over_time", "rate", "bytes_over_time", "bytes_rate"])
      return "\(function)(\(selector)[\(span)]\(offset))"
    case 1: return "absent_over_time(\(selector)[\(span)]\(offset))"
    case 2:
      let function = random.pick(["sum_over_time", "rate"])
      return "\(function)(\(selector) | unwrap v [\(span)]\(offset))"
    default:
      let function = random.pick([
        "avg_over_time(", "min_over_time(", "max_over_time(", "stddev_over_time(",
        "stdvar_over_time(", "quantile_over_time(0.3,", "quantile_over_time(0.9,",
        "first_over_time(", "last_over_time(",
      ])
      return "\(function)\(selector) | unwrap v [\(span)]\(offset))\(grouping)"
    }
  }

  private func randomQuery(_ random: inout RandomSource, depth: Int) -> String {
    let grouping = random.pick([
      "", " by (app)", " by (host)", " without (host)", " by (app, host)",
    ])
    switch Int.random(in: 0..<(depth > 0 ? 9 : 2), using: &random) {
    case 6: return randomReplacement(&random, depth: depth - 1)
    case 7, 8: return randomJoin(&random, depth: depth - 1)
    case 0, 1: return randomRange(&random)
    case 2, 3:
      let function = random.pick(["sum", "avg", "min", "max", "count", "stddev", "stdvar"])
      return "\(function)\(grouping) (\(randomQuery(&random, depth: depth - 1)))"
    case 4:
      let operation = random.pick(["+", "-", "*", "/", ">", ">= bool", "!=", "and", "or", "unless"])
      let matching = random.pick(["", "", " on (app)", " ignoring (host)"])
      return "sum by (app, host) (\(randomQuery(&random, depth: depth - 1))) "
        + "\(operation)\(matching) sum\(grouping) (\(randomQuery(&random, depth: depth - 1)))"
    default:
      let operation = random.pick(["+", "-", "*", "/", "%", "<", "<= bool", "=="])
      let number = random.pick(["2", "0", "-1.5", "10"])
      let inner = "(\(randomQuery(&random, depth: depth - 1)))"
      return Bool.random(using: &random)
        ? "\(inner) \(operation) \(number)" : "\(number) \(operation) \(inner)"
    }
  }

  private func randomReplacement(_ random: inout RandomSource, depth: Int) -> String {
    let destination = random.pick(["app", "host", "made", "v"])
    let replacement = random.pick(["$1", "x-$1", "$0", "$2$1", "same", "", "a"])
    let source = random.pick(["app", "host", "nope", "v"])
    let pattern = random.pick(["(.*)", "(x|y)()", "([a-z])(.?)", "a()", "nothing()", "()()"])
    return #"label_replace(\#(randomQuery(&random, depth: depth)), "\#(destination)", "#
      + #""\#(replacement)", "\#(source)", "\#(pattern)")"#
  }

  /// Many series with one, mostly such that it is no error.
  private func randomJoin(_ random: inout RandomSource, depth: Int) -> String {
    let operation = random.pick(["+", "/", "-", ">", "<= bool", "*"])
    let many = "sum by (app, host) (\(randomQuery(&random, depth: depth)))"
    let (one, matching) = random.pick([
      ("sum by (app)", "on (app)"), ("sum by (app)", "ignoring (host)"), ("sum", "on ()"),
      ("max by (host, v)", "on (host)"), ("sum by (app)", "ignoring (host, v)"),
    ])
    let included = random.pick(["", "", " (v)", " (host)", " (nope, app)", " ()"])
    let other = "\(one) (\(randomQuery(&random, depth: depth)))"
    return random.oneIn(2)
      ? "(\(many)) \(operation) \(matching) group_left\(included) \(other)"
      : "(\(other)) \(operation) \(matching) group_right\(included) \(many)"
  }

  @Test(arguments: 0..<8)
  func metricQueriesFollowTheirDefinition(seed: UInt64) throws {
    var random = RandomSource(seed: seed &* 7919 &+ 1)
    for _ in 0..<60 {
      let streams = randomStreams(&random)
      let source = MemoryRows(
        streams, batchRows: random.pick([3, 17, .max]), workersMax: random.pick([1, 1, 3]))
      let naive = NaiveEvaluator(
        rows: source.streams.flatMap { stream in
          stream.entries.map { NaiveEvaluator.Row(labels: stream.reference.labels, entry: $0) }
        })
      let text = randomQuery(&random, depth: 3)
      let expression = try LogQL.parse(text)
      let start = Timestamp(seconds: Int64.random(in: 0...20, using: &random))
      let step = TimeSpan.seconds(Int64(random.pick([1, 5, 7, 30, 90])))
      let request = QueryRequest(
        expression: expression, start: start, end: start + .seconds(600), step: step)
      // Few samples at a time make the engine evaluate in parts.
      let limits = QueryLimits(samplesMax: random.pick([1 << 20, 100]))
      try compare(request, limits, QueryEngine(source: source), naive, text)
    }
  }

  /// All stages, one row after the other.
  @Test(arguments: 0..<4) func stagesFollowTheirRules(seed: UInt64) throws {
    var random = RandomSource(seed: seed &+ 4000)
    for _ in 0..<RandomRuns.count(usual: 120) / 4 {
      let source = MemoryRows(RandomLines(&random, isWellFormed: true).streams)
      for _ in 0..<4 {
        let text = #"{app=~".+"} "# + RandomQueries().randomStages(&random)
        guard case .log(let selection) = try LogQL.parse(text) else { continue }
        var want: [Timestamp: String] = [:]
        for stream in source.streams {
          for entry in stream.entries {
            if let row = NaivePipeline(
              stream.reference.labels, entry, selection.stages, nil)
            {
              want[entry.timestamp] = "\(row.labels.description) \(row.line)"
            }
          }
        }
        let answer = try QueryEngine(source: source).answer(
          QueryRequest(
            expression: .log(selection), start: .zero, end: Timestamp(seconds: 2000),
            step: .seconds(1), limit: 1000, direction: .forward))
        guard case .streams(let streams) = answer.value else { continue }
        var got: [Timestamp: String] = [:]
        for stream in streams {
          let labels = Labels(stream.labels.sorted.filter { $0.name != "__error_details__" })
          for entry in stream.entries {
            let line = String(decoding: entry.line, as: UTF8.self)
            got[entry.timestamp] = "\(labels.description) \(line)"
          }
        }
        for time in Set(want.keys).union(got.keys).sorted() where want[time] != got[time] {
          let line = source.streams.flatMap(\.entries).first { $0.timestamp == time }?.line ?? []
          let row = String(decoding: line, as: UTF8.self)
          #expect(got[time] == want[time], "seed \(seed): \(text)\nof \(row)")
          break
        }
      }
    }
  }

  /// Aggregations of what stages make.
  @Test(arguments: 0..<4) func aggregationsOfStagesFollowTheirDefinition(seed: UInt64) throws {
    var random = RandomSource(seed: seed &+ 5000)
    for _ in 0..<RandomRuns.count(usual: 120) / 4 {
      let source = MemoryRows(RandomLines(&random, isWellFormed: true).streams)
      let naive = NaiveEvaluator(
        rows: source.streams.flatMap { stream in
          stream.entries.map { NaiveEvaluator.Row(labels: stream.reference.labels, entry: $0) }
        })
      for _ in 0..<2 {
        let text = RandomQueries().flawless(&random)
        let request = QueryRequest(
          expression: try LogQL.parse(text), start: .zero, end: Timestamp(seconds: 1150),
          step: .seconds(Int64.random(in: 40...120, using: &random)))
        try compare(
          request, QueryLimits(seriesMax: 0), QueryEngine(source: source), naive, text)
      }
    }
  }

  private func compare(
    _ request: QueryRequest, _ limits: QueryLimits, _ engine: QueryEngine,
    _ naive: NaiveEvaluator, _ text: String
  ) throws {
    var want: [Labels: [Timestamp: Double]] = [:]
    var isError = false
    var time = request.start
    while time <= request.end {
      if let vector = naive.value(request.expression, at: time) {
        for (labels, value) in vector { want[labels, default: [:]][time] = value }
      } else {
        isError = true
      }
      time = time + request.step
    }
    let answer: QueryResult
    do {
      answer = try engine.answer(request, limits: limits)
    } catch {
      // A single window may hold more than the limit.
      if error.message.contains("more than 100 samples") { return }
      #expect(isError, "\(text): \(error.message)")
      return
    }
    #expect(!isError, "\(text) should be an error")
    guard !isError, case .matrix(let series) = answer.value else { return }
    #expect(Set(series.map(\.labels)) == Set(want.keys), "\(text)")
    for one in series {
      let expected = want[one.labels] ?? [:]
      #expect(one.points.count == expected.count, "\(text) \(one.labels.description)")
      for point in one.points {
        let value = expected[point.time] ?? .infinity
        let isSame =
          (value.isNaN && point.value.isNaN) || value == point.value
          || abs(value - point.value) <= 1e-9 * max(1, abs(value))
        #expect(
          isSame,
          "\(text) \(one.labels.description) at \(point.time): \(point.value), want \(value)")
      }
    }
  }

  @Test(arguments: 0..<4)
  func logQueriesGiveTheNearestEntries(seed: UInt64) throws {
    var random = RandomSource(seed: seed &+ 99)
    for _ in 0..<40 {
      let source = MemoryRows(
        randomStreams(&random), batchRows: random.pick([5, .max]), workersMax: random.pick([1, 3]))
      let limit = Int.random(in: 1...60, using: &random)
      let direction: Direction = Bool.random(using: &random) ? .forward : .backward
      let range = Timestamp(seconds: 50)..<Timestamp(seconds: 500)
      let answer = try QueryEngine(source: source).answer(
        QueryRequest(
          expression: try LogQL.parse(#"{app=~".+"}"#), start: range.lowerBound,
          end: range.upperBound, step: .seconds(1), limit: limit, direction: direction))
      guard case .streams(let streams) = answer.value else {
        Issue.record("no streams")
        return
      }
      let all = source.streams.flatMap(\.entries).map(\.timestamp).filter(range.contains).sorted()
      let wanted = direction == .forward ? all.prefix(limit) : all.suffix(limit)
      #expect(streams.flatMap { $0.entries.map(\.timestamp) }.sorted() == Array(wanted))
      for stream in streams {
        let times = stream.entries.map(\.timestamp)
        #expect(times == (direction == .forward ? times.sorted() : times.sorted(by: >)))
      }
    }
  }

  @Test func intervalKeepsEntriesApart() throws {
    var random = RandomSource(seed: 5)
    for _ in 0..<30 {
      let source = MemoryRows(randomStreams(&random))
      for direction in [Direction.forward, .backward] {
        let answer = try QueryEngine(source: source).answer(
          QueryRequest(
            expression: try LogQL.parse(#"{app=~".+"}"#), start: .zero,
            end: Timestamp(seconds: 1000), step: .seconds(1), interval: .seconds(20), limit: 7,
            direction: direction))
        guard case .streams(let streams) = answer.value else { continue }
        let got = streams.flatMap { $0.entries.map(\.timestamp) }.sorted()
        var times = source.streams.flatMap(\.entries).map(\.timestamp).sorted()
        if direction == .backward { times.reverse() }
        var wanted: [Timestamp] = []
        for time in times where wanted.count < 7 {
          let distance = wanted.last.map { abs(($0 - time).nanoseconds) } ?? .max
          if distance >= 20_000_000_000 { wanted.append(time) }
        }
        #expect(got == wanted.sorted())
      }
    }
  }
}

import Foundation
import LogQL
import LogQuery
import LogStore
import Regex
import TelemetryModel
import Testing

/// Every recorded log query, run through parser and pipeline over the recorded rows.
@Suite struct RecordedPipelineTests {
  @Test func answersAsLokiDid() throws {
    guard let answers = try RecordedAnswers.load() else { return }
    try #require(answers.cases.count > 100)
    for recorded in answers.cases {
      guard case .log(let selection) = try LogQL.parse(recorded.query) else { continue }
      // Which rows of one time a limit leaves out is the engine's matter.
      if recorded.query.contains("tie") { continue }
      do {
        let got = try run(selection, recorded, answers.rows)
        compare(got, recorded)
      } catch {
        Issue.record("\(recorded.query): \(error)")
      }
    }
  }

  private func run(
    _ selection: LogSelection, _ recorded: RecordedAnswers.Case, _ rows: [RecordedAnswers.Row]
  ) throws -> [[String: String]: [[String]]] {
    var pipeline = try LogPipeline(stages: selection.stages)
    var references: [Labels: StreamReference] = [:]
    var found: [(time: Int64, labels: [String: String], line: String)] = []
    for row in rows where row.timestamp >= recorded.start && row.timestamp < recorded.end {
      guard try selection.matchers.allSatisfy({ try holds($0, row.labels) }) else { continue }
      let stream =
        references[row.labels]
        ?? StreamReference(id: UInt64(references.count), tenant: .single, labels: row.labels)
      references[row.labels] = stream
      Array(row.line.utf8).withUnsafeBytes { line in
        let passed = pipeline.process(
          line: line, at: Timestamp(nanoseconds: row.timestamp), stream: stream,
          metadata: row.metadata)
        guard let passed else { return }
        #expect(
          pipeline.requiredLiterals.allSatisfy { row.line.utf8.contains(Array($0)) || $0.isEmpty },
          "a row passed without a literal that was said to be required")
        let labels = passed.labels.all.sorted.map { ($0.name, $0.value) }
        found.append(
          (
            row.timestamp, Dictionary(uniqueKeysWithValues: labels),
            String(decoding: passed.line, as: UTF8.self)
          ))
      }
    }
    found.sort { recorded.isBackward ? $0.time > $1.time : $0.time < $1.time }
    var streams: [[String: String]: [[String]]] = [:]
    for entry in found.prefix(recorded.limit) {
      streams[entry.labels, default: []].append([String(entry.time), entry.line])
    }
    return streams
  }

  private func holds(_ matcher: LabelMatcher, _ labels: Labels) throws -> Bool {
    let value = labels[matcher.name] ?? ""
    switch matcher.operation {
    case .equal: return value == matcher.value
    case .notEqual: return value != matcher.value
    case .regex: return try Regex(matcher.value).matches(value, .whole)
    case .notRegex: return try !Regex(matcher.value).matches(value, .whole)
    }
  }

  private func compare(
    _ got: [[String: String]: [[String]]], _ recorded: RecordedAnswers.Case
  ) {
    func ordered(_ entries: [[String]]) -> [[String]] {
      entries.sorted { $0.lexicographicallyPrecedes($1) }
    }
    // Rows of one time may be cut at the limit in another order.
    let counts = got.values.map(\.count).reduce(0, +)
    #expect(counts == recorded.streams.values.map(\.count).reduce(0, +), "\(recorded.query)")
    for (labels, entries) in recorded.streams {
      guard let ours = got[labels] else {
        let near = got.keys.first.map { "\($0)" } ?? "nothing"
        Issue.record("\(recorded.query): no stream \(labels), but \(near)")
        return
      }
      if ordered(ours) != ordered(entries) {
        let differs = zip(ordered(ours), ordered(entries)).first { $0 != $1 }
        Issue.record("\(recorded.query): \(labels): differs at \(String(describing: differs))")
        return
      }
    }
  }
}

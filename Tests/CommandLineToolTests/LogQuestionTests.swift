import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import CommandLineTool

/// A server of a few lines that answers as `query_range` does, plainly.
private struct FewLines: LogAnswers {
  let rows: [LogRow]

  func json(_ path: String, _ query: [(String, String)]) async throws -> JSONValue {
    func number(_ name: String) -> Int64 {
      query.first { $0.0 == name }.flatMap { Int64($0.1) } ?? 0
    }
    let isForward = query.contains { $0 == ("direction", "FORWARD") }
    let inRange = rows.filter {
      $0.nanoseconds >= number("start") && $0.nanoseconds < number("end")
    }
    var json = JSONWriter()
    json.beginObject()
    json.key("data")
    json.beginObject()
    json.key("resultType")
    json.string("streams")
    json.key("result")
    json.beginArray()
    for row in sorted(inRange, isForward).prefix(Int(number("limit"))) {
      json.beginObject()
      json.key("stream")
      json.value(row.labels)
      json.key("values")
      json.beginArray()
      json.beginArray()
      json.quotedInt(row.nanoseconds)
      json.string(row.line)
      json.endArray()
      json.endArray()
      json.endObject()
    }
    json.endArray()
    json.endObject()
    json.endObject()
    return try JSONValue.parse(json.bytes)
  }

  private func sorted(_ rows: [LogRow], _ isForward: Bool) -> [LogRow] {
    rows.enumerated().sorted { a, b in
      a.element.nanoseconds == b.element.nanoseconds
        ? a.offset < b.offset
        : (a.element.nanoseconds < b.element.nanoseconds) == isForward
    }.map(\.element)
  }
}

@Suite struct LogQuestionTests {
  private func all(_ question: LogQuestion, _ answers: any LogAnswers) async throws -> [LogRow] {
    var got: [LogRow] = []
    try await question.pages(from: answers) { page in
      guard case .lines(let rows, _) = page else { return }
      got += rows
    }
    return got
  }

  @Test func pagesHoldEachLineOnce() async throws {
    var generator = RandomSource(seed: 7)
    for round in 0..<300 {
      let moments = Int64.random(in: 1...8, using: &generator)
      let count = Int.random(in: 0...40, using: &generator)
      let rows = (0..<count).map { _ in
        LogRow(
          nanoseconds: Int64.random(in: 0..<moments, using: &generator) + 1000,
          labels: ["app": ["a", "b"].randomElement(using: &generator) ?? "a"],
          line: "line \(Int.random(in: 0...50, using: &generator))")
      }
      // A store keeps equal lines of one moment and stream once.
      let distinct = Array(Set(rows)).sorted { $0.line < $1.line }
      let question = LogQuestion(
        query: "{}",
        range: QueryRange(
          start: Timestamp(nanoseconds: 0), end: Timestamp(nanoseconds: 1_000_000)),
        limit: Bool.random(using: &generator) ? 0 : Int.random(in: 1...45, using: &generator),
        batch: Int.random(in: 1...12, using: &generator), isForward: round % 2 == 0)
      let got = try await all(question, FewLines(rows: distinct))
      let wanted = question.limit == 0 ? distinct.count : min(question.limit, distinct.count)
      #expect(got.count == wanted)
      #expect(Set(got).count == got.count, "no line comes twice")
      let times = got.map(\.nanoseconds)
      #expect(times == (question.isForward ? times.sorted() : times.sorted(by: >)))
    }
  }

  private func written(
    _ words: [String], terminal: Bool = false, _ rows: [LogRow], sets: [Labels]
  ) throws -> String {
    let out = Recorded(isTerminal: terminal)
    let surroundings = Surroundings(
      output: out, errors: Recorded(), environment: ["TZ": "UTC"], now: { 0 })
    let arguments = try Arguments(
      words, options: QueryOptions.output, environment: surroundings.environment)
    var lines = LineOutput(
      try OutputStyle(arguments, surroundings), out, errors: surroundings.errors)
    lines.write(rows, sets: sets)
    lines.end()
    return out.text
  }

  private let rows = [
    LogRow(
      nanoseconds: 1_795_235_940_123_456_789, labels: ["app": "web", "level": "error"],
      line: "a \"b\",\u{1b}[2J\nc"),
    LogRow(nanoseconds: 1_795_235_941_000_000_000, labels: ["app": "web", "n": "1"], line: "d"),
  ]

  @Test func linesAreWrittenInEveryForm() throws {
    let sets = rows.map(\.labels)
    let plain = try written([], rows, sets: sets)
    #expect(
      plain == """
        2026-11-21T04:39:00Z {level="error"} a "b",\u{1b}[2J
        c
        2026-11-21T04:39:01Z {n="1"}         d

        """)
    #expect(
      try written(["-o", "csv"], rows, sets: sets) == """
        timestamp,labels,line
        2026-11-21T04:39:00Z,"{app=""web"", level=""error""}","a ""b"",\u{1b}[2J
        c"
        2026-11-21T04:39:01Z,"{app=""web"", n=""1""}",d

        """)
    #expect(
      try written(["-o", "csv", "--include-label", "n"], rows, sets: sets)
        .hasPrefix("timestamp,n,line\n2026-11-21T04:39:00Z,,\"a"))
    #expect(
      try written(["-o", "jsonl", "--timezone", "Europe/Berlin"], [rows[0]], sets: sets) == #"""
        {"labels":{"level":"error"},"line":"a \"b\",\u001b[2J\nc",\#
        "timestamp":"2026-11-21T05:39:00.123456789+01:00"}

        """#)
    #expect(try written(["-o", "json"], [], sets: []) == "[]\n")
    let document = try JSONValue.parse(try written(["-o", "json"], rows, sets: sets))
    #expect(document.arrayValue?.count == 2)
    #expect(try written(["-o", "raw"], rows, sets: sets) == "a \"b\",\u{1b}[2J\nc\nd\n")
    #expect(
      try written(["--no-labels", "--output-timestamp-format", "unixdate"], [rows[1]], sets: sets)
        == "Sat Nov 21 04:39:01 UTC 2026 d\n")
  }

  @Test func nothingOfALineActsOnATerminal() throws {
    for form in ["default", "raw", "table"] {
      let text = try written(["-o", form], terminal: true, rows, sets: rows.map(\.labels))
      #expect(!text.contains("\u{1b}[2J"))
      #expect(text.contains(#"\x1b[2J\nc"#))
    }
    let coloured = try written(["--colored-output"], rows, sets: [])
    #expect(coloured.contains("\u{1b}[31ma \"b\",\\x1b[2J"), "errors are red")
  }

  @Test func documentsAreIndentedAsGoDoes() throws {
    let value = try JSONValue.parse(#"[{"metric":{},"values":[[1.5,"2"]]},[]]"#)
    #expect(
      indented(value) == """
        [
          {
            "metric": {},
            "values": [
              [
                1.5,
                "2"
              ]
            ]
          },
          []
        ]
        """)
  }

  @Test func sizesAsLogcliTellsThem() {
    #expect(shortSize(0) == "0B")
    #expect(shortSize(999) == "999B")
    #expect(shortSize(1949) == "1.9kB")
    #expect(shortSize(27_600_000) == "28MB")
  }
}

import LogQL
import LogQuery
import LogStore
import TelemetryModel
import Testing

/// Rules that hold for every line.
@Suite struct PipelinePropertyTests {
  private static let fragments = [
    "{", "}", "[", "]", "\"", "\\", ":", ",", "a", "b", "app", "1", "-2.5", "true", "null", " ",
    "=", "\\u00e9", "\\ud83d", "\u{1b}[31m", "é", "\n", "10.0.0.1", "::1", "<", ">", "_entry",
    "{\"a\":", "\"b\":\"x\"", "a=1 ", "b=\"q\" ", "{{", "\0",
  ]

  private static let queries = [
    "| json", "| json a, b=\"b[0]\"", "| logfmt", "| logfmt --strict", "| logfmt a, c=\"b\"",
    "| unpack", #"| pattern "<a> <_>=<b>""#, #"| regexp "(?P<a>\\w+)=(?P<b>\\S*)""#, "| decolorize",
    #"|= ip("10.0.0.0/8")"#, #"|> "<_>a<_>""#, #"| json | a > 1 or b = ip("::1")"#,
    #"| logfmt | line_format "{{.a}} {{ __line__ | trunc 3 }}""#,
    #"| json | label_format a="{{.b}}{{.a}}", z=a"#,
    "| json | keep a, b", "| logfmt | drop a, __error__", "| json | a < 10KB | b > 5s",
  ]

  private func randomLine(_ random: inout SystemRandomNumberGenerator) -> [UInt8] {
    var line: [UInt8] = []
    for _ in 0..<Int.random(in: 0..<18, using: &random) {
      line += Self.fragments[Int.random(in: 0..<Self.fragments.count, using: &random)].utf8
      if Int.random(in: 0..<40, using: &random) == 0 { line.append(UInt8.random(in: 0...255)) }
    }
    return line
  }

  @Test func garbageNeverTraps() throws {
    var random = SystemRandomNumberGenerator()
    for query in Self.queries {
      guard case .log(let selection) = try LogQL.parse("{app=\"x\"} \(query)") else { continue }
      var pipeline = try LogPipeline(stages: selection.stages)
      for _ in 0..<1500 {
        randomLine(&random).withUnsafeBytes { line in
          _ = pipeline.process(
            line: line, at: .zero, stream: LogPipelineTests.stream,
            metadata: Bool.random() ? [] : [Label("a", "m"), Label("__error__", "")])
        }
      }
    }
  }

  /// A caller that wants some labels alone gets the values that one gets who wants all of them,
  /// where the line is sound: what is left out is not looked at.
  @Test(arguments: ["| json", "| logfmt", #"| pattern "<a> <b> <c>""#, #"| json | a="1""#])
  func wantedLabelsAreTheSameAsAll(stages: String) throws {
    guard case .log(let selection) = try LogQL.parse("{app=\"x\"} \(stages)") else { return }
    var all = try LogPipeline(stages: selection.stages)
    var some = try LogPipeline(stages: selection.stages, need: .only(["a", "o_c", "app"]))
    var random = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let a = Int.random(in: 0..<3, using: &random)
      let c = Int.random(in: 0..<3, using: &random)
      let json = #"{"x":[1],"a":"\#(a)","o":{"b":"q","c":"\#(c)"},"app":"other"}"#
      let line = stages.contains("json") ? json : "x=9 a=\(a) o.c=\(c) app=other"
      Array(line.utf8).withUnsafeBytes { bytes in
        let stream = LogPipelineTests.stream
        let one = all.process(line: bytes, at: .zero, stream: stream, metadata: [])
        let two = some.process(line: bytes, at: .zero, stream: stream, metadata: [])
        #expect((one == nil) == (two == nil))
        let wanted = one?.labels.all.sorted.filter { ["a", "o_c", "app"].contains($0.name) }
        #expect(two?.labels.all.sorted == wanted)
      }
    }
  }

  /// Templates of text and labels are copied piece by piece; the engine must say the same.
  @Test func copiedTemplatesAgreeWithTheEngine() throws {
    var random = SystemRandomNumberGenerator()
    let pieces = ["{{.a}}", "{{ .b }}", " - ", "x", "{{.app}}", "{{.no}}"]
    for _ in 0..<200 {
      let template = (0..<Int.random(in: 1..<6, using: &random)).map { _ in
        pieces[Int.random(in: 0..<pieces.count, using: &random)]
      }.joined()
      // A variable keeps the copying form from being taken.
      let slow = "{{ $unused := 1 }}" + template
      let line = "a=\(Int.random(in: 0..<99, using: &random)) b=\"é y\""
      let fast = try LogPipelineTests.run("| logfmt | line_format `\(template)`", line)
      let engine = try LogPipelineTests.run("| logfmt | line_format `\(slow)`", line)
      #expect(fast?.line == engine?.line)
    }
  }

  @Test func equalSetsShareOneObject() throws {
    guard case .log(let selection) = try LogQL.parse("{app=\"x\"} | json") else { return }
    var pipeline = try LogPipeline(stages: selection.stages)
    func labels(_ line: String) -> RowLabels? {
      Array(line.utf8).withUnsafeBytes { bytes in
        pipeline.process(line: bytes, at: .zero, stream: LogPipelineTests.stream, metadata: [])?
          .labels
      }
    }
    let first = labels(#"{"a":"1","b":"2"}"#)
    #expect(first === labels(#"{"b":"2","a":"1"}"#))
    #expect(first !== labels(#"{"a":"2","b":"1"}"#))
    #expect(first?.id != labels(#"{"a":"12"}"#)?.id)
  }

  /// New keys in every line must not fill the memory, nor mix up names.
  @Test func everNewKeysAreForgotten() throws {
    guard case .log(let selection) = try LogQL.parse("{app=\"x\"} | json") else { return }
    var pipeline = try LogPipeline(stages: selection.stages)
    for index in 0..<50_000 {
      Array(#"{"k\#(index)":"\#(index)","same":"s"}"#.utf8).withUnsafeBytes { line in
        let row = pipeline.process(
          line: line, at: .zero, stream: LogPipelineTests.stream, metadata: [])
        if index % 997 == 0 {
          #expect(row?.labels.parsed == [Label("k\(index)", "\(index)"), Label("same", "s")])
          #expect(row?.labels.stream.count == 2)
        }
      }
    }
  }
}

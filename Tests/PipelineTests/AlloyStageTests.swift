import LogSources
import Pipeline
import TelemetryModel
import TestSupport
import Testing

/// Stages and options that Alloy has beyond Promtail's, by what its documentation and code say.
@Suite struct AlloyStageTests {
  @Test func patternsCaptureAndLabel() throws {
    let rig = try PipelineRig(
      "- pattern: {pattern: '<ip> - <_> \"<method> <_>\"', labels_from_groups: true}")
    let out = rig.run(#"1.2.3.4 - bob "GET /x""#)
    #expect(out[0].labels == ["ip": "1.2.3.4", "method": "GET", "job": "t"])
  }

  @Test func arraysBecomeLines() throws {
    let rig = try PipelineRig("- static_labels: {a: b}\n- split_json: {}")
    let lines = rig.run(#" [{"a":1}, {"b":[1,2]} ,null, "x"]"#, "[]", "{}", "[1,", "").map(\.line)
    #expect(lines == [#"{"a":1}"#, #"{"b":[1,2]}"#, "null", #""x""#, "{}", "[1,", ""])
    #expect(rig.pipeline.drops.map(\.lines) == [1])
  }

  @Test func longTextsAreCutBetweenCharacters() throws {
    let rig = try PipelineRig(
      """
      - truncate: {rules: [{limit: 10, suffix: ...}, {limit: 3B, source_type: label}]}
      - labels: {truncated: }
      """)
    let out = rig.run("0123456", "0123456789a", "ёжёжёжёж", labels: ["job": "abcd"])
    #expect(out.map(\.line) == ["0123456", "0123456...", "ёжё..."])
    #expect(out.map { $0.labels["job"] } == ["abc", "abc", "abc"])
    #expect(out.map { $0.labels["truncated"] } == ["label", "label,line", "label,line"])
    let shown = String(decoding: rig.metrics.exposition(), as: UTF8.self)
    #expect(shown.contains("loki_process_truncated_fields_total{field=\"line\"} 2"))
  }

  @Test func cardNumbersAreRedacted() throws {
    let rig = try PipelineRig("- luhn: {delimiters: ' -'}")
    #expect(
      rig.run(
        "card 4539 1488 0343 6467 - ok", "4539-1488-0343-6468", "x 4539148803436467y 12"
      ).map(\.line) == [
        "card **REDACTED** - ok", "4539-1488-0343-6468", "x **REDACTED**y 12",
      ])
    let skipping = try PipelineRig("- luhn: {skip_regex: 'id=\\d+', replacement: '#'}")
    #expect(
      skipping.run("id=4539148803436467 n=4539148803436467").map(\.line)
        == ["id=4539148803436467 n=#"])
  }

  @Test func namesAreTakenByExpression() throws {
    let json = try PipelineRig(
      "- json: {regex: '^k'}\n- structured_metadata: {values: {}, regex: '^k'}")
    #expect(
      json.run(#"{"k1":"1","k2":{"z":[1]},"x":3}"#)[0].metadata == [
        "k1": "1", "k2": #"{"z":[1]}"#,
      ])
    let logfmt = try PipelineRig(
      """
      - logfmt: {regex: '^k', mapping: {q: k1}}
      - structured_metadata: {values: {q: }, regex: '^k'}
      - structured_metadata_drop: [k2]
      """)
    #expect(logfmt.run(#"k1=a k2="b c" x=1"#)[0].metadata == ["q": "a", "k1": "a"])
    let labels = try PipelineRig(
      """
      - json: {expressions: {a: }}
      - structured_metadata: {a: }
      - labels: {values: {z: a}, source_type: structured_metadata}
      - regex: {expression: '"(?P<g>\\w+)', labels_from_groups: true}
      """)
    #expect(labels.run(#"{"a":"1"}"#)[0].labels == ["job": "t", "z": "1", "g": "a"])
  }

  @Test func repeatedTimesAreMovedOn() throws {
    let rig = try PipelineRig(
      """
      - regex: {expression: '^(?P<t>\\d+)'}
      - timestamp: {source: t, format: Unix, action_on_duplicate_timestamp: fudge}
      """)
    let times = rig.run("1", "1", "1", "2").map(\.time.nanoseconds)
    #expect(times == [1_000_000_000, 1_000_000_001, 1_000_000_002, 2_000_000_000])
  }

  @Test func lineEndsAreTrimmedInBlocks() throws {
    let rig = try PipelineRig("- multiline: {firstline: '^S', trim_newlines: true}")
    _ = rig.run("S a\r", "b\r\n")
    rig.clock.advance(seconds: 2.9)
    #expect(rig.expired().isEmpty)
    #expect(rig.pipeline.millisecondsUntilDue == 100)
    rig.clock.advance(seconds: 0.1)
    #expect(rig.expired().map(\.line) == ["S a\nb"])
  }

  /// One endless block, or many blocks of labels that a stage makes: what is held of one file stays
  /// below what is stored of it.
  @Test(arguments: [1, 700])
  func linesOfOneSourceAreNotHeldWithoutEnd(streams: Int) throws {
    let rig = try PipelineRig(
      """
      - regex: {expression: '(?P<stream>s\\d+)'}
      - labels: {stream: stream}
      - multiline: {firstline: '^0 ', max_lines: 0}
      """)
    var (came, most) = (0, 0)
    for number in 0..<170_000 {
      let text = "\(number < streams ? 0 : number) s\(number % streams)"
      Array(text.utf8).withUnsafeBytes { bytes in
        rig.pipeline.process(
          line: bytes, timestamp: .zero, labels: ["job": "t"],
          origin: LineOrigin(source: 1, start: Int64(number), length: 1)
        ) { came += 1 + $0.earlierOrigins.count }
      }
      guard number % 5000 == 0 else { continue }
      var held = 0
      rig.pipeline.heldOrigins { _ in held += 1 }
      most = max(most, held)
      #expect(came + held == number + 1)
    }
    #expect(most > 40_000 && most < FilePosition.heldLinesMax)
  }

  @Test func limitsHoldReadingBack() throws {
    let rig = try PipelineRig("- limit: {rate: 10, burst: 1}")
    #expect(rig.run("a", "b", "c").count == 3)
    #expect(rig.pipeline.pauseMilliseconds == 200)
    rig.clock.advance(seconds: 0.2)
    #expect(!rig.pipeline.wantsPause)
  }

  @Test(arguments: [
    "- truncate: {rules: []}", "- truncate: {rules: [{limit: 0}]}",
    "- truncate: {rules: [{limit: 2, sources: [a]}]}",
    "- truncate: {rules: [{limit: 2, suffix: abc}]}",
    "- pattern: {pattern: 'no captures'}", "- structured_metadata_drop: []",
    "- luhn: {skip_regex: '('}", "- json: {regex: '('}", "- split_json: {source: ''}",
    "- metrics: {a: {type: Histogram, config: {buckets: [2, 1]}}}",
    "- metrics: {a: {type: Counter, config: {action: inc, value: 5}}}",
    "- metrics: {a: {type: Counter, config: {action: inc}}}\n"
      + "- metrics: {a: {type: Gauge, config: {action: inc}}}",
    "- geoip: {db: /nonexistent, source: ip, db_type: city}",
    "- labels: {values: {a: b}, source_type: line}",
  ])
  func settingsAreChecked(yaml: String) {
    #expect(throws: PipelineError.self) { try PipelineRig(yaml) }
  }
}

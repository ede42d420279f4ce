import Configuration
import LinuxIO
import Pipeline
import TelemetryModel
import Testing
import WireFormats

/// How the settings of stages are read; each expectation is what Promtail's own stage code did
/// with the same text.
@Suite struct StageSettingsTests {
  @Test(arguments: [
    "json: {Expressions: {a: x}, unknown: 5}", "regex: {EXPRESSION: '(?P<a>x)', other: {}}",
    "drop: {expression: 5, drop_counter_reason: true}", "drop: {source: [], longer_than: ''}",
    "drop: {expression: a, older_than: false}", "drop: {source: a, value: 1.50}",
    "limit: {rate: '10', burst: 1.5, drop: 1}", "limit: {rate: true, burst: 10}",
    "sampling: {}", "sampling: {rate: '0.5'}", "cri: {max_partial_lines: -3, extra: 1}",
    "cri: {max_partial_line_size_truncate: 1}", "decolorize: [a, b]", "docker: text",
    "pack: {labels: {}, ingest_timestamp: 0}", "pack: {labels: job}", "labels: ",
    "multiline: {firstline: '', max_lines: ''}", "multiline: {firstline: a, max_lines: 2.9}",
    "metrics: {m: {type: Counter, config: {action: inc, buckets: [1]}}}",
    "replace: {expression: a, replace: '{{ nothing }}'}",
    "match: {Selector: '{a=\"b\"}', Stages: [{docker: }]}",
  ]) func whatPromtailLoads(_ text: String) throws {
    _ = try PipelineRig("- " + text)
  }

  @Test(arguments: [
    "labels: {a: 5}", "labels: {a: 2024-01-01}", "structured_metadata: {a: true}",
    "regex: {expression: ''}", "regex: {expression: 5}", "output: {source: 1.5}",
    "template: {source: a, template: 5}", "tenant: {value: 5}", "json: {expressions: {a: 5}}",
    "json: {expressions: {a: }, drop_malformed: 'true'}", "logfmt: {mapping: {a: x}, source: 5}",
    "timestamp: {source: a, format: RFC3339, fallback_formats: Unix}",
    "match: {selector: '{}', action: drop}", "match: {selector: '{a=\"b\"}', action: 5}",
    "drop: {expression: 2024-01-01}", "drop: {expression: a, longer_than: 1.5}",
    "drop: {expression: a, older_than: 1}", "limit: {rate: yes please, burst: 1}",
    "metrics: {m: {type: Counter, prefix: 2024-01-01, config: {action: inc}}}",
  ]) func whatPromtailRefuses(_ text: String) {
    #expect(throws: (any Error).self) { _ = try PipelineRig("- " + text) }
  }

  @Test func numbersAndTruthValuesStandForTexts() throws {
    for (value, text) in [("true", "1"), ("1.50", "1.5"), ("0x10", "16"), ("'1.50'", "1.50")] {
      let rig = try PipelineRig("- drop: {source: a, value: \(value)}")
      #expect(rig.run("x", labels: ["a": text]).isEmpty, "\(value)")
      #expect(rig.run("x", labels: ["a": "other"]).count == 1)
    }
  }

  @Test func fewDistinctLabelsAreNoFewer() throws {
    let rig = try PipelineRig(
      "- limit: {rate: 1, burst: 1, drop: true, by_label_name: a, max_distinct_labels: 2}")
    let kept = ["x", "y", "z", "x"].filter { !rig.run("line", labels: ["a": $0]).isEmpty }
    #expect(kept == ["x", "y", "z"])
  }

  @Test func aSlowLimitEndsNothing() throws {
    let rig = try PipelineRig("- limit: {rate: 1e-300, burst: 1}")
    #expect(rig.run("a", "b", "c").count == 3)
  }

  @Test func emptyMatchesStandBetweenCharacters() throws {
    let rig = try PipelineRig("- replace: {expression: '()', replace: '-'}")
    #expect(rig.run("a日b").map(\.line) == ["-a-日-b-"])
  }

  @Test func smallNumbersOfExtractedListsHaveTwoDigitsOfExponent() throws {
    let rig = try PipelineRig("- json: {expressions: {x: }}\n- output: {source: x}")
    #expect(
      rig.run(#"{"x": [1e-7, 0.25, {"a": -1e-12}]}"#).map(\.line) == [#"[1e-07,0.25,{"a":-1e-12}]"#]
    )
  }

  @Test func whatNoStageKnowsIsRemarkedOn() throws {
    let node = try YAMLNode.parse("- json: {expressions: {a: }, suorce: b}\n- docker: {x: 1}")
    let stages = try StageConfiguration.list(node, path: "pipeline_stages", file: "f.yml")
    let pipeline = try Pipeline(stages: stages, jobName: "j", clock: SystemClock())
    #expect(
      pipeline.remarks == [
        "f.yml:1:30: unknown key `suorce` under `pipeline_stages[0].json`, which has no effect; "
          + "did you mean `source`?",
        "f.yml:2:12: unknown key `x` under `pipeline_stages[1].docker`, which has no effect",
      ])
  }
}

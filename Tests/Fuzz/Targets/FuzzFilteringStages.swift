import Configuration
import Pipeline
import TelemetryModel
import WireFormats

/// An expression, a line feed, and the line: `drop` and both ways of `match` are of one mind.
func fuzzDropStage(_ input: UnsafeRawBufferPointer) {
  let (expression, line) = halves(input)
  guard expression.count <= 256, isText(expression), !expression.isEmpty else { return }
  let dropped = runStages([stage("drop", ["expression": .text(expression)])], [line])
  // Bytes below a blank need escapes that only Go's texts have.
  guard expression.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return }
  let text = expression.reduce(into: [UInt8]()) { text, byte in
    if byte == 0x22 || byte == 0x5c { text.append(0x5c) }
    text.append(byte)
  }
  func match(_ operation: String) -> [StageOutput]? {
    let selector = Array("{job=\"fuzz\"} \(operation) \"".utf8) + text + [0x22]
    return runStages(
      [stage("match", ["selector": .text(selector), "action": .text("drop")])], [line])
  }
  let (with, without) = (match("|~"), match("!~"))
  precondition((dropped == nil) == (with == nil), "one stage takes an expression, one does not")
  guard let dropped, let with, let without else { return }
  precondition(dropped.isEmpty == with.isEmpty, "`drop` and `match` differ")
  precondition(with.count + without.count == 1, "a line fits both or neither")
}

/// A selector, a line feed, and the line: what is kept for nested stages is what is dropped.
func fuzzMatchSelector(_ input: UnsafeRawBufferPointer) {
  let (selector, line) = halves(input)
  guard selector.count <= 256 else { return }
  let nested: YAMLNode = .list([.map(["static_labels": .map(["seen": .text("1")])])])
  let kept = runStages(
    [stage("match", ["selector": .text(selector), "stages": nested])], [line])
  let dropped = runStages(
    [stage("match", ["selector": .text(selector), "action": .text("drop")])], [line])
  precondition((kept == nil) == (dropped == nil), "an action makes a selector good")
  guard let kept, let dropped else { return }
  precondition(kept.count == 1 && kept[0].has("seen", "1") == dropped.isEmpty)
}

/// Names, a line feed, and logfmt pairs: `labelallow` and `labeldrop` of the same names part the
/// labels, and metadata that are dropped are gone.
func fuzzLabelStages(_ input: UnsafeRawBufferPointer) {
  let (head, line) = halves(input)
  let names = head.split(separator: 0x2c).prefix(16).map { YAMLNode.text($0) }
  guard !names.isEmpty else { return }
  let pairs: [StageConfiguration] = [
    stage("logfmt", ["mapping": .map(["a": .text(""), "b": .text(""), "c": .text("a")])]),
    stage("labels", ["a": .text(""), "b": .text(""), "c": .text("")]),
  ]
  func list(_ name: String) -> StageConfiguration {
    var made = stage(name)
    made.settings = .list(names)
    return made
  }
  guard let all = runStages(pairs, [line])?.first?.labels,
    let allowed = runStages(pairs + [list("labelallow")], [line])?.first?.labels,
    let dropped = runStages(pairs + [list("labeldrop")], [line])?.first?.labels
  else { preconditionFailure("a line is lost") }
  precondition((allowed + dropped).sorted() == all.sorted(), "labels are lost or doubled")

  let metadata = stage("structured_metadata", ["a": .text(""), "b": .text("")])
  guard let moved = runStages(pairs + [metadata], [line])?.first,
    let gone = runStages(pairs + [metadata, list("structured_metadata_drop")], [line])?.first
  else { preconditionFailure("a line is lost") }
  let taken = Set(names.compactMap(\.scalar?.text))
  precondition(gone.metadata == moved.metadata.filter { !taken.contains($0.name) })
}

/// A value as `metrics` count it: a gauge shows the number that stands in the line.
func fuzzMetricsStage(_ input: UnsafeRawBufferPointer) {
  let metrics = PipelineMetrics()
  let stages = [
    stage("regex", ["expression": .text("(?s)^(?P<v>.*)$")]),
    stage(
      "metrics",
      [
        "g": .map([
          "type": .text("Gauge"), "source": .text("v"), "config": .map(["action": .text("set")]),
        ]),
        "h": .map(["type": .text("Histogram"), "source": .text("v")]),
        "c": .map([
          "type": .text("Counter"), "source": .text("v"),
          "config": .map(["action": .text("add")]),
        ]),
      ]),
  ]
  precondition(runStages(stages, [input], metrics: metrics)?.count == 1, "a line is lost")
  let shown = String(decoding: metrics.exposition(), as: UTF8.self)
  let text = String(decoding: input, as: UTF8.self)
  let isPlain = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
  guard isPlain, text.utf8.count < 300, let number = Double(text) else { return }
  let gauge = shown.split(separator: "\n").first { $0.hasPrefix("promtail_custom_g{") }
  precondition(gauge?.split(separator: " ").last.flatMap { Double($0) } == number)
}

/// Stages as YAML, up to a line of three dashes, and lines for them.
func fuzzStageSettings(_ input: UnsafeRawBufferPointer) {
  guard input.count <= 4096, let text = String(validating: input, as: UTF8.self),
    let node = try? YAMLNode.parse(text),
    let stages = try? StageConfiguration.list(node, path: "stages", file: "fuzz")
  else { return }
  // Files of databases are no matter of the settings.
  guard !text.contains("geoip") else { return }
  let line = Array(#"{"a": "1", "b": [1, 2], "time": "2024-01-02T03:04:05Z"} c=d 192.0.2.1"#.utf8)
  line.withUnsafeBytes { bytes in
    _ = runStages(stages, [bytes, UnsafeRawBufferPointer(rebasing: bytes[..<20]), bytes])
  }
}

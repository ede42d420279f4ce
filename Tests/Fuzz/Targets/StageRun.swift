import Configuration
import LinuxIO
import Pipeline
import TelemetryModel
@testable import WireFormats

/// What came out of stages for one line.
struct StageOutput: Equatable {
  var line: [UInt8]
  var labels: [Label]
  var metadata: [Label]
  var timestamp: Timestamp

  /// Whether there is such a label.
  func has(_ name: String, _ value: String) -> Bool { labels.contains(Label(name, value)) }
}

/// A clock that stands still.
private struct StillClock: WallClock {
  func now() -> Int64 { 1_700_000_000_000_000_000 }
  func monotonic() -> MonotonicTime { MonotonicTime(nanoseconds: 1_000_000_000) }
}

/// Runs lines through stages and lets go of what is held; nil when the stages are refused.
func runStages(
  _ stages: [StageConfiguration], _ lines: [UnsafeRawBufferPointer],
  metrics: PipelineMetrics = PipelineMetrics()
) -> [StageOutput]? {
  guard
    let pipeline = try? Pipeline(
      stages: stages, jobName: "fuzz", clock: StillClock(), metrics: metrics)
  else { return nil }
  var outputs: [StageOutput] = []
  func take(_ output: PipelineOutput) {
    outputs.append(
      StageOutput(
        line: Array(output.line), labels: output.labels.sorted,
        metadata: output.structuredMetadata, timestamp: output.timestamp))
  }
  for line in lines {
    pipeline.process(line: line, timestamp: .zero, labels: ["job": "fuzz"], emit: take)
    precondition(pipeline.pauseMilliseconds >= 0, "a pause before now")
  }
  pipeline.flush(emit: take)
  return outputs
}

/// Runs a line through stages given as YAML; nil when the stages are refused.
func runStages(_ yaml: String, _ line: UnsafeRawBufferPointer) -> [StageOutput]? {
  guard let node = try? YAMLNode.parse(yaml),
    let stages = try? StageConfiguration.list(node, path: "stages", file: "fuzz")
  else { return nil }
  return runStages(stages, [line])
}

/// A stage made without YAML, which takes most of the time otherwise.
func stage(_ name: String, _ settings: KeyValuePairs<String, YAMLNode> = [:])
  -> StageConfiguration
{
  StageConfiguration(
    name: name, settings: .map(settings), mark: .start, path: "stages[0].\(name)", file: "fuzz")
}

extension YAMLMark {
  fileprivate static let start = YAMLMark(line: 1, column: 1)
}

extension YAMLNode {
  /// A text in quotes.
  static func text(_ text: some Sequence<UInt8>) -> YAMLNode {
    .scalar(
      YAMLScalar(text: String(decoding: Array(text), as: UTF8.self), isPlain: false, mark: .start))
  }

  static func text(_ text: String) -> YAMLNode { .text(text.utf8) }

  /// A value without quotes.
  static func plain(_ text: String) -> YAMLNode {
    .scalar(YAMLScalar(text: text, isPlain: true, mark: .start))
  }

  static func map(_ members: KeyValuePairs<String, YAMLNode>) -> YAMLNode {
    .mapping(members.map { YAMLMember(key: $0, keyMark: .start, value: $1) }, .start)
  }

  static func list(_ items: [YAMLNode]) -> YAMLNode { .sequence(items, .start) }
}

/// A text as YAML has it.
func quoted(_ text: some Sequence<UInt8>) -> String {
  var writer = JSONWriter()
  writer.string(bytes: Array(text))
  return String(decoding: writer.bytes, as: UTF8.self)
}

/// The part before the first line feed, and the rest.
func halves(_ input: UnsafeRawBufferPointer) -> (
  head: UnsafeRawBufferPointer, rest: UnsafeRawBufferPointer
) {
  let end = input.firstIndex(of: 10) ?? input.count
  return (
    UnsafeRawBufferPointer(rebasing: input[..<end]),
    UnsafeRawBufferPointer(rebasing: input[min(end + 1, input.count)...])
  )
}

/// The parts between line feeds.
func lines(_ input: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer] {
  input.split(separator: 10, omittingEmptySubsequences: false).map {
    UnsafeRawBufferPointer(rebasing: $0)
  }
}

/// Whether bytes are UTF-8.
func isText(_ bytes: some Sequence<UInt8>) -> Bool {
  String(validating: Array(bytes), as: UTF8.self) != nil
}

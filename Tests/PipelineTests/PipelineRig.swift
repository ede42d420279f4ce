import Configuration
import LogSources
import Pipeline
import TelemetryModel
import TestSupport
import WireFormats

/// A pipeline of stages given as YAML, over a clock by hand.
struct PipelineRig {
  /// One line that came out.
  struct Output: Equatable {
    var line: String
    var labels: [String: String]
    var metadata: [String: String]
    var time: Timestamp
  }

  let clock = ManualClock()
  let metrics: PipelineMetrics
  let pipeline: Pipeline

  init(_ yaml: String) throws {
    metrics = PipelineMetrics(clock: clock)
    let stages = try StageConfiguration.list(
      try YAMLNode.parse(yaml), path: "pipeline_stages", file: "test")
    pipeline = try Pipeline(stages: stages, jobName: "t", clock: clock, metrics: metrics)
  }

  func run(_ lines: String..., labels: Labels = ["job": "t"]) -> [Output] {
    var out: [Output] = []
    for line in lines {
      Array(line.utf8).withUnsafeBytes { bytes in
        pipeline.process(
          line: bytes, timestamp: Timestamp(nanoseconds: clock.now()), labels: labels,
          origin: LineOrigin(source: 1, start: 0, length: 1)
        ) { out.append(PipelineRig.output($0)) }
      }
    }
    return out
  }

  func expired() -> [Output] {
    var out: [Output] = []
    pipeline.expire { out.append(PipelineRig.output($0)) }
    return out
  }

  private static func output(_ output: PipelineOutput) -> Output {
    func map(_ labels: [Label]) -> [String: String] {
      Dictionary(labels.map { ($0.name, $0.value) }) { $1 }
    }
    return Output(
      line: String(decoding: output.line, as: UTF8.self), labels: map(output.labels.sorted),
      metadata: map(output.structuredMetadata), time: output.timestamp)
  }
}

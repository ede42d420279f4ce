import LinuxIO
import Pipeline
import Synchronization
import TelemetryModel
import WireFormats

/// `sluice agent test`: pipeline tests kept beside a configuration.
let agentTestCommand = Command(
  name: "test", summary: "Run the tests of pipelines in a file.",
  notes: """
    A test names a job of the configuration (or has stages of its own), lines that go in, and the
    lines that come out with their labels, times and metadata; docs/pipelines.md tells of
    the form. Exit status 0 when all pass.
    Example: sluice agent test pipeline-tests.yml
    """,
  positional: "FILE...",
  options: [.flag("inspect", "show what each stage of a failing test did")],
  run: { arguments, surroundings in
    guard !arguments.positional.isEmpty else {
      throw UsageError(message: "a file with tests is needed")
    }
    let run = PipelineTestRun(
      output: surroundings.output,
      painter: Painter(surroundings.output, environment: surroundings.environment),
      showsStages: arguments.has("inspect"))
    var failed = 0
    var passed = 0
    for path in arguments.positional {
      let file = try PipelineTestFile(path: path, environment: surroundings.environment)
      for test in file.tests {
        if try run.passes(test) { passed += 1 } else { failed += 1 }
      }
    }
    surroundings.output.write("\(passed) passed, \(failed) failed\n")
    return failed == 0 ? .success : .failure
  })

/// Runs tests one by one and says how they went.
struct PipelineTestRun {
  let output: any TextOutput
  let painter: Painter
  let showsStages: Bool

  /// One line as it came out.
  private struct Outcome {
    var line: String
    var labels: [Label]
    var timestamp: Timestamp
    var structuredMetadata: [Label]
    var tenant: String?
  }

  /// A clock that the test moves.
  private final class TestClock: WallClock {
    private let time: Mutex<Int64>

    init(_ start: Timestamp) { time = Mutex(start.nanoseconds) }

    func now() -> Int64 { time.withLock { $0 } }
    func monotonic() -> MonotonicTime { MonotonicTime(nanoseconds: UInt64(clamping: now())) }
    func move(_ span: TimeSpan) { time.withLock { $0 &+= span.nanoseconds } }
  }

  func passes(_ test: PipelineTestFile.Test) throws -> Bool {
    let clock = TestClock(test.now)
    let metrics = PipelineMetrics(clock: clock)
    let steps = Mutex<[StageInspection]>([])
    let inspector: PipelineInspector = { step in steps.withLock { $0.append(step) } }
    let pipeline = try Pipeline(
      stages: test.stages, jobName: test.job, clock: clock,
      zones: TimeZoneDatabase(fileSystem: RealFileSystem()),
      metrics: metrics,
      inspector: showsStages ? inspector : nil)
    var outcomes: [Outcome] = []
    func take(_ output: PipelineOutput) {
      outcomes.append(
        Outcome(
          line: String(decoding: output.line, as: UTF8.self), labels: output.labels.sorted,
          timestamp: output.timestamp, structuredMetadata: output.structuredMetadata.sorted(),
          tenant: output.tenant))
    }
    for line in test.input {
      move(clock, line.after, pipeline, take)
      var text = line.line
      text.withUTF8 { bytes in
        pipeline.process(
          line: UnsafeRawBufferPointer(bytes),
          timestamp: line.timestamp ?? Timestamp(nanoseconds: clock.now()),
          labels: Labels(line.labels), structuredMetadata: line.structuredMetadata,
          emit: take)
      }
    }
    pipeline.flush(emit: take)
    let faults = faults(test, outcomes, pipeline, metrics)
    let name = terminalSafe(test.name.isEmpty ? "line \(test.mark.line)" : test.name)
    if faults.isEmpty {
      output.write("\(painter.paint("ok", .green))      \(name)\n")
      return true
    }
    output.write("\(painter.paint("FAILED", .red))  \(name)\n" + faults.joined())
    let report = InspectionReport(output: output, painter: painter)
    for step in steps.withLock({ $0 }) { report.show(step) }
    return false
  }

  /// Moves the clock, letting go of blocks when they become due.
  private func move(
    _ clock: TestClock, _ span: TimeSpan, _ pipeline: Pipeline, _ take: (PipelineOutput) -> Void
  ) {
    var left = span
    while let wait = pipeline.millisecondsUntilDue,
      TimeSpan.milliseconds(Int64(wait)) <= left
    {
      let step = TimeSpan.milliseconds(Int64(wait))
      clock.move(step)
      left = TimeSpan(nanoseconds: left.nanoseconds - step.nanoseconds)
      pipeline.expire(emit: take)
      if wait == 0, pipeline.millisecondsUntilDue == 0 { break }
    }
    clock.move(left)
  }

  private func faults(
    _ test: PipelineTestFile.Test, _ outcomes: [Outcome], _ pipeline: Pipeline,
    _ metrics: PipelineMetrics
  ) -> [String] {
    var faults: [String] = []
    for index in 0..<max(outcomes.count, test.expected.count) {
      let place = "line \(index + 1)"
      guard index < outcomes.count else {
        faults.append(fault(place, "it", test.expected[index].line ?? "a line", nil))
        continue
      }
      guard index < test.expected.count else {
        faults.append(fault(place, "it", nil, outcomes[index].line))
        continue
      }
      faults += self.faults(place, test.expected[index], outcomes[index])
    }
    if let dropped = test.dropped {
      let counts = Dictionary(pipeline.drops.map { ($0.reason, $0.lines) }) { $1 }
      for reason in Set(dropped.keys).union(counts.keys).sorted()
      where dropped[reason] ?? 0 != counts[reason] ?? 0 {
        faults.append(
          fault("dropped", reason, "\(dropped[reason] ?? 0)", "\(counts[reason] ?? 0)"))
      }
    }
    let shown = String(decoding: metrics.exposition(), as: UTF8.self).split(separator: "\n")
    for metric in test.metrics where !shown.contains(Substring(metric)) {
      faults.append(fault("metrics", "it", metric, nil))
    }
    return faults
  }

  private func faults(
    _ place: String, _ expected: PipelineTestFile.Expectation, _ got: Outcome
  ) -> [String] {
    var faults: [String] = []
    func compare(_ what: String, _ wanted: String?, _ found: String) {
      guard let wanted, wanted != found else { return }
      faults.append(fault(place, what, wanted, found))
    }
    compare("line", expected.line, got.line)
    compare(
      "timestamp", expected.timestamp.map(InspectionReport.time),
      InspectionReport.time(got.timestamp))
    compare(
      "labels", expected.labels.map { Labels($0).description }, Labels(got.labels).description)
    compare(
      "structured_metadata", expected.structuredMetadata.map { Labels($0).description },
      Labels(got.structuredMetadata).description)
    compare("tenant", expected.tenant, got.tenant ?? "")
    return faults
  }

  private func fault(_ place: String, _ what: String, _ wanted: String?, _ got: String?) -> String {
    var out = "  \(place), \(terminalSafe(what)):\n"
    if let wanted { out += painter.paint("    want \(terminalSafe(wanted))", .green) + "\n" }
    if let got { out += painter.paint("    got  \(terminalSafe(got))", .red) + "\n" }
    if wanted == nil { out += painter.paint("    want no such line", .green) + "\n" }
    if got == nil { out += painter.paint("    got  none", .red) + "\n" }
    return out
  }
}

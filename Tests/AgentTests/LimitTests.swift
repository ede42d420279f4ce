import Agent
import LinuxIO
import TelemetryModel
import Testing

/// `limits_config`: how fast lines may be handed on, and of how many streams.
@Suite struct LimitTests {
  func dropped(_ registry: MetricsRegistry, _ reason: String) -> Int {
    Int(
      registry.counter(
        "sluice_agent_dropped_lines_total", help: "", labels: ["job": "app", "reason": reason]
      ).value)
  }

  func run(
    _ limits: String, lines: [String],
    _ body: (AgentRig, PushSink, MetricsRegistry) async throws -> Void
  ) async throws {
    let rig = AgentRig()
    let sink = PushSink()
    defer { sink.close() }
    let configuration = try rig.configuration(
      clients: rig.client(sink),
      scrapes: """
            - job_name: app
              static_configs: [{labels: {job: app, __path__: "\(rig.folder)/*.log"}}]
              pipeline_stages: [{regex: {expression: "^(?P<app>[^ ]+)"}}, {labels: {app: }}]
        """, more: "  limits_config: {\(limits)}")
    rig.write(lines.map { $0 + "\n" }.joined(), to: "a.log")
    let registry = MetricsRegistry()
    try await rig.run(configuration, registry: registry) { try await body(rig, sink, registry) }
  }

  @Test func linesAboveTheRateAreDropped() async throws {
    let lines = (0..<200).map { "app \($0)" }
    try await run(
      "readline_rate_enabled: true, readline_rate: 0.001, readline_burst: 50", lines: lines
    ) { rig, sink, registry in
      #expect(await rig.eventually { dropped(registry, "rate_limited") == 150 })
      #expect(await rig.eventually { sink.lines == Array(lines.prefix(50)) })
    }
  }

  @Test func linesAboveTheRateWait() async throws {
    let lines = (0..<60).map { "app \($0)" }
    let start = MonotonicTime.now()
    try await run(
      "readline_rate_enabled: true, readline_rate: 100, readline_burst: 10,"
        + " readline_rate_drop: false", lines: lines
    ) { rig, sink, registry in
      #expect(await rig.eventually { sink.lines == lines })
      // Fifty lines have to wait for a hundredth of a second each.
      #expect(MonotonicTime.now().seconds(since: start) > 0.45)
      #expect(dropped(registry, "rate_limited") == 0)
    }
  }

  @Test func linesOfTooManyStreamsAreDropped() async throws {
    let lines = (0..<100).map { "app\($0 % 4) \($0)" }
    try await run("max_streams: 3", lines: lines) { rig, sink, registry in
      #expect(await rig.eventually { dropped(registry, "stream_limited") == 25 })
      #expect(await rig.eventually { sink.lines.count == 75 })
      #expect(sink.lines.allSatisfy { !$0.hasPrefix("app3") })
    }
  }

  @Test func aRateOfNothingIsRefused() async throws {
    await #expect(throws: AgentError.self) {
      try await run("readline_rate_enabled: true, readline_rate: 0", lines: []) { _, _, _ in }
    }
  }
}

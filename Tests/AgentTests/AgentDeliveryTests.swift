import Agent
import Configuration
import Foundation
import TelemetryModel
import Testing

@Suite struct AgentDeliveryTests {
  func numbered(_ range: Range<Int>) -> [String] { range.map { "line \($0) of the log" } }
  func text(_ range: Range<Int>) -> String { numbered(range).map { $0 + "\n" }.joined() }

  func scrape(_ rig: AgentRig, stages: String = "") -> String {
    """
        - job_name: app
          static_configs:
            - targets: [localhost]
              labels: {job: app, __path__: "\(rig.folder)/*.log*"}
    \(stages)
    """
  }

  @Test func linesArriveOnceWithTheirLabels() async throws {
    let rig = AgentRig()
    let sink = PushSink()
    defer { sink.close() }
    let configuration = try rig.configuration(
      clients: rig.client(sink, more: "      tenant_id: team-a\n      external_labels: {dc: x}"),
      scrapes: scrape(rig))
    rig.write(text(0..<100), to: "a.log")
    try await rig.run(configuration) {
      #expect(await rig.eventually { sink.lines.count == 100 })
      rig.write(text(100..<150), to: "a.log")
      rig.rename("a.log", to: "a.log.1")
      rig.write(text(150..<200), to: "a.log")
      #expect(await rig.eventually { sink.lines.count == 200 })
    }
    #expect(sink.lines.sorted() == numbered(0..<200).sorted())
    let push = try #require(sink.pushes.first)
    #expect(push.tenant == "team-a")
    #expect(
      push.streams[0].labels
        == ["dc": "x", "filename": "\(rig.folder)/a.log", "job": "app"])
    // No two lines have one time, so that equal lines are not taken for repeats.
    let stamps = sink.pushes.flatMap { $0.streams.flatMap(\.timestamps) }
    #expect(Set(stamps).count == stamps.count)
    // Promtail's file tells how far.
    let positions = try String(
      contentsOfFile: "\(rig.folder)/state/positions.yaml", encoding: .utf8)
    #expect(positions.contains("\(rig.folder)/a.log: \"\(text(150..<200).utf8.count)\""))
  }

  @Test func aSecondRunGoesOnWhereTheFirstEnded() async throws {
    let rig = AgentRig()
    let sink = PushSink()
    defer { sink.close() }
    let configuration = try rig.configuration(clients: rig.client(sink), scrapes: scrape(rig))
    var written = 0
    for _ in 0..<3 {
      rig.write(text(written..<written + 20), to: "a.log")
      written += 20
      try await rig.run(configuration) {
        #expect(await rig.eventually { sink.lines.count == written })
      }
    }
    #expect(sink.lines == numbered(0..<60))
  }

  @Test func whatFailsIsSentAgainWithTheSameTimes() async throws {
    let rig = AgentRig()
    let sink = PushSink(answers: [
      .status(500), .status(429, headers: "retry-after: 0\r\n"), .hangUp, .silence(seconds: 0.1),
      .status(503),
    ])
    defer { sink.close() }
    let configuration = try rig.configuration(clients: rig.client(sink), scrapes: scrape(rig))
    rig.write(text(0..<10), to: "a.log")
    try await rig.run(configuration) {
      #expect(await rig.eventually { sink.lines.count == 10 })
    }
    #expect(sink.lines == numbered(0..<10))
    let stamps = sink.pushes.map { $0.streams.flatMap(\.timestamps) }
    #expect(stamps.count == 6)
    #expect(Set(stamps).count == 1)
  }

  @Test func aRefusedBatchIsSetAsideWithItsReason() async throws {
    let rig = AgentRig()
    let sink = PushSink(answers: [.status(400, body: "entry too far behind")])
    defer { sink.close() }
    let registry = MetricsRegistry()
    let configuration = try rig.configuration(clients: rig.client(sink), scrapes: scrape(rig))
    rig.write(text(0..<10), to: "a.log")
    try await rig.run(configuration, registry: registry) {
      #expect(await rig.eventually { !sink.pushes.isEmpty })
      rig.write(text(10..<20), to: "a.log")
      #expect(await rig.eventually { sink.lines.count == 10 })
    }
    #expect(sink.lines == numbered(10..<20))
    let rejected = "\(rig.folder)/state/positions.yaml.d/rejected"
    let files = try FileManager.default.subpathsOfDirectory(atPath: rejected)
    let reason = try #require(files.first { $0.hasSuffix(".json") })
    #expect(
      try String(contentsOfFile: "\(rejected)/\(reason)", encoding: .utf8)
        .contains("entry too far behind"))
    #expect(files.contains { $0.hasSuffix(".push") })
    let metrics = String(decoding: registry.exposition(), as: UTF8.self)
    #expect(metrics.contains("sluice_agent_rejected_entries_total{client=\"127.0.0.1:"))
  }

  @Test func oneClientThatIsAwayDoesNotHoldUpAnother() async throws {
    let rig = AgentRig()
    let sink = PushSink()
    let away = PushSink(answers: Array(repeating: .hangUp, count: 100_000))
    defer {
      sink.close()
      away.close()
    }
    let configuration = try rig.configuration(
      clients: rig.client(away) + "\n" + rig.client(sink), scrapes: scrape(rig))
    try await rig.run(configuration) {
      for start in stride(from: 0, to: 50, by: 10) {
        rig.write(text(start..<start + 10), to: "a.log")
        #expect(await rig.eventually { sink.lines.count == start + 10 })
      }
    }
    #expect(sink.lines == numbered(0..<50))
    #expect(away.lines.isEmpty)
  }

  @Test func aMultilineBlockSurvivesARestartInItsMiddle() async throws {
    let rig = AgentRig()
    let sink = PushSink()
    defer { sink.close() }
    let stages = """
            pipeline_stages:
              - multiline: {firstline: '^START', max_wait_time: 60s}
      """
    let configuration = try rig.configuration(
      clients: rig.client(sink), scrapes: scrape(rig, stages: stages))
    rig.write("START one\n more\nSTART two\n half", to: "a.log")
    try await rig.run(configuration) {
      #expect(await rig.eventually { sink.lines.count == 1 })
    }
    rig.write(" and half\n", to: "a.log")
    try await rig.run(configuration) {
      rig.write("START three\n", to: "a.log")
      #expect(await rig.eventually { sink.lines.count == 2 })
    }
    #expect(sink.lines == ["START one\n more", "START two\n half and half"])
  }

  @Test func unsupportedSourcesAreRefusedAtTheStart() throws {
    let rig = AgentRig()
    let configuration = try rig.configuration(
      clients: "    - url: http://127.0.0.1:1/loki/api/v1/push",
      scrapes: "    - job_name: s\n      kafka: {brokers: [b], topics: [t]}")
    #expect(throws: AgentError.self) { try Agent(configuration: configuration) }
  }
}

import Agent
import Configuration
import Delivery
import Foundation
import HTTP
import LinuxIO
import TelemetryModel
import Testing
import WireFormats

/// What `/targets` says of every line, over stages that drop, merge and split.
@Suite struct AccountTests {
  func members(_ value: JSONValue?) -> [String: JSONValue] {
    guard case .object(let members)? = value else { return [:] }
    return Dictionary(members.map { ($0.key, $0.value) }) { $1 }
  }

  func items(_ value: JSONValue?) -> [[String: JSONValue]] {
    guard case .array(let items)? = value else { return [] }
    return items.map { members($0) }
  }

  func count(_ value: JSONValue?) -> Int {
    if case .number(let text)? = value { Int(text) ?? -1 } else { -1 }
  }

  func targets(_ port: UInt16) async throws -> [String: JSONValue] {
    let client = try HTTPClient()
    let response = try await client.send(
      HTTPClientRequest(.get, "http://127.0.0.1:\(port)/targets"))
    return members(try JSONValue.parse(response.body))
  }

  /// A port that nobody listens on.
  func freePort() -> UInt16 {
    let spare = PushSink()
    defer { spare.close() }
    return spare.port
  }

  /// The configuration of a job `app` over `*.log`, whose accounts are told at `port`.
  func configuration(
    _ rig: AgentRig, _ sink: PushSink, tellingAt port: UInt16, stages: String = ""
  ) throws -> AgentConfiguration {
    var configuration = try rig.configuration(
      clients: rig.client(sink),
      scrapes: """
            - job_name: app
              static_configs: [{labels: {job: app, __path__: "\(rig.folder)/*.log"}}]
        \(stages)
        """)
    configuration.server.disable = false
    configuration.server.httpListenAddress = "127.0.0.1"
    configuration.server.httpListenPort = Int(port)
    return configuration
  }

  /// What the server counted closes the loop, or says that it does not.
  @Test(arguments: [3, 2]) func theServerSaysWhatItStored(_ stored: Int) async throws {
    let rig = AgentRig()
    let sink = PushSink(answers: [
      .status(503), .status(204, headers: "x-sluice-stored-lines: \(stored)\r\n"),
    ])
    defer { sink.close() }
    let port = freePort()
    let configuration = try configuration(rig, sink, tellingAt: port)
    rig.write("one\ntwo\nthree\n", to: "a.log")
    try await rig.run(configuration) {
      #expect(await rig.eventually { sink.lines.count == 3 })
      var client: [String: JSONValue] = [:]
      // The server's number is noted between the two others.
      func isTold() -> Bool {
        count(client["acknowledged_lines"]) == 3 && count(client["stored_lines"]) > 0
          && count(client["stored_lines"]) + count(client["unstored_lines"]) == 3
      }
      for _ in 0..<3000 where !isTold() {
        client = items(try? await targets(port)["clients"]).first ?? [:]
        try await Task.sleep(nanoseconds: 20_000_000)
      }
      #expect(count(client["acknowledged_lines"]) == 3)
      #expect(count(client["stored_lines"]) == stored)
      #expect(count(client["unstored_lines"]) == 3 - stored)
    }
  }

  @Test func everyLineIsSomewhere() async throws {
    let rig = AgentRig()
    // One batch is refused for good; its lines are set aside.
    let sink = PushSink(answers: [.status(400)])
    let port = freePort()
    defer { sink.close() }
    let configuration = try configuration(
      rig, sink, tellingAt: port,
      stages: """
              pipeline_stages:
                - match:
                    selector: '{job="app"} |= "noise"'
                    action: drop
                    drop_counter_reason: noise
                - multiline: {firstline: '^START', max_wait_time: 200ms}
                - drop: {expression: 'second', drop_counter_reason: block}
        """)
    rig.write("START one\n a\n b\nnoise\nSTART second\n c\nnoise\nSTART three\n", to: "a.log")
    rig.write("START four\n d\n", to: "b.log")
    try await rig.run(configuration) {
      var found: [String: JSONValue] = [:]
      for _ in 0..<1200 {
        found = (try? await targets(port)) ?? [:]
        let sources = items(found["sources"])
        let acknowledged = sources.reduce(0) { $0 + count($1["acknowledged_lines"]) }
        let passed = sources.reduce(0) { $0 + count($1["passed_lines"]) }
        if sources.count == 2, acknowledged == 3, passed == 3 { break }
        try await Task.sleep(nanoseconds: 50_000_000)
      }
      let sources = items(found["sources"])
      try #require(sources.count == 2)
      for source in sources { #expect(source["adds_up"] == .bool(true)) }
      func all(_ key: String) -> [Int] { sources.map { count($0[key]) } }
      #expect(all("read_lines") == [8, 2])
      // Two lines of noise, and a block of two.
      #expect(all("dropped_lines") == [4, 0])
      #expect(all("merged_lines") == [2, 1])
      #expect(all("passed_lines") == [2, 1])
      #expect(all("queued_lines") == [2, 1])
      #expect(all("acknowledged_lines") == [2, 1])
      let drops = items(found["drops"]).map { "\(count($0["lines"]))" }
      #expect(drops == ["1", "2"])
      let client = try #require(items(found["clients"]).first)
      #expect(count(client["queued_lines"]) == 3)
      #expect(count(client["acknowledged_lines"]) + count(client["rejected_lines"]) == 3)
      #expect(count(client["rejected_lines"]) >= 1)
      #expect(count(client["waiting_lines"]) == 0)
    }
  }

  /// Lines that a stage makes of one are counted where they are made, whatever becomes of them.
  @Test func linesMadeOfOneAddUp() async throws {
    let rig = AgentRig()
    let sink = PushSink()
    let port = freePort()
    defer { sink.close() }
    let configuration = try configuration(
      rig, sink, tellingAt: port,
      stages: """
              pipeline_stages:
                - match:
                    selector: '{job="app"} |= "block"'
                    stages: [{multiline: {firstline: '^\\[', max_wait_time: 200ms}}]
                - split_json: {}
                - drop: {expression: 'drop', drop_counter_reason: unwanted}
        """)
    rig.write(
      """
      ["a", "drop 1", "drop 2", "b"]
      ["drop 3", "drop 4"]
      plain
      ["block 1",
      "block 2", "drop 5"]
      []

      """, to: "a.log")
    try await rig.run(configuration) {
      var source: [String: JSONValue] = [:]
      for _ in 0..<1200 where count(source["acknowledged_lines"]) < 5 {
        source = items(try? await targets(port)["sources"]).first ?? [:]
        try await Task.sleep(nanoseconds: 50_000_000)
      }
      // Accounts of reading are told once a second.
      for _ in 0..<1200 where count(source["passed_lines"]) < 5 {
        source = items(try? await targets(port)["sources"]).first ?? [:]
        try await Task.sleep(nanoseconds: 50_000_000)
      }
      #expect(source["adds_up"] == .bool(true))
      #expect(count(source["read_lines"]) == 6)
      #expect(count(source["passed_lines"]) == 5)
      #expect(sink.lines.sorted() == ["\"a\"", "\"b\"", "\"block 1\"", "\"block 2\"", "plain"])
    }
  }
}

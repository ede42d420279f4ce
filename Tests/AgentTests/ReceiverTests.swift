import Agent
import Configuration
import Foundation
import TelemetryModel
import Testing

/// Lines that come by themselves: over sockets, HTTP and pipes.
@Suite struct ReceiverTests {
  /// A port that nobody has at this moment.
  func freePort() -> UInt16 {
    let sink = PushSink()
    defer { sink.close() }
    return sink.port
  }

  func labels(_ sink: PushSink, ofLine line: String) -> Labels? {
    sink.entries.first { $0.line == line }?.labels
  }

  @Test func syslogOverUnixSocketsHasItsLabels() async throws {
    let rig = AgentRig()
    let sink = PushSink()
    defer { sink.close() }
    let configuration = try rig.configuration(
      clients: rig.client(sink),
      scrapes: """
            - job_name: stream
              syslog:
                listen_address: \(rig.folder)/stream.sock
                listen_protocol: unix
                label_structured_data: true
                labels: {job: stream}
              relabel_configs:
                - {action: labelmap, regex: __syslog_message_(.*)}
            - job_name: datagrams
              syslog:
                listen_address: unix:\(rig.folder)/log.sock
                listen_protocol: unixgram
                syslog_format: rfc3164
                labels: {job: datagrams}
              relabel_configs:
                - {source_labels: [__syslog_message_app_name], target_label: app}
                - {source_labels: [__syslog_message_app_name], regex: noise, action: drop}
        """)
    try await rig.run(configuration) {
      #expect(
        await rig.eventually {
          FileManager.default.fileExists(atPath: "\(rig.folder)/log.sock")
            && FileManager.default.fileExists(atPath: "\(rig.folder)/stream.sock")
        })
      try send(
        "<13>1 - host app 7 id [x@1 y=\"z\"] line one\n<13>1 - - - - - - line two",
        to: "\(rig.folder)/stream.sock", Int32(SOCK_STREAM.rawValue))
      try send(
        "<13>Nov 21 00:00:00 noise: dropped", to: "\(rig.folder)/log.sock",
        Int32(SOCK_DGRAM.rawValue))
      try send(
        "<13>Nov 21 00:00:00 cron[1]: line three", to: "\(rig.folder)/log.sock",
        Int32(SOCK_DGRAM.rawValue))
      #expect(await rig.eventually { sink.lines.count == 3 })
    }
    #expect(sink.lines.sorted() == ["line one", "line three", "line two"])
    #expect(
      labels(sink, ofLine: "line one") == [
        "job": "stream", "severity": "notice", "facility": "user", "hostname": "host",
        "app_name": "app", "proc_id": "7", "msg_id": "id", "sd_x_1_y": "z",
      ])
    #expect(labels(sink, ofLine: "line three") == ["job": "datagrams", "app": "cron"])
    #expect(!FileManager.default.fileExists(atPath: "\(rig.folder)/stream.sock"))
  }

  func send(_ text: String, to path: String, _ kind: Int32) throws {
    let number = socket(AF_UNIX, kind, 0)
    defer { close(number) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { bytes in
      for (index, byte) in path.utf8.enumerated() { bytes[index] = byte }
    }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(status == 0)
    let bytes = Array(text.utf8)
    try #require(Glibc.send(number, bytes, bytes.count, 0) == bytes.count)
  }

  func post(_ path: String, _ body: String, port: UInt16, headers: [String: String] = [:])
    async throws -> Int
  {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
    var arguments = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", body]
    for (name, value) in headers { arguments += ["-H", "\(name): \(value)"] }
    process.arguments = arguments + ["http://127.0.0.1:\(port)\(path)"]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    process.waitUntilExit()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    return Int(text) ?? 0
  }

  @Test func pushesAreAnsweredOnceTheyAreDurable() async throws {
    let rig = AgentRig()
    let sink = PushSink(answers: [.status(503), .status(503)])
    defer { sink.close() }
    let port = freePort()
    let configuration = try rig.configuration(
      clients: rig.client(sink),
      scrapes: """
            - job_name: push
              loki_push_api:
                server: {http_listen_address: 127.0.0.1, http_listen_port: \(port)}
                labels: {via: agent}
                use_incoming_timestamp: true
              relabel_configs:
                - {source_labels: [app], regex: secret, action: drop}
              pipeline_stages:
                - static_labels: {stage: ran}
        """)
    try await rig.run(configuration) {
      var ready = 0
      for _ in 0..<3000 where ready != 200 {
        ready = try await post("/ready", "", port: port, headers: ["X": "-"]) == 405 ? 200 : 0
        if ready != 200 { try await Task.sleep(nanoseconds: 20_000_000) }
      }
      let json = """
        {"streams":[{"stream":{"app":"a"},"values":[["1795219200000000001","one",{"m":"n"}]]},
        {"stream":{"app":"secret"},"values":[["1795219200000000002","hidden"]]}]}
        """
      let type = ["content-type": "application/json"]
      #expect(try await post("/loki/api/v1/push", json, port: port, headers: type) == 204)
      #expect(try await post("/loki/api/v1/push", "{", port: port, headers: type) == 400)
      #expect(
        try await post(
          "/promtail/api/v1/raw", "two\r\n\nthree", port: port, headers: ["X-Scope-OrgID": "t"])
          == 204)
      #expect(await rig.eventually { sink.lines.count == 3 })
    }
    #expect(sink.lines.sorted() == ["one", "three", "two"])
    #expect(labels(sink, ofLine: "one") == ["app": "a", "via": "agent", "stage": "ran"])
    #expect(labels(sink, ofLine: "two") == ["via": "agent", "stage": "ran"])
    let raw = try #require(
      sink.pushes.last { push in push.accepted && push.streams.contains { $0.count == 2 } })
    #expect(raw.tenant == "t")
    let first = try #require(sink.pushes.last { $0.tenant == nil && $0.accepted })
    #expect(first.streams[0].timestamps == [Timestamp(nanoseconds: 1_795_219_200_000_000_001)])
    #expect(first.streams[0].metadata(0) == [Label("m", "n")])
  }

  @Test func programsRunAndTheirLinesAreRead() async throws {
    let rig = AgentRig()
    let sink = PushSink()
    defer { sink.close() }
    let configuration = try rig.configuration(
      clients: rig.client(sink),
      scrapes: """
            - job_name: again
              command: {run: [sh, -c, "echo out; echo err >&2; printf last"], labels: {job: again},
                        interval: 20ms, include_stderr: true}
            - job_name: endless
              command: {run: [sh, -c, "echo begun; sleep 100"], labels: {job: endless}}
        """)
    try await rig.run(configuration) {
      #expect(
        await rig.eventually {
          sink.lines.count { $0 == "last" } >= 2 && sink.lines.contains("begun")
        })
    }
    #expect(Set(sink.lines) == ["out", "err", "last", "begun"])
    #expect(labels(sink, ofLine: "begun") == ["job": "endless"])
  }
}

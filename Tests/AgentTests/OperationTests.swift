import Agent
import Configuration
import Foundation
import LinuxIO
import TelemetryModel
import Testing

/// Reloading, discovery by files, other encodings, compressed files, failover and tokens.
@Suite struct OperationTests {
  func supervised(
    _ rig: AgentRig, _ text: String, registry: MetricsRegistry = MetricsRegistry(),
    _ body: () async throws -> Void
  ) async throws {
    let path = "\(rig.folder)/agent.yml"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let load: AgentSupervisor.Load = { () throws(AgentError) in
      guard let text = try? String(contentsOfFile: path, encoding: .utf8),
        let parsed = try? Configuration.parse(text: text, name: path, environment: [:]),
        let agent = parsed.agent
      else { throw AgentError("malformed") }
      return agent
    }
    let supervisor = AgentSupervisor(
      try load(), path: path, registry: registry,
      service: SystemdNotifier(environment: [:]), load: load)
    try await AgentRig.run({ try await supervisor.run() }, body)
  }

  func text(_ rig: AgentRig, _ sink: PushSink, scrapes: String) -> String {
    """
    agent:
      server: {disable: true}
      positions: {filename: \(rig.folder)/state/positions.yaml, sync_period: 100ms}
      target_config: {sync_period: 200ms}
      clients:
    \(rig.client(sink))
      scrape_configs:
    \(scrapes)
    """
  }

  @Test func changedFilesTakeEffectAndBadOnesAreRefused() async throws {
    let rig = AgentRig()
    let sink = PushSink()
    defer { sink.close() }
    let path = "\(rig.folder)/agent.yml"
    func scrape(_ label: String) -> String {
      """
          - job_name: app
            static_configs: [{labels: {v: \(label), __path__: "\(rig.folder)/*.log"}}]
            file_sd_configs: [{files: ["\(rig.folder)/sd/*.json"]}]
      """
    }
    let registry = MetricsRegistry()
    func count(_ name: String) -> UInt64 {
      registry.counter("sluice_agent_\(name)_total", help: "").value
    }
    rig.write("one\n", to: "a.log")
    try await supervised(rig, text(rig, sink, scrapes: scrape("first")), registry: registry) {
      #expect(await rig.eventually { sink.lines == ["one"] })
      // Without meaning: refused, and the agent goes on.
      try "agent: {clients: 7}".write(toFile: path, atomically: true, encoding: .utf8)
      #expect(await rig.eventually { count("reload_failures") == 1 })
      rig.write("two\n", to: "a.log")
      #expect(await rig.eventually { sink.lines == ["one", "two"] })
      try text(rig, sink, scrapes: scrape("second")).write(
        toFile: path, atomically: true, encoding: .utf8)
      #expect(await rig.eventually { count("reloads") == 1 })
      rig.write("three\n", to: "a.log")
      #expect(await rig.eventually { sink.lines == ["one", "two", "three"] })
      // A file that lists targets is part of the configuration.
      try FileManager.default.createDirectory(
        atPath: "\(rig.folder)/sd", withIntermediateDirectories: true)
      rig.write("four\n", to: "b.txt")
      rig.write(
        "[{\"targets\": [\"localhost\"], \"labels\": {\"v\": \"listed\", \"__path__\": "
          + "\"\(rig.folder)/*.txt\"}}]", to: "sd/list.json")
      #expect(await rig.eventually { sink.lines.contains("four") })
    }
    let labels = sink.pushes.flatMap { $0.streams.map { $0.labels["v"] } }
    #expect(labels == ["first", "first", "second", "listed"])
  }

  @Test func encodingsAndCompressedFiles() async throws {
    let rig = AgentRig()
    let sink = PushSink()
    defer { sink.close() }
    let lines = (0..<3000).map { "Zeile \($0) grün Ąž" }
    let whole = lines.joined(separator: "\r\n") + "\r\n"
    try Data(whole.data(using: .utf16LittleEndian) ?? Data()).write(
      to: URL(fileURLWithPath: "\(rig.folder)/le.u16"))
    let big = Data([0xfe, 0xff]) + (whole.data(using: .utf16BigEndian) ?? Data())
    try big.write(to: URL(fileURLWithPath: "\(rig.folder)/be.u16"))
    try "caf\u{e9}\n".data(using: .windowsCP1252)?.write(
      to: URL(fileURLWithPath: "\(rig.folder)/a.l1"))
    try whole.write(toFile: "\(rig.folder)/c", atomically: true, encoding: .utf8)
    for command in ["gzip -k c && mv c.gz c.1.gz", "bzip2 -k c", "cat c.1.gz c.1.gz > two.mz"] {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", "cd \(rig.folder) && \(command)"]
      try process.run()
      process.waitUntilExit()
      try #require(process.terminationStatus == 0, "`\(command)` does not run here")
    }
    func job(_ name: String, _ pattern: String, _ more: String) -> String {
      """
          - job_name: \(name)
            static_configs: [{labels: {job: \(name), __path__: "\(rig.folder)/\(pattern)"}}]
            \(more)

      """
    }
    let configuration = try rig.configuration(
      clients: rig.client(sink),
      scrapes: job("le", "le.u16", "encoding: utf-16le") + job("be", "be.u16", "encoding: UTF-16")
        + job("latin", "*.l1", "encoding: windows-1252")
        + job("gz", "*.gz", "decompression: {enabled: true, format: gz}")
        + job("two", "*.mz", "decompression: {enabled: true, format: gz}")
        + job("bz2", "*.bz2", "decompression: {enabled: true, format: bz2}"))
    func of(_ job: String) -> [String] {
      sink.pushes.filter(\.accepted).flatMap(\.streams).filter { $0.labels["job"] == job }
        .flatMap { stream in
          (0..<stream.count).map { String(decoding: stream.entry($0).line, as: UTF8.self) }
        }
    }
    for _ in 0..<2 {
      try await rig.run(configuration) {
        let isRead = await rig.eventually { sink.lineCount >= 6 * 3000 + 1 }
        #expect(isRead)
        // What was read twice would come now.
        try await Task.sleep(nanoseconds: 500_000_000)
      }
    }
    #expect(of("latin") == ["café"])
    let expected = ["le": lines, "be": lines, "gz": lines, "bz2": lines, "two": lines + lines]
    for (name, wanted) in expected {
      let found = of(name)
      let first = zip(found, wanted).first { $0 != $1 }
      // The lines themselves would fill pages.
      #expect(found.count == wanted.count && first == nil, "\(name): \(found.count), \(first)")
    }
  }

  @Test func anotherServerStandsIn() async throws {
    let rig = AgentRig()
    let first = PushSink(answers: [.status(500), .hangUp, .status(503), .hangUp, .status(500)])
    let second = PushSink()
    defer {
      first.close()
      second.close()
    }
    let configuration = try rig.configuration(
      clients: rig.client(
        first,
        more: """
                fallbacks: [{url: "\(second.url)"}]
                fallback_after: 10ms
                fallback_retry: 300ms
          """),
      scrapes: """
            - job_name: app
              static_configs: [{labels: {job: app, __path__: "\(rig.folder)/*.log"}}]
        """)
    try await rig.run(configuration) {
      var number = 0
      #expect(
        await rig.eventually {
          rig.write("line \(number)\n", to: "a.log")
          number += 1
          return !first.lines.isEmpty && !second.lines.isEmpty
        })
      #expect(await rig.eventually { first.lines.count + second.lines.count == number })
      #expect(Set(first.lines + second.lines).count == number)
    }
  }

  @Test func tokensAreAskedForAndAskedForAgain() async throws {
    let rig = AgentRig()
    let token = "{\"access_token\":\"abc\",\"token_type\":\"bearer\",\"expires_in\":3600}"
    // The first answer wants the secret in the body.
    let issuer = PushSink(answers: [
      .status(401), .status(200, body: token),
      .status(200, body: token.replacingOccurrences(of: "abc", with: "def")),
    ])
    let sink = PushSink(answers: [.status(401)])
    defer {
      issuer.close()
      sink.close()
    }
    let configuration = try rig.configuration(
      clients: rig.client(
        sink,
        more: """
                oauth2: {client_id: me, client_secret: "s&t", scopes: [a, b],
                         token_url: "\(issuer.url)"}
          """),
      scrapes: """
            - job_name: app
              static_configs: [{labels: {job: app, __path__: "\(rig.folder)/*.log"}}]
        """)
    rig.write("one\n", to: "a.log")
    try await rig.run(configuration) {
      #expect(await rig.eventually { sink.lines == ["one"] })
    }
    let heads = sink.pushes.map { $0.head.lowercased() }
    #expect(heads.map { $0.contains("authorization: bearer abc") } == [true, false])
    #expect(heads.last?.contains("authorization: bearer def") == true)
    #expect(issuer.pushes.count == 3)
    #expect(issuer.pushes[0].head.lowercased().contains("authorization: basic bwu6cyuynnq="))
  }

  /// systemd's own side of the protocol: datagrams to a socket.
  @Test func systemdIsTold() throws {
    let folder = NSTemporaryDirectory() + "sluice-notify-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(number) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { bytes in
      for (index, byte) in "\(folder)/s".utf8.enumerated() { bytes[index] = byte }
    }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(status == 0)
    let service = SystemdNotifier(environment: [
      "NOTIFY_SOCKET": "\(folder)/s", "WATCHDOG_USEC": "4000000",
    ])
    #expect(service.watchdogSeconds == 2)
    service.tellReady()
    service.tellAlive()
    var buffer = [UInt8](repeating: 0, count: 200)
    let ready = recv(number, &buffer, buffer.count, 0)
    #expect(String(decoding: buffer[..<max(0, ready)], as: UTF8.self).hasPrefix("READY=1"))
    let alive = recv(number, &buffer, buffer.count, 0)
    #expect(String(decoding: buffer[..<max(0, alive)], as: UTF8.self) == "WATCHDOG=1")
    let others = SystemdNotifier(environment: ["WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"])
    #expect(others.watchdogSeconds == nil)
  }
}

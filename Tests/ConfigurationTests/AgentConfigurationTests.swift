import Configuration
import Foundation
import TelemetryModel
import Testing
import WireFormats

@Suite struct AgentConfigurationTests {
  /// The text moved in under `agent:`.
  private func parse(_ promtail: String) throws -> AgentConfiguration {
    let inner = promtail.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
    let text = "agent:\n" + inner + "\n"
    return try #require(
      try Configuration.parse(text: text, name: "agent.yml", environment: [:]).agent)
  }

  @Test(arguments: PromtailTexts.all.keys.sorted())
  func loadsPromtailsConfigurations(_ name: String) throws {
    let text = try #require(PromtailTexts.all[name])
    #expect(throws: Never.self) { try parse(text) }
  }

  @Test func readsFilesAndTheirLabels() throws {
    let agent = try parse(PromtailTexts.hostFiles)
    #expect(agent.server.httpListenPort == 9080)
    #expect(agent.server.httpListenAddress.isEmpty)
    #expect(agent.positions.filename == "/tmp/positions.yaml")
    #expect(agent.positions.syncPeriod == .seconds(10))
    let target = try #require(agent.scrapeConfigs.first?.staticConfigs.first)
    #expect(target.pathGlob == "/var/log/**/*.log")
    #expect(target.excludeGlob == "/var/log/**/*.gz")
    #expect(target.labels.contains(Label("job", "varlogs")))
    #expect(agent.clients[0].batchWait == .seconds(1))
    #expect(agent.clients[0].batchSize == 1 << 20)
    #expect(agent.clients[0].backoff.maxRetries == 0)
    #expect(agent.unsupported.isEmpty)
  }

  @Test func readsTheJournalAndRelabelling() throws {
    let agent = try parse(PromtailTexts.journal)
    let scrape = try #require(agent.scrapeConfigs.first)
    #expect(scrape.journal?.maxAge == .hours(12))
    #expect(scrape.journal?.matches == "_TRANSPORT=kernel PRIORITY=3")
    #expect(scrape.relabelConfigs.count == 4)
    #expect(scrape.relabelConfigs[0].regex == "(.*)")
    #expect(scrape.relabelConfigs[2].action == .labeldrop)
    #expect(scrape.relabelConfigs[3].targetLabel == "${1}_place")
    #expect(agent.server.httpListenAddress == "127.0.0.1")
  }

  @Test func readsEveryClientSetting() throws {
    let agent = try parse(PromtailTexts.client)
    let main = agent.clients[0]
    #expect(main.http.basicAuth?.passwordFile == "/run/secrets/p")
    #expect(main.http.tls.insecureSkipVerify && main.http.tls.serverName == "loki")
    #expect(!main.http.followRedirects && !main.http.enableHTTP2)
    #expect(main.http.headers == [Label("X-Team", "a")])
    #expect(main.backoff.maxRetries == 20)
    #expect(main.dropRateLimitedBatches)
    #expect(main.timeout == .seconds(30))
    #expect(agent.clients[1].http.authorization?.credentialsFile == "/run/token")
    #expect(agent.clients[2].http.oauth2?.scopes == ["a", "b"])
    #expect(agent.queue.whenFull == .dropOldest)
    #expect(agent.queue.maxBytes == 256 << 20)
  }

  @Test func keepsStagesForTheirReaders() throws {
    let agent = try parse(PromtailTexts.kubernetes)
    let stages = agent.scrapeConfigs[0].pipelineStages
    #expect(stages.map(\.name) == ["cri", "match"])
    #expect(stages[1].path == "agent.scrape_configs[0].pipeline_stages[1].match")
    #expect(stages[1].settings["selector"]?.scalar?.text == #"{app="api"}"#)
    #expect(agent.limits.readlineRate == 500)
    #expect(agent.limits.maxLineSize == 262_144)
    #expect(agent.fileWatch.maxPollFrequency == .seconds(2))
    #expect(agent.scrapeConfigs[0].relabelConfigs[2].modulus == 8)
  }

  @Test func receiversHavePromtailsDefaults() throws {
    let agent = try parse(PromtailTexts.receivers)
    #expect(agent.unsupported.isEmpty)
    let syslog = try #require(agent.scrapeConfigs[0].syslog)
    #expect(syslog.listenAddress == "0.0.0.0:1514" && syslog.listenProtocol == .tcp)
    #expect(syslog.idleTimeout == .seconds(120) && syslog.maxMessageLength == 8192)
    #expect(syslog.format == .rfc5424 && !syslog.useIncomingTimestamp && syslog.tls.isOff)
    let push = try #require(agent.scrapeConfigs[1].push)
    #expect(push.server.httpListenPort == 3500 && !push.useIncomingTimestamp)
    #expect(agent.scrapeConfigs[2].gelf?.listenAddress == "0.0.0.0:12201")
  }

  @Test func namesWhatIsNotSupportedYet() throws {
    let agent = try parse(
      "clients: [{url: http://l}]\nscrape_configs: [{job_name: k, kafka: {topics: [t]}}]")
    #expect(
      agent.unsupported.map { $0.error.description } == [
        "agent.yml:3:34: `agent.scrape_configs[0].kafka` is known to Promtail, not supported by"
          + " Sluice yet; remove it to start"
      ])
  }

  @Test(arguments: [
    (
      "clients: [{url: ftp://x}]", "agent.yml:2:14: `agent.clients[0].url` must be an http or https"
    ),
    (
      "clients: [{url: http://x, batchwat: 1s}]",
      "agent.yml:2:29: unknown key `batchwat` under `agent.clients[0]`; did you mean `batchwait`?"
    ),
    (
      "clients: [{url: http://x, basic_auth: {}, bearer_token: x}]",
      "cannot stand beside another authentication"
    ),
    ("scrape_configs: [{job_name: a}]", "`agent.clients` is missing: there is nowhere to send"),
    (
      "clients: [{url: http://x}]\nscrape_configs: [{job_name: a}, {job_name: a}]",
      "agent.yml:3:35: job_name `a` is used twice"
    ),
    (
      "clients: [{url: http://x}]\nscrape_configs: [{pipeline_stages: [{jsonn: {}}]}]",
      "unknown stage `jsonn` in `agent.scrape_configs[0].pipeline_stages[0]`; did you mean `json`?"
    ),
    (
      "clients: [{url: http://x}]\nscrape_configs: [{pipeline_stages: [docker]}]",
      "must be one stage: a mapping of one name"
    ),
    (
      "clients: [{url: http://x}]\nscrape_configs: [{relabel_configs: [{regex: '('}]}]",
      "relabel_configs[0].regex` is malformed: error parsing regexp: missing closing ): `("
    ),
    (
      "clients: [{url: http://x}]\nscrape_configs: [{relabel_configs: [{action: swap}]}]",
      "is an unknown action `swap`"
    ),
    ("positions: {sync_period: 0s}", "`agent.positions.sync_period` must be above 0s"),
    ("queue: {max_bytes: 1KB}", "`agent.queue.max_bytes` must be 1MB at least"),
    ("tracing: {enabld: true}", "did you mean `enabled`?"),
  ])
  func namesFaults(_ text: String, _ part: String) {
    #expect {
      try parse(text)
    } throws: { error in
      let description = (error as? ConfigurationError)?.description ?? ""
      if !description.contains(part) { print("got: \(description)") }
      return description.contains(part)
    }
  }

  /// The repository's own file loads, with and without the environment.
  @Test func loadsTheTopLevelFile() throws {
    let path = URL(filePath: #filePath).appending(path: "../../../pipeline.yml").standardized
    let text = try String(contentsOf: path, encoding: .utf8)
    for environment in [[:], ["SLUICE_DATA": "/srv/sluice", "HOSTNAME": "tower"]] {
      let configuration = try Configuration.parse(
        text: text, name: "pipeline.yml", environment: environment)
      #expect(configuration.server != nil)
      #expect(configuration.agent?.unsupported.isEmpty == true)
      #expect(configuration.agent?.scrapeConfigs.isEmpty == false)
    }
  }

  /// Whatever is cut out of or put into a configuration, reading it ends with an answer.
  @Test func survivesBrokenConfigurations() {
    let whole = PromtailTexts.all.values.sorted().joined(separator: "\n---\n")
    let pieces = ["\n", "  ", ": ", "- ", "[", "}", "'", "~", "1", "${A:-b}", "&a ", "*a"]
    for _ in 0..<1_000 {
      var lines = whole.split(separator: "\n").shuffled().prefix(Int.random(in: 1...30))
      let at = lines.indices.randomElement() ?? 0
      lines[at] += pieces.randomElement() ?? ""
      _ = try? Configuration.parse(
        text: lines.joined(separator: "\n"), name: "x", environment: [:])
      let text = "agent:\n  " + lines.joined(separator: "\n  ")
      _ = try? Configuration.parse(text: text, name: "x", environment: [:])
    }
  }
}

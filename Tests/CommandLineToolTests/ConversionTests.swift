import Configuration
import Foundation
import TelemetryModel
import Testing

@testable import CommandLineTool

/// `sluice convert`: what is made loads, and what is lost is named.
@Suite struct ConversionTests {
  private func convert(_ kind: String, _ text: String) async throws -> (
    made: String, losses: [Substring]
  ) {
    let file = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
    try text.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let out = Recorded()
    let errors = Recorded()
    let status = await dispatch(
      ["convert", "--from", kind, file.path], root: rootCommand,
      surroundings: Surroundings(output: out, errors: errors, environment: [:], now: { 0 }))
    #expect(status == .success, "\(errors.text)")
    let losses = errors.text.split(separator: "\n").map { line in
      line.split(separator: ":", maxSplits: 2).last.map { $0.dropFirst(0) } ?? line
    }
    return (out.text, losses)
  }

  private func agent(_ text: String) throws -> AgentConfiguration {
    let configuration = try Configuration.parse(
      text: text, name: "made", environment: ["PW": "secret", "HOSTNAME": "h1"])
    return try #require(configuration.agent)
  }

  @Test func alloysComponentsBecomeJobs() async throws {
    let (made, losses) = try await convert(
      "alloy",
      #"""
      // what a package installs
      logging { level = "info" }
      local.file_match "logs" {
        path_targets = [{__path__ = "/var/log/*.log", job = "varlogs", "host" = constants.hostname}]
      }
      loki.source.file "files" {
        targets    = local.file_match.logs.targets
        forward_to = [loki.process.p.receiver]
      }
      loki.relabel "units" {
        forward_to = []
        rule {
          source_labels = ["__journal__systemd_unit"]
          target_label  = "unit"
        }
      }
      loki.source.journal "read" {
        forward_to    = [loki.write.default.receiver]
        relabel_rules = loki.relabel.units.rules
        max_age       = "12h"
      }
      loki.process "p" {
        forward_to = [loki.write.default.receiver]
        stage.json { expressions = {level = "", ts = "time"} }
        stage.match {
          selector = "{job=\"varlogs\"} |= \"x\""
          stage.drop { older_than = "24h" }
        }
        stage.metrics {
          metric.counter {
            name      = "lines"
            match_all = true
            action    = "inc"
          }
        }
        stage.windowsevent { source = "message" }
        stage.label_drop { values = ["filename"] }
      }
      loki.write "default" {
        endpoint {
          url = "http://localhost:3100/loki/api/v1/push"
          basic_auth {
            username = "u"
            password = sys.env("PW")
          }
        }
        external_labels = {cluster = "a$$b${c}"}
      }
      prometheus.scrape "x" { targets = [] }
      """#)
    let agent = try agent(made)
    #expect(agent.clients[0].http.basicAuth?.password == "secret")
    #expect(agent.clients[0].externalLabels.map(\.value) == ["a$$b${c}"])
    #expect(agent.scrapeConfigs.map(\.jobName) == ["files", "read"])
    #expect(
      agent.scrapeConfigs[0].pipelineStages.map(\.name) == [
        "json", "match", "metrics", "labeldrop",
      ])
    #expect(agent.scrapeConfigs[0].staticConfigs[0].labels.contains { $0.value == "h1" })
    #expect(agent.scrapeConfigs[1].relabelConfigs[0].targetLabel == "unit")
    #expect(losses.count == 2)
    #expect(
      losses[0].hasSuffix("`stage.windowsevent`") && losses[1].hasSuffix("`prometheus.scrape`"))
  }

  @Test func fluentBitsSectionsBecomeJobs() async throws {
    let (made, losses) = try await convert(
      "fluent-bit",
      """
      [PARSER]
          Name apache
          Format regex
          Regex ^(?<host>[^ ]*) [^ ]* \\[(?<time>[^\\]]*)\\] "(?<method>\\S+)
          Time_Key time
          Time_Format %d/%b/%Y:%H:%M:%S %z
      [INPUT]
          Name tail
          Path /var/log/a.log,/var/log/b/*.log
          Tag web.access
          Parser apache
      [INPUT]
          Name systemd
          Tag host.*
          Systemd_Filter _SYSTEMD_UNIT=a.service
          Systemd_Filter _SYSTEMD_UNIT=b.service
      [INPUT]
          Name cpu
      [FILTER]
          Name grep
          Match web.*
          Exclude log healthz
      [OUTPUT]
          Name loki
          Match *
          Host loki.example
          tls on
          labels job=fluentbit
          label_keys $method
      """)
    let agent = try agent(made)
    #expect(agent.clients.map(\.url) == ["https://loki.example:3100/loki/api/v1/push"])
    #expect(agent.scrapeConfigs[0].staticConfigs.count == 2)
    #expect(
      agent.scrapeConfigs[0].pipelineStages.map(\.name) == ["regex", "timestamp", "drop", "labels"])
    #expect(made.contains("'02/Jan/2006:15:04:05 -0700'"))
    #expect(agent.scrapeConfigs[1].journal != nil)
    #expect(losses.count == 1 && losses[0].hasSuffix("input `cpu`"))
  }

  @Test func fluentBitsVariablesAndMetadataStay() async throws {
    let (made, losses) = try await convert(
      "fluent-bit",
      """
      @SET host=loki.example
      [INPUT]
          Name tail
          Path /var/log/${HOSTNAME}.log
          multiline.parser docker, cri
          Parser docker
      [INPUT]
          Name syslog
          Mode tcp
          Parser own
          Read_From_Tail On
      [FILTER]
          Name grep
          Match *
          Regex log error
      [OUTPUT]
          Name loki
          Match *
          Host ${host}
          Line_Format key_value
          Structured_Metadata $trace_id,user=$u['id'],fixed=1
      """)
    let agent = try agent(made)
    #expect(agent.clients.map(\.url) == ["http://loki.example:3100/loki/api/v1/push"])
    #expect(made.contains("/var/log/${HOSTNAME}.log"))
    #expect(
      agent.scrapeConfigs[0].pipelineStages.map(\.name) == [
        "cri", "docker", "match", "json", "structured_metadata",
      ])
    #expect(PipelineCheck(agent).faults.isEmpty)
    #expect(
      losses.map { $0.split(separator: "`")[1] } == [
        "line_format key_value", "fixed=1", "read_from_tail", "own",
      ])
  }

  @Test func alloysListenersAndFilesOfTargetsBecomeJobs() async throws {
    let (made, losses) = try await convert(
      "alloy",
      """
      discovery.file "f" { files = ["/etc/targets/*.yml"] }
      loki.source.file "logs" {
        targets    = discovery.file.f.targets
        forward_to = [loki.write.w.receiver]
      }
      loki.source.syslog "s" {
        listener {
          address        = "127.0.0.1:1514"
          udp_queue_size = 5
        }
        listener {
          address  = "127.0.0.1:1515"
          protocol = "udp"
        }
        forward_to = [loki.write.w.receiver]
      }
      loki.source.api "a" {
        graceful_shutdown_timeout = "10s"
        http { listen_port = 3500 }
        forward_to = [loki.write.w.receiver]
      }
      loki.write "w" { endpoint { url = "http://h:3100/loki/api/v1/push" } }
      """)
    let agent = try agent(made)
    #expect(agent.scrapeConfigs.map(\.jobName) == ["logs", "s", "s-2", "a"])
    #expect(agent.scrapeConfigs[0].fileDiscoveries.first?.files == ["/etc/targets/*.yml"])
    #expect(agent.scrapeConfigs[1].syslog?.listenAddress == "127.0.0.1:1514")
    #expect(agent.scrapeConfigs[2].syslog?.listenProtocol == .udp)
    #expect(losses.count == 2, "\(losses)")
  }

  @Test func promtailsFileKeepsItsComments() async throws {
    let text = """
      # kept
      clients: [{url: "http://localhost:3100/loki/api/v1/push"}]
      scrape_configs:
        - job_name: k
          kafka: {brokers: [a]}
          static_configs: [{labels: {job: "x", __path__: "/var/log/*log"}}]

      """
    let (made, losses) = try await convert("promtail", text)
    #expect(losses.count == 1 && losses[0].contains("`kafka`"))
    #expect(try agent(made).unsupported.isEmpty)
    let plain = text.replacing("    kafka: {brokers: [a]}\n", with: "")
    let (whole, none) = try await convert("promtail", plain)
    #expect(none.isEmpty && whole.contains("  # kept"))
    #expect(try agent(whole).scrapeConfigs.count == 1)
  }

  @Test func malformedFilesAreRefusedWithTheirLine() async throws {
    for (kind, text) in [
      ("alloy", "loki.write \"x\" {\n endpoint { url = }\n}"), ("alloy", "a {\n b = \"x\n"),
      ("alloy", String(repeating: "a { ", count: 100)), ("promtail", "a: [\n"),
      ("alloy", "x = " + String(repeating: "[", count: 100)), ("fluent-bit", "a: [\n"),
    ] {
      let file = FileManager.default.temporaryDirectory.appending(
        path: "sluice-\(UUID().uuidString)")
      try text.write(to: file, atomically: true, encoding: .utf8)
      defer { try? FileManager.default.removeItem(at: file) }
      let out = Recorded()
      let status = await dispatch(
        ["convert", "--from", kind, file.path], root: rootCommand,
        surroundings: Surroundings(output: out, errors: out, environment: [:], now: { 0 }))
      #expect(status == .failure, "\(out.text)")
    }
  }
}

import Bytes
import Configuration
import LinuxIO
import LogSources
import Pipeline
import TelemetryModel

/// One job whose lines come to the agent by themselves: over the network, a pipe or a program.
struct ReceiverJob: Sendable {
  enum Source: Sendable {
    case syslog(SyslogConfiguration)
    case gelf(GELFConfiguration)
    case push(PushReceiverConfiguration)
    case command(CommandConfiguration)
    case standardInput
  }

  var name: String
  var source: Source
  /// Labels that the configuration gives to all lines.
  var labels: Labels
  var relabeling: Relabeling
  var hasRelabeling: Bool
  var stages: [StageConfiguration]

  /// The jobs that one entry of `scrape_configs` asks for.
  static func jobs(of scrape: ScrapeConfiguration) throws(AgentError) -> [ReceiverJob] {
    var sources: [(Source, [Label])] = []
    if let syslog = scrape.syslog { sources.append((.syslog(syslog), syslog.labels)) }
    if let gelf = scrape.gelf { sources.append((.gelf(gelf), gelf.labels)) }
    if let push = scrape.push { sources.append((.push(push), push.labels)) }
    if let command = scrape.command { sources.append((.command(command), command.labels)) }
    var jobs: [ReceiverJob] = []
    for (source, labels) in sources {
      jobs.append(try ReceiverJob(scrape, source, labels: Labels(labels)))
    }
    return jobs
  }

  init(_ scrape: ScrapeConfiguration, _ source: Source, labels: Labels) throws(AgentError) {
    name = scrape.jobName
    stages = scrape.pipelineStages
    self.source = source
    self.labels = labels
    hasRelabeling = !scrape.relabelConfigs.isEmpty
    do throws(PipelineError) {
      relabeling = try Relabeling(scrape.relabelConfigs)
    } catch {
      throw AgentError(error, job: scrape.jobName)
    }
  }

  /// Standard input, with the stages of the first job; as in Promtail its lines have the labels
  /// `job="stdin"` and `hostname`, and no relabelling.
  static func standardInput(_ first: ScrapeConfiguration?) throws(AgentError) -> ReceiverJob {
    var scrape = ScrapeConfiguration()
    scrape.jobName = "stdin"
    scrape.pipelineStages = first?.pipelineStages ?? []
    var labels = [Label("job", "stdin"), Label("hostname", HostName.current)]
    for config in first?.staticConfigs.prefix(1) ?? [] {
      labels += config.labels.filter { !$0.name.hasBytePrefix("__") }
    }
    return try ReceiverJob(scrape, .standardInput, labels: Labels(labels))
  }

  /// Whether the end of the source is the end of the agent's work.
  var endsAgent: Bool { if case .standardInput = source { true } else { false } }

  /// What `/targets` and metrics call it.
  var kind: String {
    switch source {
    case .syslog: "syslog"
    case .gelf: "gelf"
    case .push: "loki_push_api"
    case .command: "command"
    case .standardInput: "stdin"
    }
  }
}

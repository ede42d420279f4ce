package import TelemetryModel
package import WireFormats

/// One entry of `scrape_configs`: where lines come from and what is done with them.
package struct ScrapeConfiguration: Sendable {
  package var jobName = ""
  package var pipelineStages: [StageConfiguration] = []
  package var relabelConfigs: [RelabelConfiguration] = []
  package var staticConfigs: [StaticTargets] = []
  package var fileDiscoveries: [FileDiscoveryConfiguration] = []
  package var journal: JournalConfiguration?
  package var syslog: SyslogConfiguration?
  package var gelf: GELFConfiguration?
  package var push: PushReceiverConfiguration?
  package var command: CommandConfiguration?
  package var decompression = DecompressionConfiguration()
  /// An IANA name such as `utf-16`; empty for UTF-8.
  package var encoding = ""
  /// Where the entry begins.
  package var mark = YAMLMark(line: 1, column: 1)
  /// Sections whose sources are not built yet.
  package var unsupported: [UnsupportedSetting] = []

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    self.init()
    mark = section.mark
    try section.read("job_name", &jobName)
    if let node = section.node("pipeline_stages") {
      pipelineStages = try StageConfiguration.list(
        node, path: section.path("pipeline_stages"), file: section.file)
    }
    for var inner in try section.sections("relabel_configs") {
      relabelConfigs.append(try RelabelConfiguration(&inner))
    }
    for var inner in try section.sections("static_configs") {
      staticConfigs.append(try StaticTargets(&inner))
    }
    for var inner in try section.sections("file_sd_configs") {
      fileDiscoveries.append(try FileDiscoveryConfiguration(&inner))
    }
    if var inner = try section.section("journal") { journal = try JournalConfiguration(&inner) }
    if var inner = try section.section("syslog") { syslog = try SyslogConfiguration(&inner) }
    // An empty section takes the defaults.
    if section.hasKey("gelf") {
      var inner = try section.sectionOrEmpty("gelf")
      gelf = try GELFConfiguration(&inner)
    }
    if section.hasKey("loki_push_api") {
      var inner = try section.sectionOrEmpty("loki_push_api")
      push = try PushReceiverConfiguration(&inner)
    }
    if var inner = try section.section("command") { command = try CommandConfiguration(&inner) }
    if var inner = try section.section("decompression") {
      decompression = try DecompressionConfiguration(&inner)
    }
    try section.read("encoding", &encoding)
    for name in ScrapeConfiguration.laterSources {
      guard let member = section.member(name), !member.value.isNull else { continue }
      unsupported.append(UnsupportedSetting(member, in: section))
    }
    try section.finish()
  }

  /// Promtail's other sources and ways of discovery.
  private static let laterSources = [
    "azure_event_hub", "azure_event_hubs", "azure_sd_configs", "cloudflare", "consul_sd_configs",
    "consulagent_sd_configs", "digitalocean_sd_configs", "dns_sd_configs", "docker_sd_configs",
    "dockerswarm_sd_configs", "ec2_sd_configs", "gce_sd_configs", "gcplog", "heroku_drain",
    "kafka", "kubernetes_sd_configs", "marathon_sd_configs", "nerve_sd_configs",
    "openstack_sd_configs", "push", "serverset_sd_configs", "triton_sd_configs",
    "windows_events",
  ]
}

/// A setting that loads, since Promtail has it, but that nothing here can follow yet.
package struct UnsupportedSetting: Error, Hashable, Sendable {
  /// `agent.scrape_configs[0].syslog`.
  package let path: String
  package let file: String
  package let mark: YAMLMark

  package init(_ member: YAMLMember, in section: SettingSection) {
    path = section.path(member.key)
    file = section.file
    mark = member.keyMark
  }

  /// The error with which the agent refuses to start.
  package var error: ConfigurationError {
    ConfigurationError(
      file: file, mark: mark,
      message: "`\(path)` is known to Promtail, not supported by Sluice yet; remove it to start")
  }
}

/// One entry of `static_configs`: files by glob, and their labels.
package struct StaticTargets: Hashable, Sendable {
  /// Promtail's `targets`: nothing but `localhost` or the host's own name has lines here.
  package var targets: [String] = []
  /// Sorted by name; `__path__` and `__path_exclude__` are among them.
  package var labels: [Label] = []

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("targets", &targets)
    try section.read("labels", &labels)
    if let wrong = labels.first(where: { !LabelNames.isValid($0.name) }) {
      throw section.error(
        "labels", "has `\(wrong.name)`, which is no label name: letters, digits and _ only")
    }
    try section.finish()
  }

  /// The files to read: `/var/log/**/*.log`; nil when none are named.
  package var pathGlob: String? { labels.first { $0.name == "__path__" }?.value }
  /// Files to leave out although ``pathGlob`` takes them.
  package var excludeGlob: String? { labels.first { $0.name == "__path_exclude__" }?.value }
}

/// The section `decompression`: files that are read once and inflated on the way.
package struct DecompressionConfiguration: Hashable, Sendable {
  package var enabled = false
  package var initialDelay = TimeSpan.zero
  /// `gz`, `z`, `bz2`, or empty.
  package var format = ""

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("enabled", &enabled)
    try section.read("initial_delay", &initialDelay)
    try section.read("format", &format)
    try section.finish()
  }
}

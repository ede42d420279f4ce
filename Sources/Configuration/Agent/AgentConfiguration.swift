package import TelemetryModel

/// The part `agent:` of the configuration: Promtail's, and a disk queue of our own.
package struct AgentConfiguration: Sendable {
  package var server = AgentServer()
  package var clients: [ClientConfiguration] = []
  package var positions = PositionsConfiguration()
  package var scrapeConfigs: [ScrapeConfiguration] = []
  package var limits = AgentLimits()
  package var target = TargetConfiguration()
  package var fileWatch = FileWatchConfiguration()
  package var queue = QueueConfiguration()
  /// Settings that load but cannot be followed yet: the agent refuses to start with them.
  package var unsupported: [UnsupportedSetting] = []

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    self.init()
    if var inner = try section.section("server") { server = try AgentServer(&inner) }
    if var inner = try section.section("client") {
      clients.append(try ClientConfiguration(&inner))
    }
    for var inner in try section.sections("clients") {
      clients.append(try ClientConfiguration(&inner))
    }
    if var inner = try section.section("positions") {
      positions = try PositionsConfiguration(&inner)
    }
    for var inner in try section.sections("scrape_configs") {
      let scrape = try ScrapeConfiguration(&inner)
      scrapeConfigs.append(scrape)
      unsupported += scrape.unsupported
    }
    if var inner = try section.section("limits_config") { limits = try AgentLimits(&inner) }
    if var inner = try section.section("target_config") {
      target = try TargetConfiguration(&inner)
    }
    if var inner = try section.section("queue") { queue = try QueueConfiguration(&inner) }
    try readRest(&section)
    try section.finish()
    guard !clients.isEmpty || scrapeConfigs.isEmpty else {
      throw section.error("clients", "is missing: there is nowhere to send lines")
    }
    try checkJobNames(section.file)
  }

  private mutating func readRest(_ section: inout SettingSection) throws(ConfigurationError) {
    if var inner = try section.section("global") {
      if var watch = try inner.section("file_watch_config") {
        fileWatch = try FileWatchConfiguration(&watch)
      }
      try inner.finish()
    }
    if var inner = try section.section("options") {
      inner.ignore(["stream_lag_labels"])
      try inner.finish()
    }
    if var inner = try section.section("tracing") {
      try note("enabled", of: &inner)
      inner.ignore(["profiling_enabled"])
      try inner.finish()
    }
    if var inner = try section.section("wal") {
      try note("enabled", of: &inner)
      inner.ignore([
        "dir", "cleanSegmentsOlderThan", "max_segment_age", "watchConfig", "watch_config", "drain",
        "min_read_frequency", "max_read_frequency",
      ])
      try inner.finish()
    }
  }

  /// Notes a setting as unsupported when it is true.
  private mutating func note(_ key: String, of section: inout SettingSection)
    throws(ConfigurationError)
  {
    var flag = false
    try section.read(key, &flag)
    guard flag, let member = section.member(key) else { return }
    unsupported.append(UnsupportedSetting(member, in: section))
  }

  private func checkJobNames(_ file: String) throws(ConfigurationError) {
    var seen: Set<String> = []
    for scrape in scrapeConfigs where !scrape.jobName.isEmpty {
      guard seen.insert(scrape.jobName).inserted else {
        throw ConfigurationError(
          file: file, mark: scrape.mark,
          message: "job_name `\(scrape.jobName)` is used twice: each needs a name of its own")
      }
    }
  }
}

/// The agent's own HTTP listener (`/ready`, `/metrics`).
package struct AgentServer: Sendable {
  /// Empty for every address of the host, as in Promtail; without a section `server` it is
  /// 127.0.0.1.
  package var httpListenAddress = "127.0.0.1"
  /// 9080 unless set (80 in Promtail, which needs privileges); zero lets the system choose.
  package var httpListenPort = 9080
  /// Whether there is no listener at all.
  package var disable = false
  package var logLevel = LogSeverity.info
  package var logFormat = LogFormat.logfmt
  package var gracefulShutdownTimeout = TimeSpan.seconds(30)
  /// Whether `/ready` waits for a target to be found.
  package var healthCheckTarget = true
  package var enableRuntimeReload = false
  package var httpTLS = ReceiverTLS()

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    httpListenAddress = ""
    try section.read("http_listen_address", &httpListenAddress)
    try section.read("http_listen_port", &httpListenPort, in: 0...65535)
    try section.read("disable", &disable)
    try section.read("log_level", &logLevel)
    try section.read("log_format", &logFormat)
    try section.read("graceful_shutdown_timeout", &gracefulShutdownTimeout)
    try section.read("health_check_target", &healthCheckTarget)
    try section.read("enable_runtime_reload", &enableRuntimeReload)
    if var inner = try section.section("http_tls_config") {
      httpTLS = try ReceiverTLS(server: &inner)
    }
    section.ignore(AgentServer.withoutMeaning)
    try section.finish()
  }

  /// Settings of Promtail's server that change nothing here.
  private static let withoutMeaning = [
    "external_url", "grpc_listen_address", "grpc_listen_conn_limit", "grpc_listen_network",
    "grpc_listen_port", "grpc_server_keepalive_time", "grpc_server_keepalive_timeout",
    "grpc_server_max_concurrent_streams", "grpc_server_max_connection_age",
    "grpc_server_max_connection_age_grace", "grpc_server_max_connection_idle",
    "grpc_server_max_recv_msg_size", "grpc_server_max_send_msg_size",
    "grpc_server_min_time_between_pings", "grpc_server_ping_without_stream_allowed",
    "grpc_tls_config",
    "http_listen_conn_limit", "http_listen_network", "http_path_prefix",
    "http_server_idle_timeout", "http_server_read_header_timeout", "http_server_read_timeout",
    "http_server_write_timeout", "log_request_at_info_level_enabled", "log_request_headers",
    "log_source_ips_enabled", "log_source_ips_header", "log_source_ips_regex",
    "profiling_enabled", "proxy_protocol_enabled", "register_instrumentation", "reload",
    "tls_cipher_suites", "tls_min_version",
  ]
}

/// Where is kept how far each source was read and acknowledged.
package struct PositionsConfiguration: Hashable, Sendable {
  package var filename = "/var/log/positions.yaml"
  /// How often the file is written.
  package var syncPeriod = TimeSpan.seconds(10)
  /// Whether a corrupt file is set aside instead of ending the start.
  package var ignoreInvalidYAML = false

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("filename", &filename)
    try section.read("sync_period", &syncPeriod)
    try section.read("ignore_invalid_yaml", &ignoreInvalidYAML)
    try section.finish()
    guard syncPeriod > .zero else { throw section.error("sync_period", "must be above 0s") }
  }
}

/// The section `limits_config` of the agent.
package struct AgentLimits: Hashable, Sendable {
  package var readlineRateEnabled = false
  /// Lines a second over all sources.
  package var readlineRate = 10_000.0
  package var readlineBurst = 10_000
  /// Whether lines above the rate are dropped; else reading waits.
  package var readlineRateDrop = true
  /// Label sets at a time; zero for no limit.
  package var maxStreams = 0
  /// Bytes; zero for no limit.
  package var maxLineSize = 0
  /// Whether lines above ``maxLineSize`` are cut instead of dropped.
  package var maxLineSizeTruncate = false

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("readline_rate_enabled", &readlineRateEnabled)
    try section.read("readline_rate", &readlineRate)
    try section.read("readline_burst", &readlineBurst)
    try section.read("readline_rate_drop", &readlineRateDrop)
    try section.read("max_streams", &maxStreams)
    try section.readBytes("max_line_size", &maxLineSize)
    try section.read("max_line_size_truncate", &maxLineSizeTruncate)
    try section.finish()
  }
}

/// The section `target_config`.
package struct TargetConfiguration: Hashable, Sendable {
  /// How often folders are looked through for new files.
  package var syncPeriod = TimeSpan.seconds(10)
  package var stdin = false

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("sync_period", &syncPeriod)
    try section.read("stdin", &stdin)
    try section.finish()
    guard syncPeriod > .zero else { throw section.error("sync_period", "must be above 0s") }
  }
}

/// How often files are looked at for new lines (`global.file_watch_config`).
package struct FileWatchConfiguration: Hashable, Sendable {
  package var minPollFrequency = TimeSpan.milliseconds(250)
  package var maxPollFrequency = TimeSpan.milliseconds(250)

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("min_poll_frequency", &minPollFrequency)
    try section.read("max_poll_frequency", &maxPollFrequency)
    try section.finish()
    guard minPollFrequency > .zero, maxPollFrequency >= minPollFrequency else {
      throw section.error(
        "max_poll_frequency", "must be `min_poll_frequency` at least, and that above 0s")
    }
  }
}

/// What happens when the disk queue is full.
package enum QueueFullAction: String, CaseIterable, Hashable, Sendable {
  /// Sources wait: nothing is lost as long as they keep their lines.
  case block
  /// The oldest lines of the queue are given up.
  case dropOldest = "drop_oldest"
  /// New lines are given up.
  case dropNewest = "drop_newest"
}

/// The queue on disk between the pipelines and the servers.
package struct QueueConfiguration: Hashable, Sendable {
  /// The queue's folder; empty puts it beside the positions file.
  package var folder = ""
  /// Bytes for each client.
  package var maxBytes = 1 << 30
  package var whenFull = QueueFullAction.block

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("dir", &folder)
    try section.readBytes("max_bytes", &maxBytes)
    try section.read("when_full", &whenFull)
    try section.finish()
    guard maxBytes >= 1 << 20 else { throw section.error("max_bytes", "must be 1MB at least") }
  }
}

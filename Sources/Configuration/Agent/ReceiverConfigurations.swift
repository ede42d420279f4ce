package import TelemetryModel

/// How syslog messages come in.
package enum SyslogProtocol: String, CaseIterable, Hashable, Sendable {
  case tcp, udp
  /// A Unix socket of streams, and one of datagrams as `/dev/log` is.
  case unix, unixgram
}

/// How syslog messages are written.
package enum SyslogMessageFormat: String, CaseIterable, Hashable, Sendable {
  case rfc5424, rfc3164
  /// Each message is read as what it looks like.
  case auto
}

/// The section `syslog`: messages that hosts send (RFC 5424 and RFC 3164).
package struct SyslogConfiguration: Hashable, Sendable {
  /// `host:port`; a path for Unix sockets.
  package var listenAddress = ""
  package var listenProtocol = SyslogProtocol.tcp
  package var idleTimeout = TimeSpan.seconds(120)
  /// Whether parameters become labels `__syslog_message_sd_<element>_<name>`.
  package var labelStructuredData = false
  /// Sorted by name.
  package var labels: [Label] = []
  package var useIncomingTimestamp = false
  /// Whether the line is the whole message instead of its text.
  package var useRFC5424Message = false
  package var maxMessageLength = 8192
  package var format = SyslogMessageFormat.rfc5424
  package var tls = ReceiverTLS()

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("listen_address", &listenAddress)
    try section.read("listen_protocol", &listenProtocol)
    try section.read("idle_timeout", &idleTimeout)
    try section.read("label_structured_data", &labelStructuredData)
    try section.read("labels", &labels)
    try section.read("use_incoming_timestamp", &useIncomingTimestamp)
    try section.read("use_rfc5424_message", &useRFC5424Message)
    try section.read("max_message_length", &maxMessageLength)
    try section.read("syslog_format", &format)
    if var inner = try section.section("tls_config") { tls = try ReceiverTLS(&inner) }
    try section.finish()
    guard !listenAddress.isEmpty else { throw section.error("listen_address", "is missing") }
    // Zero takes the defaults, as in Promtail.
    if idleTimeout == .zero { idleTimeout = .seconds(120) }
    if maxMessageLength == 0 { maxMessageLength = 8192 }
    guard maxMessageLength <= 64 << 20 else {
      throw section.error("max_message_length", "must be 64MB at most")
    }
    guard tls.isOff || listenProtocol == .tcp else {
      throw section.error("tls_config", "needs `listen_protocol: tcp`")
    }
  }
}

/// A listener's certificate, and whose clients it takes.
package struct ReceiverTLS: Hashable, Sendable {
  package var certificateFile = ""
  package var keyFile = ""
  /// Where given, clients must show a certificate of one of these authorities.
  package var caFile = ""

  package init() {}

  package var isOff: Bool { certificateFile.isEmpty && keyFile.isEmpty && caFile.isEmpty }

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("cert_file", &certificateFile)
    try section.read("key_file", &keyFile)
    try section.read("ca_file", &caFile)
    section.ignore(["server_name", "insecure_skip_verify", "min_version", "max_version"])
    try section.finish()
    try checkFiles(section)
  }

  /// The section `http_tls_config` of a server.
  init(server section: inout SettingSection) throws(ConfigurationError) {
    try section.read("cert_file", &certificateFile)
    try section.read("key_file", &keyFile)
    var kind = ""
    try section.read("client_auth_type", &kind)
    var authorities = ""
    try section.read("client_ca_file", &authorities)
    try section.finish()
    switch kind {
    case "", "NoClientCert": break
    case "RequireAndVerifyClientCert":
      guard !authorities.isEmpty else {
        throw section.error("client_ca_file", "is needed for `client_auth_type: \(kind)`")
      }
      caFile = authorities
    default:
      throw section.error(
        "client_auth_type", "must be NoClientCert or RequireAndVerifyClientCert, not `\(kind)`")
    }
    try checkFiles(section)
  }

  private func checkFiles(_ section: SettingSection) throws(ConfigurationError) {
    guard isOff || (!certificateFile.isEmpty && !keyFile.isEmpty) else {
      throw section.error("cert_file", "and `key_file` are both needed for TLS")
    }
  }
}

/// The section `gelf`: Graylog's messages over UDP.
package struct GELFConfiguration: Hashable, Sendable {
  package var listenAddress = "0.0.0.0:12201"
  /// Sorted by name.
  package var labels: [Label] = []
  package var useIncomingTimestamp = false

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("listen_address", &listenAddress)
    try section.read("labels", &labels)
    try section.read("use_incoming_timestamp", &useIncomingTimestamp)
    try section.finish()
    if listenAddress.isEmpty { listenAddress = ":12201" }
  }
}

/// The section `loki_push_api`: a Loki for other agents.
package struct PushReceiverConfiguration: Sendable {
  package var server = AgentServer()
  /// Sorted by name; they take the place of the pushed streams' own.
  package var labels: [Label] = []
  package var useIncomingTimestamp = false

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    if var inner = try section.section("server") { server = try AgentServer(&inner) }
    try section.read("labels", &labels)
    try section.read("use_incoming_timestamp", &useIncomingTimestamp)
    try section.finish()
  }
}

/// The section `command`, which is Sluice's own: lines that a program writes.
package struct CommandConfiguration: Hashable, Sendable {
  /// The program and its arguments; no shell is between.
  package var arguments: [String] = []
  /// Sorted by name.
  package var labels: [Label] = []
  /// Pause before a program that ended is started again; zero runs it once.
  package var interval = TimeSpan.zero
  /// Whether what it writes to its standard error counts too.
  package var includeStandardError = false

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("run", &arguments)
    try section.read("labels", &labels)
    try section.read("interval", &interval)
    try section.read("include_stderr", &includeStandardError)
    try section.finish()
    guard let program = arguments.first, !program.isEmpty else {
      throw section.error("run", "must be a list: the program and its arguments")
    }
    guard !labels.isEmpty else { throw section.error("labels", "are missing: one at least") }
  }
}

/// An entry of `file_sd_configs`: files that list targets.
package struct FileDiscoveryConfiguration: Hashable, Sendable {
  /// Patterns of `.json`, `.yml` and `.yaml` files.
  package var files: [String] = []
  package var refreshInterval = TimeSpan.minutes(5)

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("files", &files)
    try section.read("refresh_interval", &refreshInterval)
    try section.finish()
    guard !files.isEmpty else { throw section.error("files", "must name one file at least") }
    for file in files where ![".json", ".yml", ".yaml"].contains(where: { file.hasSuffix($0) }) {
      throw section.error("files", "must end in .json, .yml or .yaml, not `\(file)`")
    }
    guard refreshInterval > .zero else {
      throw section.error("refresh_interval", "must be above 0s")
    }
  }
}

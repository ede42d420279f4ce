package import TelemetryModel

/// The part `server:` of the configuration.
package struct ServerConfiguration: Sendable {
  /// The folder of everything that is stored.
  package var dataDirectory = "./data"
  package var listen = ListenAddresses()
  /// How long logs and spans are kept; zero keeps them for ever.
  package var retention = TimeSpan.hours(168)
  /// Whether requests name their tenant in `X-Scope-OrgID`; if not there is one tenant, `fake`.
  package var authEnabled = false
  package var limits = Limits()
  /// Where other limits of single tenants stand.
  package var runtime = RuntimeSettings()
  package var deletes = DeleteSettings()
  package var patterns = PatternSettings()
  /// TLS for every listener on TCP; nil for none.
  package var tls: ServerTLS?
  package var log = LogSettings()
  package var storage = StorageSettings()
  package var http = HTTPSettings()
  package var metricsGenerator = SpanMetricsSettings()
  package var zipkin = ZipkinSettings()
  package var jaeger = JaegerSettings()
  /// Collectors that received spans are forwarded to.
  package var traceExporters: [TraceExporterConfiguration] = []

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    self.init()
    try section.read("data_dir", &dataDirectory)
    guard !dataDirectory.isEmpty else { throw section.error("data_dir", "must not be empty") }
    if var inner = try section.section("listen") { listen = try ListenAddresses(&inner) }
    try section.read("retention", &retention)
    try section.read("auth_enabled", &authEnabled)
    if var inner = try section.section("limits") { limits = try Limits(&inner) }
    if var inner = try section.section("runtime_config") { runtime = try RuntimeSettings(&inner) }
    if var inner = try section.section("deletes") { deletes = try DeleteSettings(&inner) }
    if var inner = try section.section("pattern_ingester") {
      patterns = try PatternSettings(&inner)
    }
    if var inner = try section.section("tls") { tls = try ServerTLS(&inner) }
    if var inner = try section.section("log") { log = try LogSettings(&inner) }
    if var inner = try section.section("storage") { storage = try StorageSettings(&inner) }
    if var inner = try section.section("http") { http = try HTTPSettings(&inner) }
    if var inner = try section.section("metrics_generator") {
      metricsGenerator = try SpanMetricsSettings(&inner)
    }
    if var inner = try section.section("zipkin") { zipkin = try ZipkinSettings(&inner) }
    if var inner = try section.section("jaeger") { jaeger = try JaegerSettings(&inner) }
    for var inner in try section.sections("trace_exporters") {
      let exporter = try TraceExporterConfiguration(&inner)
      guard !traceExporters.contains(where: { $0.name == exporter.name }) else {
        throw inner.error("name", "is another exporter's already")
      }
      traceExporters.append(exporter)
    }
    try section.finish()
  }
}

/// The server's own certificate, and whose clients it believes.
package struct ServerTLS: Hashable, Sendable {
  /// PEM, the server's certificate first.
  package var certificateFile = ""
  package var keyFile = ""
  /// PEM of the authorities that clients' certificates must come from; nil asks for none.
  package var clientCAFile: String?

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("cert_file", &certificateFile)
    try section.read("key_file", &keyFile)
    try section.read("client_ca_file", &clientCAFile)
    try section.finish()
    guard !certificateFile.isEmpty else { throw section.error("cert_file", "is needed for TLS") }
    guard !keyFile.isEmpty else { throw section.error("key_file", "is needed for TLS") }
  }
}

/// From which severity on something is worth a line in the program's own log.
package enum LogSeverity: String, CaseIterable, Hashable, Sendable {
  case debug, info, warn, error
}

/// How the program's own log is written.
package enum LogFormat: String, CaseIterable, Hashable, Sendable {
  case logfmt, json
}

/// The program's own log, on standard error.
package struct LogSettings: Hashable, Sendable {
  package var level = LogSeverity.info
  package var format = LogFormat.logfmt

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("level", &level)
    try section.read("format", &format)
    try section.finish()
  }
}

/// How rows get from memory to disk.
package struct StorageSettings: Hashable, Sendable {
  /// Bytes that stay free on the data folder's disk: below it pushes are refused.
  package var minFreeDisk = 512 << 20
  /// Bytes of one file of the write-ahead log before the next is begun.
  package var walFileSize = 64 << 20
  /// How long a group commit waits for more pushes; zero for not at all.
  package var walCommitWait = TimeSpan.zero
  /// Uncompressed bytes in memory at which they are flushed to a segment.
  package var headMaxSize = 32 << 20
  /// Age of the oldest row in memory at which it is flushed to a segment.
  package var headMaxAge = TimeSpan.minutes(5)
  /// Uncompressed bytes of one block of a segment.
  package var blockSize = 256 << 10
  /// How often is looked for what retention takes away.
  package var retentionInterval = TimeSpan.minutes(10)
  /// Bytes that logs and spans take on disk together before the oldest are dropped; zero for no
  /// limit.
  package var retentionBytes = 0
  /// Segments are merged in the background with this share of one processor; zero for never.
  package var compactionShare = 0.25

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.readBytes("min_free_disk", &minFreeDisk)
    try section.readBytes("wal_file_size", &walFileSize)
    try section.read("wal_commit_wait", &walCommitWait)
    try section.readBytes("head_max_size", &headMaxSize)
    try section.read("head_max_age", &headMaxAge)
    try section.readBytes("block_size", &blockSize)
    try section.read("retention_interval", &retentionInterval)
    try section.readBytes("retention_bytes", &retentionBytes)
    try section.read("compaction_share", &compactionShare)
    try section.finish()
    guard walFileSize >= 1 << 20 else {
      throw section.error("wal_file_size", "must be 1MB at least")
    }
    guard headMaxSize >= 1 << 20 else {
      throw section.error("head_max_size", "must be 1MB at least")
    }
    guard (4 << 10...64 << 20).contains(blockSize) else {
      throw section.error("block_size", "must be between 4KB and 64MB")
    }
    guard compactionShare <= 1 else {
      throw section.error("compaction_share", "must be between 0 and 1")
    }
    guard retentionBytes == 0 || retentionBytes >= 16 << 20 else {
      throw section.error("retention_bytes", "must be 16MB at least, or 0 for no limit")
    }
    guard headMaxAge > .zero else { throw section.error("head_max_age", "must be above 0s") }
    guard retentionInterval >= .seconds(1) else {
      throw section.error("retention_interval", "must be 1s at least")
    }
  }
}

/// What one client can ask of the listeners before it is refused.
package struct HTTPSettings: Hashable, Sendable {
  package var maxConnections = 10_000
  /// Zero for no limit of its own.
  package var maxConnectionsPerAddress = 0
  /// Bytes of a request's head.
  package var maxHeaderSize = 64 << 10
  /// Bytes of a request's body as it comes over the wire.
  package var maxBodySize = 100 << 20
  /// Bytes of a request's body once it is inflated.
  package var maxInflatedSize = 256 << 20
  /// Bytes of the bodies of all requests that are held at a time.
  package var maxBufferedBodies = 512 << 20
  package var headerTimeout = TimeSpan.seconds(10)
  package var bodyTimeout = TimeSpan.seconds(60)
  package var writeTimeout = TimeSpan.seconds(60)
  package var idleTimeout = TimeSpan.seconds(120)
  /// How long requests in flight may take to finish after SIGTERM.
  package var shutdownTimeout = TimeSpan.seconds(30)
  /// HTTP/2 streams of one connection at a time.
  package var maxStreams = 100

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("max_connections", &maxConnections, in: 1...1_000_000)
    try section.read("max_connections_per_address", &maxConnectionsPerAddress)
    try section.readBytes("max_header_size", &maxHeaderSize)
    try section.readBytes("max_body_size", &maxBodySize)
    try section.readBytes("max_inflated_size", &maxInflatedSize)
    try section.readBytes("max_buffered_bodies", &maxBufferedBodies)
    try section.read("header_timeout", &headerTimeout)
    try section.read("body_timeout", &bodyTimeout)
    try section.read("write_timeout", &writeTimeout)
    try section.read("idle_timeout", &idleTimeout)
    try section.read("shutdown_timeout", &shutdownTimeout)
    try section.read("max_streams", &maxStreams, in: 1...10_000)
    try section.finish()
  }
}

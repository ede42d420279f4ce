import Configuration
import TelemetryModel
import Testing

@Suite struct ServerConfigurationTests {
  private func parse(_ text: String) throws -> ServerConfiguration {
    let configuration = try Configuration.parse(text: text, name: "pipeline.yml", environment: [:])
    return try #require(configuration.server)
  }

  @Test func hasDefaults() throws {
    let server = try parse("server: {}")
    #expect(server.dataDirectory == "./data")
    #expect(server.retention == .hours(168))
    #expect(server.listen.loki?.description == "127.0.0.1:3100")
    #expect(server.listen.jaegerBinary?.port == 6832)
    #expect(server.listen.tempo?.port == 3200)
    #expect(server.tls == nil)
    #expect(!server.authEnabled)
    // Loki's own presets.
    #expect(server.limits.maxLineSize == 262_144)
    #expect(server.limits.ingestionBurstSizeMB == 6)
    #expect(server.limits.maxLabelNamesPerSeries == 15)
    #expect(server.limits.maxQueryLength == .hours(721))
    #expect(server.limits.discoverServiceName.count == 13)
  }

  @Test func readsEverySection() throws {
    let server = try parse(
      """
      server:
        data_dir: /var/lib/sluice
        listen: {loki: ":3100", otlp_grpc: off, zipkin: "[::1]:9411"}
        retention: 0s
        auth_enabled: true
        limits:
          max_line_size: 1MB
          reject_old_samples_max_age: 1w
          discover_service_name: []
          discover_log_levels: false
          ingestion_rate_mb: 12.5
        tls: {cert_file: a.pem, key_file: b.pem, client_ca_file: c.pem}
        log: {level: debug, format: json}
        storage: {head_max_size: 16MB, min_free_disk: 1GB}
        http: {max_connections: 10, idle_timeout: 5s}
      """)
    #expect(server.dataDirectory == "/var/lib/sluice")
    #expect(server.listen.loki == ListenAddress(host: "", port: 3100))
    #expect(server.listen.otlpGRPC == nil)
    #expect(server.listen.otlpHTTP != nil)
    #expect(server.listen.zipkin?.host == "::1")
    #expect(server.retention == .zero)
    #expect(server.authEnabled)
    #expect(server.limits.maxLineSize == 1 << 20)
    #expect(server.limits.rejectOldSamplesMaxAge == .hours(168))
    #expect(server.limits.discoverServiceName.isEmpty)
    #expect(!server.limits.discoverLogLevels)
    #expect(server.limits.ingestionRateMB == 12.5)
    #expect(server.tls?.clientCAFile == "c.pem")
    #expect(
      server.log
        == {
          var log = LogSettings(); log.level = .debug; log.format = .json; return log
        }())
    #expect(server.storage.headMaxSize == 16 << 20)
    #expect(server.http.maxConnections == 10)
    #expect(server.http.idleTimeout == .seconds(5))
  }

  @Test(arguments: [
    (
      "server:\n  retnetion: 1h\n",
      "pipeline.yml:2:3: unknown key `retnetion` under `server`; did you mean `retention`?"
    ),
    (
      "server:\n  limits:\n    max_lin_size: 1\n",
      "pipeline.yml:3:5: unknown key `max_lin_size` under `server.limits`;"
        + " did you mean `max_line_size`?"
    ),
    (
      "server:\n  limits: {cardinality_limit: 1}\n",
      "pipeline.yml:2:12: `cardinality_limit` is known to Loki, not supported by Sluice; remove it"
    ),
    (
      "server:\n  limits: {retention_period: 1h}\n",
      "pipeline.yml:2:12: `retention_period` is known to Loki, not supported by Sluice;"
        + " set `server.retention`"
    ),
    ("server:\n  zzz: 1\n", "pipeline.yml:2:3: unknown key `zzz` under `server`"),
    (
      "sever: {}\n",
      "pipeline.yml:1:1: unknown key `sever` at the top level; did you mean `server`?"
    ),
    ("server: []\n", "pipeline.yml:1:9: `server` must be a mapping, not a list"),
    (
      "server:\n  retention: long\n",
      "pipeline.yml:2:14: `server.retention` must be a duration such as 250ms, 10s or 168h,"
        + " not `long`"
    ),
    (
      "server:\n  listen: {loki: 3100}\n",
      "pipeline.yml:2:18: `server.listen.loki` must be `off` or an address such as"
        + " 127.0.0.1:3100, :3100 or [::1]:3100, not `3100`"
    ),
    (
      "server:\n  auth_enabled: 1\n",
      "pipeline.yml:2:17: `server.auth_enabled` must be true or false, not `1`"
    ),
    (
      "server:\n  tls: {cert_file: a}\n",
      "pipeline.yml:2:8: `server.tls.key_file` is needed for TLS"
    ),
    (
      "server:\n  log: {level: loud}\n",
      "pipeline.yml:2:16: `server.log.level` must be one of debug, info, warn, error, not `loud`"
    ),
    (
      "server:\n  http: {max_connections: 0}\n",
      "pipeline.yml:2:27: `server.http.max_connections` must be 1 at least and 1000000 at most,"
        + " not 0"
    ),
    (
      "server:\n  data_dir: a\n  data_dir: b\n",
      "pipeline.yml:3:3: key `data_dir` is set already in line 2"
    ),
    (
      "server: {\n",
      "pipeline.yml:2:1: while parsing a flow node:"
        + " did not find expected node content"
    ),
    ("", "pipeline.yml:1:1: neither `server` nor `agent` is configured"),
    (
      "agent: {}\nclients: []\n",
      "pipeline.yml:2:1: `clients` is a key of Promtail's: it belongs under `agent:` here"
    ),
  ])
  func namesFaults(_ text: String, _ message: String) {
    #expect {
      try Configuration.parse(text: text, name: "pipeline.yml", environment: [:])
    } throws: { error in
      let description = (error as? ConfigurationError)?.description
      if description != message { print("got: \(description ?? "")") }
      return description == message
    }
  }
}

import Configuration
import HTTP
import LinuxIO
import LokiAPI
import TelemetryModel
import WireFormats

/// What Loki answers about itself: `/config`, `/services`, `/log_level`, the limits of a tenant.
struct LokiOperations: Sendable {
  let configuration: ServerConfiguration
  let tenants: TenantLimits
  /// What listens.
  let services: [String]

  func addRoutes(to router: inout Router) {
    router.on(.get, "/config") { [configuration] request, writer in
      let preset = ServerConfiguration()
      let text =
        switch try request.query()["mode"] ?? "" {
        case "diff", "diffs": SettingsText.yaml(configuration, unlike: preset)
        case "defaults": SettingsText.yaml(preset)
        default: SettingsText.yaml(configuration)
        }
      try await writer.respond(.ok, text: text)
    }
    router.on(.get, "/services") { [services] _, writer in
      try await writer.respond(
        .ok, text: services.map { "\($0) => Running\n" }.joined())
    }
    router.on(.get, "/config/tenant/v1/limits") { request, writer in
      try await writer.respond(.ok, text: SettingsText.yaml(try limits(request)))
    }
    router.on(.get, "/loki/api/v1/drilldown-limits") { request, writer in
      try await writer.respond(
        .ok, contentType: "application/json; charset=utf-8",
        body: drilldown(try limits(request)))
    }
    router.on(.get, "/log_level") { _, writer in
      try await Self.tell(
        .ok, "Current log level is \(LogSink.standardError.level.name)", writer)
    }
    router.on([.post, .put], "/log_level") { request, writer in
      let name = try await request.form()["log_level"] ?? ""
      guard let level = LogLevel(name: name) else {
        try await Self.tell(
          .badRequest, "unrecognized log level \(quoted(name))", status: "failed", writer)
        return
      }
      LogSink.standardError.level = level
      try await Self.tell(.ok, "Log level set to \(level.name)", status: "success", writer)
    }
  }

  private func limits(_ request: Request) throws(HTTPError) -> Limits {
    do throws(TenantHeader.Refusal) {
      return tenants.limits(
        of: try TenantHeader.one(
          request.headers["x-scope-orgid"], authEnabled: configuration.authEnabled))
    } catch { throw HTTPError(status: HTTPStatus(error.status), error.message) }
  }

  private static func tell(
    _ code: HTTPStatus, _ message: String, status: String? = nil, _ writer: ResponseWriter
  ) async throws {
    var json = JSONWriter()
    json.beginObject()
    json.key("message")
    json.string(message)
    if let status {
      json.key("status")
      json.string(status)
    }
    json.endObject()
    try await writer.respond(code, contentType: "application/json", body: json.bytes)
  }

  /// What Grafana's Logs Drilldown asks when it starts.
  private func drilldown(_ limits: Limits) -> [UInt8] {
    let published: Set<String> = [
      "discover_log_levels", "discover_service_name", "log_level_fields",
      "max_entries_limit_per_query", "max_line_size_truncate", "max_query_bytes_read",
      "max_query_length", "max_query_lookback", "max_query_range", "max_query_series",
      "query_timeout", "retention_stream", "volume_enabled", "volume_max_series",
    ]
    var json = JSONWriter()
    json.beginObject()
    json.key("limits")
    json.beginObject()
    for child in Mirror(reflecting: limits).children {
      guard let label = child.label else { continue }
      let name = SettingsText.spelled(label)
      guard published.contains(name) else { continue }
      switch child.value {
      case let flag as Bool:
        json.key(name)
        json.bool(flag)
      case let number as Int:
        json.key(name)
        json.int(Int64(number))
      case let texts as [String]:
        json.key(name)
        json.beginArray()
        for text in texts { json.string(text) }
        json.endArray()
      default:
        guard let text = SettingsText.scalar(child.value) else { continue }
        json.key(name)
        json.string(text)
      }
    }
    json.key("retention_period")
    json.string(SettingsText.scalar(configuration.retention) ?? "")
    json.endObject()
    json.key("pattern_ingester_enabled")
    json.bool(configuration.patterns.enabled)
    json.key("version")
    json.string(QueryService.apiVersion)
    json.endObject()
    return json.bytes
  }
}

package import TelemetryModel
import WireFormats

/// A collector to which every received span, or those of a part of the traces, are forwarded.
package struct TraceExporterConfiguration: Hashable, Sendable {
  /// What bodies are written as.
  package enum Format: String, CaseIterable, Hashable, Sendable { case otlp, jaeger, zipkin }

  /// What happens to spans while the queue is full.
  package enum WhenFull: String, CaseIterable, Hashable, Sendable {
    case dropOldest = "drop_oldest"
    case dropNewest = "drop_newest"
    /// Senders wait: nothing is lost, and nothing is received.
    case block
  }

  /// Tells it from others, over restarts too; the name of its queue's folder.
  package var name = ""
  /// `http` or `https`, with the path of the collector's endpoint.
  package var url = ""
  package var format = Format.otlp
  /// The part of the traces, from 0 to 1; a trace is forwarded whole or not at all.
  package var sample = 1.0
  /// Sent as `X-Scope-OrgID`; empty sends the tenant that the spans came from, if there are any.
  package var tenantID = ""
  /// Headers, authentication and TLS.
  package var http = ClientHTTPConfiguration()
  package var timeout = TimeSpan.seconds(10)
  package var backoff = BackoffConfiguration()
  /// Bytes on disk.
  package var queueBytesMax = 1 << 30
  package var whenFull = WhenFull.dropOldest

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("name", &name)
    try section.read("url", &url)
    try section.read("format", &format)
    try section.read("sample", &sample)
    try section.read("tenant_id", &tenantID)
    http = try ClientHTTPConfiguration(&section)
    try section.read("timeout", &timeout)
    if var inner = try section.section("backoff_config") {
      backoff = try BackoffConfiguration(&inner)
    }
    try section.readBytes("queue_max_size", &queueBytesMax)
    try section.read("queue_when_full", &whenFull)
    try section.finish()
    guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
      throw section.error(
        "url", "must be an http or https address such as http://127.0.0.1:4318/v1/traces")
    }
    guard !name.isEmpty, name.utf8.count <= 100,
      name.utf8.allSatisfy({ Self.isOfName($0) })
    else {
      throw section.error("name", "must be of letters, digits, - and _, 100 at most")
    }
    guard sample <= 1 else { throw section.error("sample", "must be between 0 and 1") }
    guard queueBytesMax >= 1 << 20 else {
      throw section.error("queue_max_size", "must be 1MB at least")
    }
  }

  private static func isOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}

/// Metrics that are made of received spans.
package struct SpanMetricsSettings: Hashable, Sendable {
  /// Calls, latencies and sizes by service, name, kind and status.
  package var spanMetrics = true
  /// Calls between services.
  package var serviceGraph = true
  /// How long one side of a call waits for the other.
  package var wait = TimeSpan.seconds(10)
  /// Sides that wait at most.
  package var maxItems = 10_000

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("span_metrics", &spanMetrics)
    try section.read("service_graph", &serviceGraph)
    try section.read("wait", &wait)
    try section.read("max_items", &maxItems, in: 1...10_000_000)
    try section.finish()
  }
}

/// What Jaeger's API answers beyond traces.
package struct JaegerSettings: Hashable, Sendable {
  /// Whether `/api/metrics/…`, which the Monitor tab asks, is answered from the stored spans.
  package var metrics = false

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("metrics", &metrics)
    try section.finish()
  }
}

/// What Zipkin's API is told to offer.
package struct ZipkinSettings: Hashable, Sendable {
  /// Keys of tags whose values the UI completes (Zipkin's `autocomplete-keys`).
  package var autocompleteKeys: [String] = []

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    for node in try section.list("autocomplete_keys") {
      guard let text = node.scalar?.text, !text.isEmpty else {
        throw section.error("autocomplete_keys", "must be a list of keys", at: node)
      }
      autocompleteKeys.append(text)
    }
    try section.finish()
  }
}

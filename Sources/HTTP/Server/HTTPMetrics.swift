import Synchronization
import TelemetryModel

/// What one listener counts, as `sluice_http_*{listener="…"}`.
final class HTTPMetrics: Sendable {
  let connections: Gauge
  let inFlight: Gauge
  let received: Counter
  let sent: Counter
  private let listener: String
  private let registry: MetricsRegistry
  private let duration: Histogram
  private let statuses = Mutex<[Int: Counter]>([:])

  init(listener: String, registry: MetricsRegistry) {
    self.listener = listener
    self.registry = registry
    connections = registry.gauge(
      "sluice_http_connections", help: "Open connections.", labels: ["listener": listener])
    inFlight = registry.gauge(
      "sluice_http_requests_in_flight", help: "Requests whose handlers run.",
      labels: ["listener": listener])
    received = registry.counter(
      "sluice_http_received_bytes_total", help: "Bytes received, without TLS.",
      labels: ["listener": listener])
    sent = registry.counter(
      "sluice_http_sent_bytes_total", help: "Bytes sent, without TLS.",
      labels: ["listener": listener])
    duration = registry.histogram(
      "sluice_http_request_seconds", help: "From a request's head to its response's end.",
      labels: ["listener": listener])
  }

  /// Counts an answered request.
  func ended(_ status: Int, seconds: Double) {
    duration.observe(seconds)
    let counter = statuses.withLock { statuses in
      if let counter = statuses[status] { return counter }
      let counter = registry.counter(
        "sluice_http_requests_total", help: "Requests answered, by status.",
        labels: ["listener": listener, "code": "\(status)"])
      statuses[status] = counter
      return counter
    }
    counter.add()
  }

  /// Counts what a limit or a protocol rule kept out.
  func refused(_ reason: String) {
    registry.counter(
      "sluice_http_refused_total",
      help: "Connections and requests that a limit or a rule of the protocol kept out.",
      labels: ["listener": listener, "reason": reason]
    ).add()
  }
}

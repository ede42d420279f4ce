import HTTP
import TelemetryModel

/// What every listener answers beside its own API: `/ready` and `/metrics`.
enum OperationsRoutes {
  /// Adds both to a router.
  static func add(to router: inout Router) {
    router.on(.get, "/ready") { _, writer in
      try await writer.respond(.ok, text: "ready\n")
    }
    router.on(.get, "/metrics") { _, writer in
      try await writer.respond(
        .ok, contentType: "text/plain; version=0.0.4; charset=utf-8",
        body: MetricsRegistry.process.exposition())
    }
  }
}

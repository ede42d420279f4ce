import HTTP
import Synchronization
import TelemetryModel

/// Whether all listeners of a server are open.
final class Readiness: Sendable {
  private let isReached = Atomic(false)

  var isReady: Bool { isReached.load(ordering: .acquiring) }

  func reach() { isReached.store(true, ordering: .releasing) }
}

/// What every listener answers beside its own API: `/ready` and `/metrics`.
enum OperationsRoutes {
  /// Adds both to a router. Until `readiness` is reached `/ready` answers 503.
  static func add(to router: inout Router, _ readiness: Readiness) {
    router.on(.get, "/ready") { _, writer in
      if readiness.isReady {
        try await writer.respond(.ok, text: "ready\n")
      } else {
        try await writer.respond(
          .serviceUnavailable, text: "not ready: listeners are being opened\n")
      }
    }
    router.on(.get, "/metrics") { _, writer in
      try await writer.respond(
        .ok, contentType: "text/plain; version=0.0.4; charset=utf-8",
        body: MetricsRegistry.process.exposition())
    }
  }
}

import Delivery
import HTTP
import LinuxIO
import Pipeline
import TelemetryModel
import WireFormats

/// What the agent answers over HTTP: `/ready`, `/metrics`, `/targets`.
struct AgentEndpoints: Sendable {
  var board: StatusBoard
  var queue: DiskQueue
  /// Names and keys of the destinations.
  var destinations: [(name: String, key: String)]
  var registry: MetricsRegistry
  /// What `metrics` stages counted.
  var metrics: PipelineMetrics
  var ledger: SourceLedger
  /// What `POST /reload` does, where it is allowed.
  var reload: (@Sendable () -> AgentError?)?
  var allowsReload = false

  var router: Router {
    var router = Router()
    router.on(.get, "/ready") { _, response in
      try await response.respond(.ok, text: "Ready\n")
    }
    router.on(.get, "/metrics") { [registry, metrics] _, response in
      try await response.respond(
        .ok, contentType: "text/plain; version=0.0.4; charset=utf-8",
        body: registry.exposition() + metrics.exposition())
    }
    router.on(.get, "/targets") { [self] _, response in
      try await response.respond(.ok, contentType: "application/json", body: targets())
    }
    router.on(.post, "/reload") { [reload, allowsReload] _, response in
      guard let reload, allowsReload else {
        throw HTTPError(
          status: .forbidden, "reloading by HTTP is off; set server.enable_runtime_reload: true")
      }
      if let refusal = reload() {
        try await response.respond(
          .internalServerError, text: "the new configuration is refused: \(refusal.message)\n")
      } else {
        try await response.respond(.ok)
      }
    }
    router.on(.get, "/") { _, response in
      try await response.respond(.found, headers: ["location": "/targets"])
    }
    return router
  }

  /// Gauges of the queue, asked for at each exposition.
  func registerGauges() {
    let queue = queue
    registry.gauge("sluice_agent_queue_bytes", help: "Bytes of the disk queue.") {
      Double(queue.bytes)
    }
    registry.gauge("sluice_agent_queue_full", help: "1 while reading waits for room.") {
      queue.isFull ? 1 : 0
    }
    registry.gauge(
      "sluice_agent_queue_dropped_entries", help: "Lines dropped since the queue was full."
    ) { Double(queue.counters.droppedEntries) }
    registry.gauge(
      "sluice_agent_queue_damaged_records", help: "Records of the queue that were damaged."
    ) { Double(queue.counters.damagedRecords) }
    registry.gauge(
      "sluice_agent_queue_write_errors", help: "Writes to the queue that the disk refused."
    ) { Double(queue.counters.writeErrors) }
    registry.gauge(
      "sluice_agent_queued_entries", help: "Lines made durable in the queue since the start."
    ) { Double(queue.counters.appendedEntries) }
    for destination in destinations {
      registry.gauge(
        "sluice_agent_queue_backlog_records", help: "Records that a client has still to get.",
        labels: ["client": destination.name]
      ) { Double(queue.backlog(of: destination.key)) }
    }
  }

  private func targets() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    board.write(to: &writer)
    ledger.write(to: &writer, queue.sourceTotals)
    writer.key("queue")
    writer.beginObject()
    writer.key("folder")
    writer.string(queue.settings.folder)
    writer.key("bytes")
    writer.int(queue.bytes)
    writer.key("full")
    writer.bool(queue.isFull)
    writer.key("settled")
    writer.bool(queue.isSettled)
    writer.endObject()
    writer.key("clients")
    writer.beginArray()
    for destination in destinations {
      writer.beginObject()
      writer.key("name")
      writer.string(destination.name)
      writer.key("backlog_records")
      writer.uint(queue.backlog(of: destination.key))
      let account = queue.account(of: destination.key)
      func count(_ what: String) -> UInt64 {
        UInt64(
          registry.counter(
            "sluice_agent_\(what)_entries_total", help: "", labels: ["client": destination.name]
          ).value)
      }
      for (key, value) in [
        ("queued_lines", account.queued), ("handled_lines", account.handled),
        ("waiting_lines", account.queued - account.handled),
        ("acknowledged_lines", count("sent")), ("stored_lines", count("stored")),
        ("unstored_lines", count("unstored")), ("rejected_lines", count("rejected")),
        ("lost_lines", queue.counters.dropped[destination.key] ?? 0),
        ("damaged_lines", queue.counters.damaged[destination.key] ?? 0),
      ] {
        writer.key(key)
        writer.uint(value)
      }
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return writer.bytes + [10]
  }
}

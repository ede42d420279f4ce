import LinuxIO
package import TelemetryModel

/// What `/metrics` tells of one destination.
package struct DestinationMetrics: Sendable {
  let sentEntries: Counter
  let sentBytes: Counter
  let storedEntries: Counter
  let unstoredEntries: Counter
  let encodedBytes: Counter
  let rejectedEntries: Counter
  let rejectedBatches: Counter
  let rejectedBatchesRemoved: Counter
  let retries: Counter
  private let requests: Histogram

  /// `program` begins the names; what is counted as lines are spans for exporters of traces.
  package init(
    _ registry: MetricsRegistry, client: String, program: String = "sluice_agent"
  ) {
    sentEntries = registry.counter(
      "\(program)_sent_entries_total", help: "Lines that a client's server acknowledged.",
      labels: ["client": client])
    storedEntries = registry.counter(
      "\(program)_stored_entries_total",
      help: "Lines that a client's server says it has stored; not all servers say so.",
      labels: ["client": client])
    unstoredEntries = registry.counter(
      "\(program)_unstored_entries_total",
      help: "Acknowledged lines that are more, or less, than the server says it has stored.",
      labels: ["client": client])
    sentBytes = registry.counter(
      "\(program)_sent_bytes_total", help: "Bytes of acknowledged lines.",
      labels: ["client": client])
    encodedBytes = registry.counter(
      "\(program)_encoded_bytes_total", help: "Bytes of acknowledged push bodies.",
      labels: ["client": client])
    rejectedEntries = registry.counter(
      "\(program)_rejected_entries_total",
      help: "Lines in batches that were refused for good and set aside.",
      labels: ["client": client])
    rejectedBatches = registry.counter(
      "\(program)_rejected_batches_total", help: "Batches refused for good and set aside.",
      labels: ["client": client])
    rejectedBatchesRemoved = registry.counter(
      "\(program)_rejected_batches_removed_total",
      help: "Batches that were set aside and removed since their folder was full.",
      labels: ["client": client])
    retries = registry.counter(
      "\(program)_batch_retries_total", help: "Pushes that have to be made again.",
      labels: ["client": client])
    requests = registry.histogram(
      "\(program)_request_duration_seconds", help: "How long pushes took.",
      labels: ["client": client])
  }

  func observe(_ response: PushResponse, seconds: Double) { requests.observe(seconds) }

  func sent(_ body: QueuedBody, storedLines: Int?) {
    sentEntries.add(body.entries)
    if let storedLines {
      storedEntries.add(storedLines)
      unstoredEntries.add(Int((body.entries - storedLines).magnitude))
    }
    sentBytes.add(body.lineBytes)
    encodedBytes.add(body.bytes.count)
  }

  func rejected(_ body: QueuedBody) {
    rejectedEntries.add(body.entries)
    rejectedBatches.add()
  }
}

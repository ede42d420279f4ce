import TelemetryModel

/// The measurements of one store, as `/metrics` shows them.
struct StorageMetrics: Sendable {
  let appendedRecords: Counter
  let appendedBytes: Counter
  let failedAppends: Counter
  let refusedAppends: Counter
  let flushes: Counter
  let failedFlushes: Counter
  let flushSeconds: SecondsCounter
  let expiredSegments: Counter
  let corruptPages: Counter
  let corruptFiles: Counter
  let segments: Gauge
  let segmentBytes: Gauge
  let freeBytes: Gauge

  init(store: String, registry: MetricsRegistry = .process) {
    func counter(_ name: String, _ help: String) -> Counter {
      registry.counter("sluice_storage_\(name)_total", help: help, labels: ["store": store])
    }
    func gauge(_ name: String, _ help: String) -> Gauge {
      registry.gauge("sluice_storage_\(name)", help: help, labels: ["store": store])
    }
    appendedRecords = counter("appended_records", "Records made durable in the write-ahead log.")
    appendedBytes = counter("appended_bytes", "Bytes of these records.")
    failedAppends = counter("failed_appends", "Appends whose write or sync failed.")
    refusedAppends = counter("refused_appends", "Appends refused for want of disk or memory.")
    flushes = counter("flushes", "Heads that were written as segments.")
    failedFlushes = counter("failed_flushes", "Attempts at that which failed.")
    flushSeconds = registry.secondsCounter(
      "sluice_storage_flush_seconds_total", help: "Time spent writing segments.",
      labels: ["store": store])
    expiredSegments = counter("expired_segments", "Segments dropped by retention.")
    corruptPages = counter("corrupt_pages", "Pages found damaged when they were read.")
    corruptFiles = counter("corrupt_files", "Files found damaged at the start.")
    segments = gauge("segments", "Segments in use.")
    segmentBytes = gauge("segment_bytes", "Bytes of the segments in use.")
    freeBytes = gauge("free_bytes", "Room left on the disk of the data folder.")
  }
}

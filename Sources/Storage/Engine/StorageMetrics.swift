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
  let segmentRows: Gauge
  let rawBytes: Gauge
  let headBytes: Gauge
  let headRows: Gauge
  let walBytes: Gauge
  let pendingDeletes: Gauge
  let quarantinedPages: Gauge
  let quarantinedSegments: Gauge
  let refusingWrites: Gauge
  let flushIsFailing: Gauge
  let compactions: Counter
  let failedCompactions: Counter
  let compactedSegments: Counter
  let compactedBytes: Counter
  let compactionSeconds: SecondsCounter
  let budgetSegments: Counter

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
    segmentRows = gauge("segment_rows", "Rows of the segments in use.")
    rawBytes = gauge("raw_bytes", "Bytes of these rows as they came in.")
    headBytes = gauge("head_bytes", "Memory of rows that are in no segment yet.")
    headRows = gauge("head_rows", "Rows that are in no segment yet.")
    walBytes = gauge("wal_bytes", "Bytes of the write-ahead log's files.")
    pendingDeletes = gauge("pending_deletes", "Deletes whose rows are hidden and still on disk.")
    quarantinedPages = gauge("quarantined_pages", "Damaged pages that are left out.")
    quarantinedSegments = gauge("quarantined_segments", "Damaged files that were set aside.")
    refusingWrites = gauge("refusing_writes", "1 while the disk has too little room for writes.")
    flushIsFailing = gauge("flush_failing", "1 while the last flush has failed.")
    compactions = counter("compactions", "Segments that were written anew.")
    failedCompactions = counter("failed_compactions", "Attempts at that which failed.")
    compactedSegments = counter("compacted_segments", "Segments that these took the place of.")
    compactedBytes = counter("compacted_bytes", "Bytes of the segments that were written anew.")
    compactionSeconds = registry.secondsCounter(
      "sluice_storage_compaction_seconds_total", help: "Time that took, pauses included.",
      labels: ["store": store])
    budgetSegments = counter("budget_segments", "Segments dropped to stay within retention_bytes.")
  }
}

import LinuxIO
import Synchronization
import TelemetryModel

/// Takes note of pages that cannot be read: counts them, names them in the log, and keeps them
/// for the catalog.
final class DamageReporter: Sendable {
  private let store: String
  private let metrics: StorageMetrics
  private let log: Log
  private let unrecorded = Mutex<[QuarantineRecord]>([])

  init(store: String, metrics: StorageMetrics, log: Log) {
    self.store = store
    self.metrics = metrics
    self.log = log
  }

  /// Called once for each page, by whoever read it.
  func pageIsDamaged(_ number: Int, of segment: Segment, _ error: StorageError) {
    metrics.corruptPages.add()
    log.error(
      "a page is damaged and left out; the rest is answered",
      [
        "store": store, "path": segment.path, "page": number, "offset": error.offset ?? 0,
        "reason": error.message,
      ])
    let record = QuarantineRecord(segment: segment.id, page: number, reason: error.message)
    unrecorded.withLock { $0.append(record) }
  }

  /// A file that was found damaged or missing at the start.
  func fileIsDamaged(_ finding: StorageFinding) {
    guard finding.kind != .tornTail else {
      log.warn(
        "the log ends with bytes that were never acknowledged; they are set aside",
        ["store": store, "path": finding.path, "offset": finding.offset, "what": finding.detail])
      return
    }
    metrics.corruptFiles.add()
    log.error(
      "a file is damaged; it is set aside, and the rest is answered",
      ["store": store, "path": finding.path, "offset": finding.offset, "what": finding.detail])
  }

  /// What the catalog has not been told yet.
  func takeUnrecorded() -> [QuarantineRecord] {
    unrecorded.withLock { records in
      defer { records = [] }
      return records
    }
  }
}

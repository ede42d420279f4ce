package import LogStore
import TelemetryModel

/// What the engine reads rows from: the log store, or a list in memory.
package protocol LogRowSource: Sendable {
  /// Calls `visit` with the rows that `scan` asks for, in its rough order; see ``LogScan``.
  func scan(_ scan: LogScan, visit: (LogRows) throws -> ScanStep) throws -> ScanStatistics
}

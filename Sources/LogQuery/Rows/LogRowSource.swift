package import LogStore
import TelemetryModel

/// What the engine reads rows from: the log store, or a list in memory.
package protocol LogRowSource: Sendable {
  /// Decides what `scan` has to read; reads nothing yet.
  func plan(_ scan: LogScan) throws -> any LogRowPlan
}

/// A scan that is ready to run. Several threads may take part, each with a visitor of its own:
/// every batch of rows goes to one of them.
package protocol LogRowPlan: Sendable {
  /// How many threads can have something to do.
  var workersMax: Int { get }
  /// How many bytes the lines of matching streams in the range have, by the index: at most.
  var lineBytes: Int { get throws }

  /// Calls `visit` with batches until none is left; see ``LogScan``. Answers what these batches
  /// cost. What a visitor narrows or stops holds for all threads.
  func run(_ visit: (LogRows) throws -> ScanStep) throws -> ScanStatistics
}

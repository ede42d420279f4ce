package import Configuration
import LinuxIO
import LogQuery
package import TelemetryModel

/// What bounds the query side.
package struct QuerySettings: Sendable {
  package var entriesMax = 5000
  package var seriesMax = 500
  package var timeoutSeconds = 60.0
  package var queryLengthMax = TimeSpan.hours(721)
  package var volumeSeriesMax = 1000
  /// What `status/buildinfo` answers.
  package var version = "0.0.0"

  package init() {}

  package init(_ limits: Limits, version: String) {
    entriesMax = limits.maxEntriesLimitPerQuery
    seriesMax = limits.maxQuerySeries
    timeoutSeconds = limits.queryTimeout.seconds
    queryLengthMax = limits.maxQueryLength
    volumeSeriesMax = limits.volumeMaxSeries
    self.version = version
  }
}

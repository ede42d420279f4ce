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
  /// How far back queries look; zero for no limit.
  package var lookbackMax = TimeSpan.zero
  /// The longest `[range]`; zero for no limit.
  package var rangeMax = TimeSpan.zero
  /// Bytes of lines that a query, or one selector of it, may cover; zero for no limit.
  package var bytesReadMax = 0
  package var bytesReadPerSelectorMax = 150 << 30
  package var matchersMax = 1000
  package var requiredLabels: [String] = []
  package var matchersMin = 0
  package var volumeSeriesMax = 1000
  /// What `status/buildinfo` answers.
  package var version = "0.0.0"

  package init() {}

  package init(_ limits: Limits, version: String) {
    entriesMax = limits.maxEntriesLimitPerQuery
    seriesMax = limits.maxQuerySeries
    timeoutSeconds = limits.queryTimeout.seconds
    queryLengthMax = limits.maxQueryLength
    lookbackMax = limits.maxQueryLookback
    rangeMax = limits.maxQueryRange
    bytesReadMax = limits.maxQueryBytesRead
    bytesReadPerSelectorMax = limits.maxQuerierBytesRead
    matchersMax = limits.maxStreamsMatchersPerQuery
    requiredLabels = limits.requiredLabels
    matchersMin = limits.minimumLabelsNumber
    volumeSeriesMax = limits.volumeMaxSeries
    self.version = version
  }
}

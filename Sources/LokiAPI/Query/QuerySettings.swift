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
  /// Tails of a tenant at a time; zero for no limit.
  package var tailsMax = 10
  /// What `status/buildinfo` answers.
  package var version = "0.0.0"

  package init() {}

  /// The stricter of each of two tenants' limits; zero is none where it means none.
  func narrowed(by other: QuerySettings) -> QuerySettings {
    func least(_ a: Int, _ b: Int) -> Int { a == 0 ? b : b == 0 ? a : min(a, b) }
    func least(_ a: TimeSpan, _ b: TimeSpan) -> TimeSpan {
      a == .zero ? b : b == .zero ? a : min(a, b)
    }
    var both = self
    both.entriesMax = least(entriesMax, other.entriesMax)
    both.seriesMax = least(seriesMax, other.seriesMax)
    both.timeoutSeconds = min(timeoutSeconds, other.timeoutSeconds)
    both.queryLengthMax = least(queryLengthMax, other.queryLengthMax)
    both.lookbackMax = least(lookbackMax, other.lookbackMax)
    both.rangeMax = least(rangeMax, other.rangeMax)
    both.bytesReadMax = least(bytesReadMax, other.bytesReadMax)
    both.bytesReadPerSelectorMax = least(bytesReadPerSelectorMax, other.bytesReadPerSelectorMax)
    both.matchersMax = least(matchersMax, other.matchersMax)
    both.requiredLabels = Array(Set(requiredLabels + other.requiredLabels)).sorted()
    both.matchersMin = max(matchersMin, other.matchersMin)
    both.volumeSeriesMax = min(volumeSeriesMax, other.volumeSeriesMax)
    return both
  }

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
    tailsMax = limits.maxConcurrentTailRequests
    self.version = version
  }
}

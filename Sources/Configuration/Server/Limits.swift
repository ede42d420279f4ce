package import TelemetryModel

/// The server's limits, named and preset as Loki's `limits_config` where the meaning is the same.
///
/// Zero means "no limit" where the comment says so.
package struct Limits: Hashable, Sendable {
  // Ingest.

  /// Megabytes (2^20) of lines and metadata a second and tenant.
  package var ingestionRateMB = 4.0
  /// Megabytes (2^20) that one push may bring.
  package var ingestionBurstSizeMB = 6.0
  /// Bytes.
  package var maxLabelNameLength = 1024
  /// Bytes.
  package var maxLabelValueLength = 2048
  package var maxLabelNamesPerSeries = 15
  package var rejectOldSamples = true
  package var rejectOldSamplesMaxAge = TimeSpan.hours(168)
  /// How far a line's time may lie in the future.
  package var creationGracePeriod = TimeSpan.minutes(10)
  /// Bytes; zero for no limit.
  package var maxLineSize = 256 << 10
  /// Whether lines above ``maxLineSize`` are cut instead of refused.
  package var maxLineSizeTruncate = false
  /// Put at the end of a line that was cut.
  package var maxLineSizeTruncateIdentifier = ""
  /// Whether a line with the time of the stream's line before gets a nanosecond more.
  package var incrementDuplicateTimestamp = false
  /// The labels whose value becomes `service_name` where there is none; empty for never.
  package var discoverServiceName = [
    "service", "app", "application", "app_name", "name", "app_kubernetes_io_name", "container",
    "container_name", "k8s_container_name", "component", "workload", "job", "k8s_job_name",
  ]
  package var discoverLogLevels = true
  /// The fields of a line or of metadata that name its level.
  package var logLevelFields = [
    "level", "LEVEL", "Level", "log.level", "severity", "SEVERITY", "Severity", "SeverityText",
    "lvl", "LVL", "Lvl", "severity_text", "Severity_Text", "SEVERITY_TEXT",
  ]
  /// How deep in a JSON line a level is looked for.
  package var logLevelFromJSONMaxDepth = 2
  /// Streams with rows in memory a tenant; zero for no limit.
  package var maxGlobalStreamsPerUser = 5000
  /// Bytes a second and stream.
  package var perStreamRateLimit = 3 << 20
  /// Bytes.
  package var perStreamRateLimitBurst = 15 << 20
  package var allowStructuredMetadata = true
  /// Bytes of one line's structured metadata.
  package var maxStructuredMetadataSize = 64 << 10
  package var maxStructuredMetadataEntriesCount = 128
  /// Until when pushes are refused; nil for never.
  package var blockIngestionUntil: Timestamp?
  /// What a push that is blocked is answered with; 200 takes and drops it.
  package var blockIngestionStatusCode = 260
  /// Labels that every stream must have.
  package var enforcedLabels: [String] = []
  /// What becomes of the attributes of OTLP logs.
  package var otlp = OTLPAttributeRules()

  // Queries.

  /// Zero for no limit.
  package var maxQuerySeries = 500
  /// How far back a query may look; zero for no limit.
  package var maxQueryLookback = TimeSpan.zero
  /// The longest time from start to end; zero for no limit.
  package var maxQueryLength = TimeSpan.hours(721)
  /// The longest `[range]`; zero for no limit.
  package var maxQueryRange = TimeSpan.zero
  package var maxEntriesLimitPerQuery = 5000
  package var maxStreamsMatchersPerQuery = 1000
  package var maxConcurrentTailRequests = 10
  package var queryTimeout = TimeSpan.minutes(1)
  /// Bytes; zero for no limit.
  package var maxQueryBytesRead = 0
  /// Bytes; zero for no limit.
  package var maxQuerierBytesRead = 150 << 30
  package var volumeEnabled = true
  package var volumeMaxSeries = 1000
  package var deletionMode = DeletionMode.filterAndDelete
  /// Labels that a selector must name.
  package var requiredLabels: [String] = []
  /// How many matchers a selector must have.
  package var minimumLabelsNumber = 0

  // Keeping.

  /// Streams that are kept for another time than ``ServerConfiguration/retention``.
  package var retentionStream: [StreamRetentionSettings] = []

  package init() {}
}

/// One rule of `retention_stream`: for how long some streams are kept.
package struct StreamRetentionSettings: Hashable, Sendable {
  /// Label matchers in braces.
  package var selector = ""
  /// Of several rules that match, the one with the greatest counts; of equal ones the shortest.
  package var priority = 0
  /// Zero is for ever.
  package var period = TimeSpan.zero

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("selector", &selector)
    try section.read("priority", &priority)
    try section.read("period", &period)
    try section.finish()
    guard !selector.isEmpty else { throw section.error("selector", "is needed") }
    guard period == .zero || period >= .hours(24) else {
      throw section.error("period", "must be 24h at least, as in Loki")
    }
  }
}

/// What a tenant may do with delete requests.
package enum DeletionMode: String, CaseIterable, Hashable, Sendable {
  case disabled
  /// Deleted lines are left out of answers and stay stored.
  case filterOnly = "filter-only"
  case filterAndDelete = "filter-and-delete"
}

package import TelemetryModel

/// What a tenant may push and what the store adds to it: the ingest part of Loki's
/// `limits_config`, with Loki's names and defaults. Zero switches a size limit off.
package struct IntakeLimits: Hashable, Sendable {
  /// Bytes of one line.
  package var maxLineSize = 256 << 10
  /// Longer lines are cut instead of refused.
  package var maxLineSizeTruncate = false
  /// Put at the end of a line that was cut.
  package var maxLineSizeTruncateIdentifier = ""
  package var maxLabelNamesPerSeries = 15
  package var maxLabelNameLength = 1024
  package var maxLabelValueLength = 2048
  package var rejectOldSamples = true
  package var rejectOldSamplesMaxAge = TimeSpan.hours(168)
  package var creationGracePeriod = TimeSpan.minutes(10)
  package var incrementDuplicateTimestamp = false
  /// Labels whose value becomes `service_name`, first found wins; none switches it off.
  package var discoverServiceName = IntakeLimits.defaultServiceNameLabels
  package var discoverLogLevels = true
  /// Names whose value is a row's level; in JSON they are compared exactly.
  package var logLevelFields = IntakeLimits.defaultLevelFields
  package var logLevelFromJSONMaxDepth = 2
  package var allowStructuredMetadata = true
  package var maxStructuredMetadataSize = 64 << 10
  package var maxStructuredMetadataEntriesCount = 128
  /// Bytes a second and at once; not positive: no limit.
  package var ingestionRateBytes: Double = 4 * 1_048_576
  package var ingestionBurstBytes: Double = 6 * 1_048_576
  package var perStreamRateBytes: Double = 3 * 1_048_576
  package var perStreamBurstBytes: Double = 15 * 1_048_576
  /// Streams in the head at once; not positive: no limit.
  package var maxStreams = 5000
  package var blockIngestionUntil: Timestamp?
  package var blockIngestionStatusCode = 260
  package var enforcedLabels: [String] = []

  package init() {}

  /// Rows of any age, at any rate, with nothing added to them: for recorded and made rows, which
  /// are to be kept as they are.
  package static var asTheyCome: IntakeLimits {
    var limits = IntakeLimits()
    limits.rejectOldSamples = false
    limits.discoverServiceName = []
    limits.discoverLogLevels = false
    limits.ingestionRateBytes = 0
    limits.perStreamRateBytes = 0
    return limits
  }

  package static let defaultServiceNameLabels = [
    "service", "app", "application", "app_name", "name", "app_kubernetes_io_name", "container",
    "container_name", "k8s_container_name", "component", "workload", "job", "k8s_job_name",
  ]

  package static let defaultLevelFields = [
    "level", "LEVEL", "Level", "log.level", "severity", "SEVERITY", "Severity", "SeverityText",
    "lvl", "LVL", "Lvl", "severity_text", "Severity_Text", "SEVERITY_TEXT",
  ]
}

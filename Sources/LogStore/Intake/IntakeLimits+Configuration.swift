package import Configuration

extension IntakeLimits {
  /// The ingest part of the server's `limits`.
  package init(_ limits: Limits) {
    self.init()
    maxLineSize = limits.maxLineSize
    maxLineSizeTruncate = limits.maxLineSizeTruncate
    maxLabelNamesPerSeries = limits.maxLabelNamesPerSeries
    maxLabelNameLength = limits.maxLabelNameLength
    maxLabelValueLength = limits.maxLabelValueLength
    rejectOldSamples = limits.rejectOldSamples
    rejectOldSamplesMaxAge = limits.rejectOldSamplesMaxAge
    creationGracePeriod = limits.creationGracePeriod
    incrementDuplicateTimestamp = limits.incrementDuplicateTimestamp
    discoverServiceName = limits.discoverServiceName
    discoverLogLevels = limits.discoverLogLevels
    logLevelFields = limits.logLevelFields
    logLevelFromJSONMaxDepth = limits.logLevelFromJSONMaxDepth
    allowStructuredMetadata = limits.allowStructuredMetadata
    maxStructuredMetadataSize = limits.maxStructuredMetadataSize
    maxStructuredMetadataEntriesCount = limits.maxStructuredMetadataEntriesCount
    ingestionRateBytes = limits.ingestionRateMB * 1_048_576
    ingestionBurstBytes = limits.ingestionBurstSizeMB * 1_048_576
    perStreamRateBytes = Double(limits.perStreamRateLimit)
    perStreamBurstBytes = Double(limits.perStreamRateLimitBurst)
    maxStreams = limits.maxGlobalStreamsPerUser
    maxLineSizeTruncateIdentifier = limits.maxLineSizeTruncateIdentifier
    blockIngestionUntil = limits.blockIngestionUntil
    blockIngestionStatusCode = limits.blockIngestionStatusCode
    enforcedLabels = limits.enforcedLabels
  }
}

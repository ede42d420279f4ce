extension Limits {
  /// The limits of `section`; what it does not name is as in `base`.
  init(_ section: inout SettingSection, over base: Limits = Limits()) throws(ConfigurationError) {
    self = base
    try readIngest(&section)
    try readQueries(&section)
    let rules = try section.sections("retention_stream")
    if !rules.isEmpty {
      retentionStream = []
      for var rule in rules { retentionStream.append(try StreamRetentionSettings(&rule)) }
    }
    try section.finish { key in
      if key == "retention_period" {
        return "`retention_period` is known to Loki, not supported by Sluice;"
          + " set `server.retention`"
      }
      guard Limits.knownToLokiOnly.contains(key) else { return nil }
      return "`\(key)` is known to Loki, not supported by Sluice; remove it"
    }
  }

  private mutating func readIngest(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("ingestion_rate_mb", &ingestionRateMB)
    try section.read("ingestion_burst_size_mb", &ingestionBurstSizeMB)
    try section.read("max_label_name_length", &maxLabelNameLength)
    try section.read("max_label_value_length", &maxLabelValueLength)
    try section.read("max_label_names_per_series", &maxLabelNamesPerSeries)
    try section.read("reject_old_samples", &rejectOldSamples)
    try section.read("reject_old_samples_max_age", &rejectOldSamplesMaxAge)
    try section.read("creation_grace_period", &creationGracePeriod)
    try section.readBytes("max_line_size", &maxLineSize)
    try section.read("max_line_size_truncate", &maxLineSizeTruncate)
    try section.read("max_line_size_truncate_identifier", &maxLineSizeTruncateIdentifier)
    try section.read("increment_duplicate_timestamp", &incrementDuplicateTimestamp)
    try section.read("discover_service_name", &discoverServiceName)
    try section.read("discover_log_levels", &discoverLogLevels)
    try section.read("log_level_fields", &logLevelFields)
    try section.read("log_level_from_json_max_depth", &logLevelFromJSONMaxDepth)
    try section.read("max_global_streams_per_user", &maxGlobalStreamsPerUser)
    try section.readBytes("per_stream_rate_limit", &perStreamRateLimit)
    try section.readBytes("per_stream_rate_limit_burst", &perStreamRateLimitBurst)
    try section.read("allow_structured_metadata", &allowStructuredMetadata)
    try section.readBytes("max_structured_metadata_size", &maxStructuredMetadataSize)
    try section.read(
      "max_structured_metadata_entries_count", &maxStructuredMetadataEntriesCount)
    try section.read("block_ingestion_until", &blockIngestionUntil)
    try section.read("block_ingestion_status_code", &blockIngestionStatusCode, in: 200...599)
    try section.read("enforced_labels", &enforcedLabels)
    if var inner = try section.section("otlp_config") { otlp = try OTLPAttributeRules(&inner) }
  }

  private mutating func readQueries(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("max_query_series", &maxQuerySeries)
    try section.read("max_query_lookback", &maxQueryLookback)
    try section.read("max_query_length", &maxQueryLength)
    try section.read("max_query_range", &maxQueryRange)
    try section.read("max_entries_limit_per_query", &maxEntriesLimitPerQuery)
    try section.read("max_streams_matchers_per_query", &maxStreamsMatchersPerQuery)
    try section.read("max_concurrent_tail_requests", &maxConcurrentTailRequests)
    try section.read("query_timeout", &queryTimeout)
    try section.readBytes("max_query_bytes_read", &maxQueryBytesRead)
    try section.readBytes("max_querier_bytes_read", &maxQuerierBytesRead)
    try section.read("volume_enabled", &volumeEnabled)
    try section.read("volume_max_series", &volumeMaxSeries)
    try section.read("deletion_mode", &deletionMode)
    try section.read("required_labels", &requiredLabels)
    try section.read("minimum_labels_number", &minimumLabelsNumber)
  }

  /// Names of Loki's `limits_config` that mean nothing here or are not built yet.
  private static let knownToLokiOnly: Set<String> = [
    "ingestion_rate_strategy", "use_owned_stream_count", "max_streams_per_user",
    "unordered_writes", "max_chunks_per_query", "max_query_parallelism",
    "tsdb_max_query_parallelism", "tsdb_max_bytes_per_shard", "tsdb_sharding_strategy",
    "tsdb_precompute_chunks", "cardinality_limit", "max_cache_freshness_per_query",
    "max_metadata_cache_freshness", "max_stats_cache_freshness", "max_queriers_per_tenant",
    "max_query_capacity", "query_ready_index_num_days", "split_queries_by_interval",
    "split_metadata_queries_by_interval", "split_recent_metadata_queries_by_interval",
    "recent_metadata_query_window", "split_instant_metric_queries_by_interval",
    "split_ingester_queries_by_interval", "min_sharding_lookback",
    "ruler_max_rules_per_rule_group", "ruler_max_rule_groups_per_tenant",
    "ruler_alertmanager_config", "ruler_tenant_shard_size", "ruler_remote_write_disabled",
    "ruler_remote_write_url", "ruler_remote_write_timeout", "ruler_remote_write_headers",
    "ruler_remote_write_relabel_configs", "ruler_remote_write_queue_capacity",
    "ruler_remote_write_queue_min_shards", "ruler_remote_write_queue_max_shards",
    "ruler_remote_write_queue_max_samples_per_send",
    "ruler_remote_write_queue_batch_send_deadline", "ruler_remote_write_queue_min_backoff",
    "ruler_remote_write_queue_max_backoff", "ruler_remote_write_queue_retry_on_ratelimit",
    "ruler_remote_write_sigv4_config", "ruler_remote_write_config",
    "ruler_remote_evaluation_timeout", "ruler_remote_evaluation_max_response_size",
    "per_tenant_override_config",
    "per_tenant_override_period", "allow_deletes", "shard_streams", "blocked_queries",
    "index_gateway_shard_size", "bloom_gateway_shard_size", "bloom_gateway_enable_filtering",
    "bloom_gateway_cache_key_interval", "bloom_build_max_builders",
    "bloom_build_task_max_retries", "bloom_build_builder_response_timeout",
    "bloom_creation_enabled", "bloom_planning_strategy", "bloom_split_series_keyspace_by",
    "bloom_block_encoding", "bloom_max_block_size", "bloom_max_bloom_size",
    "block_ingestion_policy_until",
    "ingestion_partitions_tenant_shard_size", "pattern_ingester_tokenizable_json_fields_default",
    "pattern_ingester_tokenizable_json_fields_append",
    "pattern_ingester_tokenizable_json_fields_delete", "pattern_persistence_enabled",
    "policy_enforced_labels", "policy_stream_mapping",
    "discover_generic_fields", "metric_aggregation_enabled", "simulated_push_latency",
    "enable_multi_variant_queries", "volume_max_series_per_query", "debug_engine_streams",
    "debug_engine_tasks", "max_scan_task_parallelism",
  ]
}

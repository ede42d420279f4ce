import TelemetryModel
import WireFormats

/// Checks pushes against a tenant's limits, in Loki's order and words, and enriches what is left.
///
/// A row over a limit is left out and named in the refusal; the others are accepted.
struct PushIntake {
  /// What is left of a push.
  struct Accepted {
    var streams: [StreamRows] = []
    /// No row was left out or changed but by the enrichment that `policy` names.
    var isWhole = true
    var policy: StreamEnrichment.Policy?
    var refusal: LogStoreError?
    var rowCount = 0
    var byteCount = 0
  }

  let limits: IntakeLimits
  let enrichment: StreamEnrichment
  private let tenantRates: TokenBuckets<TenantID>
  private let streamRates: TokenBuckets<StreamKey>

  init(
    limits: IntakeLimits, tenantRates: TokenBuckets<TenantID>,
    streamRates: TokenBuckets<StreamKey>
  ) {
    self.limits = limits
    self.enrichment = StreamEnrichment(limits: limits)
    self.tenantRates = tenantRates
    self.streamRates = streamRates
  }

  func accept(_ push: LogPush, now: Timestamp) throws(LogStoreError) -> Accepted {
    guard !push.content.streams.isEmpty else {
      throw LogStoreError(
        .refused, "error at least one valid stream is required for ingestion", status: 422)
    }
    for stream in push.content.streams
    where stream.labels["__backfill__"] != nil || stream.labels["__backfill_shard__"] != nil {
      throw LogStoreError(
        .refused,
        "streams must not contain the reserved labels __backfill__ or __backfill_shard__; set the "
          + "X-Loki-Backfill-Shard header to mark a push as backfill data")
    }
    var accepted = Accepted(policy: enrichment.policy)
    var refusals = Refusals()
    var blocked: LogStoreError?
    for (index, stream) in push.content.streams.enumerated() where stream.count > 0 {
      var stream = stream
      stream.labels = enrichment.enriched(stream.labels)
      if limits.maxLineSizeTruncate, truncate(&stream) { accepted.isWhole = false }
      let repeated = push.content.repeatedLabels.first { $0.stream == index }
      if let refusal = labelRefusal(stream.labels, repeated, tenant: push.tenant) {
        refusals.add(refusal)
        accepted.isWhole = false
        continue
      }
      if let refusal = blockRefusal(push.tenant, now: now) {
        accepted.isWhole = false
        if limits.blockIngestionStatusCode != 200 { blocked = refusal }
        continue
      }
      if leaveOut(&stream, &refusals, now: now) { accepted.isWhole = false }
      try enrichment.enrich(&stream)
      if limits.incrementDuplicateTimestamp, separateTimestamps(&stream) {
        accepted.isWhole = false
      }
      guard stream.count > 0 else { continue }
      accepted.rowCount += stream.count
      accepted.byteCount += Self.size(stream)
      accepted.streams.append(stream)
    }
    accepted.refusal = refusals.error ?? blocked
    guard !accepted.streams.isEmpty else { return accepted }
    try takeTenantRate(push.tenant, accepted, now: now)
    limitStreams(push.tenant, &accepted, now: now)
    return accepted
  }

  // MARK: labels

  private func labelRefusal(
    _ labels: Labels, _ repeated: LokiPush.RepeatedLabel?, tenant: TenantID
  ) -> String? {
    guard !labels.isEmpty else { return "error at least one label pair is required per stream" }
    let isInternal = labels["__aggregated_metric__"] != nil || labels["__pattern__"] != nil
    guard !isInternal else { return nil }
    let text = repeated?.text ?? labels.description
    let count = labels.count - (labels["service_name"] == nil ? 0 : 1)
    guard count <= limits.maxLabelNamesPerSeries else {
      return "entry for stream '\(text)' has \(count) label names; "
        + "limit \(limits.maxLabelNamesPerSeries)"
    }
    for label in labels.sorted {
      if label.name.utf8.count > limits.maxLabelNameLength {
        return "stream '\(text)' has label name too long: '\(label.name)'"
      }
      if label.value.utf8.count > limits.maxLabelValueLength {
        return "stream '\(text)' has label value too long: '\(label.value)'"
      }
    }
    if let repeated { return "stream '\(text)' has duplicate label name: '\(repeated.name)'" }
    let missing = limits.enforcedLabels.filter { labels[$0] == nil }
    guard missing.isEmpty else {
      return "missing required labels '\(missing.joined(separator: ","))' for user "
        + "'\(tenant.name)' for stream '\(text)' (policy: '')"
    }
    return nil
  }

  private func blockRefusal(_ tenant: TenantID, now: Timestamp) -> LogStoreError? {
    guard let until = limits.blockIngestionUntil, now < until else { return nil }
    let code = limits.blockIngestionStatusCode
    return LogStoreError(
      .refused,
      "ingestion blocked for user '\(tenant.name)' until '\(GoTime.rfc3339(until))' with status "
        + "code '\(code)'", status: code)
  }

  // MARK: rows

  /// Leaves out the rows over a limit; whether there were any.
  private func leaveOut(_ rows: inout StreamRows, _ refusals: inout Refusals, now: Timestamp)
    -> Bool
  {
    let oldest = limits.rejectOldSamples ? now - limits.rejectOldSamplesMaxAge : .distantPast
    let newest = now + limits.creationGracePeriod
    guard exceeds(rows, oldest: oldest, newest: newest) else { return false }
    let text = rows.labels.description
    func refusal(_ row: Int) -> String? {
      rowRefusal(rows, row, text, oldest: oldest, newest: newest)
    }
    guard let first = (0..<rows.count).first(where: { refusal($0) != nil }) else { return false }
    var kept = StreamRows(labels: rows.labels)
    for row in 0..<rows.count {
      if row >= first, let message = refusal(row) {
        refusals.add(message)
      } else {
        kept.append(rows.entry(row))
      }
    }
    rows = kept
    return true
  }

  /// Whether some row may be over a limit, by one quick pass over the columns.
  private func exceeds(_ rows: StreamRows, oldest: Timestamp, newest: Timestamp) -> Bool {
    if !rows.structuredMetadata.isEmpty { return true }
    var low = Timestamp.distantFuture
    var high = Timestamp.distantPast
    for timestamp in rows.timestamps {
      low = min(low, timestamp)
      high = max(high, timestamp)
    }
    if low < oldest || high > newest { return true }
    guard limits.maxLineSize > 0 else { return false }
    var longest = 0
    var start = 0
    for end in rows.lineEnds {
      longest = max(longest, end - start)
      start = end
    }
    return longest > limits.maxLineSize
  }

  private func rowRefusal(
    _ rows: StreamRows, _ row: Int, _ text: String, oldest: Timestamp, newest: Timestamp
  ) -> String? {
    let time = rows.timestamps[row]
    if time < oldest {
      return "entry for stream '\(text)' has timestamp too old: \(GoTime.rfc3339(time)), oldest "
        + "acceptable timestamp is: \(GoTime.rfc3339(oldest))"
    }
    if time > newest {
      return "entry for stream '\(text)' has timestamp too new: \(GoTime.rfc3339(time))"
    }
    let length = rows.lineRange(row).count
    if limits.maxLineSize > 0, length > limits.maxLineSize {
      return "max entry size '\(limits.maxLineSize)' bytes exceeded for stream '\(text)' while "
        + "adding an entry with length '\(length)' bytes"
    }
    let metadata = rows.metadata(row)
    guard !metadata.isEmpty else { return nil }
    let advice = "or contact your Loki administrator to"
    guard limits.allowStructuredMetadata else {
      return "stream '\(text)' includes structured metadata, but this feature is disallowed. "
        + "Please see `limits_config.allow_structured_metadata` \(advice) enable it"
    }
    let size = Self.size(metadata)
    if limits.maxStructuredMetadataSize > 0, size > limits.maxStructuredMetadataSize {
      return "stream '\(text)' has structured metadata too large: '\(size)' bytes, limit: "
        + "'\(limits.maxStructuredMetadataSize)' bytes. Please see "
        + "`limits_config.max_structured_metadata_size` \(advice) increase it"
    }
    let countMax = limits.maxStructuredMetadataEntriesCount
    if countMax > 0, metadata.count > countMax {
      return "stream '\(text)' has too many structured metadata labels: '\(metadata.count)', "
        + "limit: '\(countMax)'. Please see "
        + "`limits_config.max_structured_metadata_entries_count` \(advice) increase it"
    }
    return nil
  }

  /// Cuts lines above the limit; whether there were any.
  private func truncate(_ rows: inout StreamRows) -> Bool {
    let mark = Array(limits.maxLineSizeTruncateIdentifier.utf8)
    let keep = limits.maxLineSize - mark.count
    guard limits.maxLineSize > 0, keep > 0 else { return false }
    guard (0..<rows.count).contains(where: { rows.lineRange($0).count > limits.maxLineSize })
    else { return false }
    var cut = StreamRows(labels: rows.labels)
    for row in 0..<rows.count {
      var entry = rows.entry(row)
      if entry.line.count > limits.maxLineSize { entry.line = entry.line.prefix(keep) + mark }
      cut.append(entry)
    }
    rows = cut
    return true
  }

  /// Moves a row that has its predecessor's time and another line one nanosecond on.
  private func separateTimestamps(_ rows: inout StreamRows) -> Bool {
    guard var previous = rows.timestamps.first else { return false }
    var moved = false
    for row in 1..<max(1, rows.count) {
      let time = rows.timestamps[row]
      let before = rows.timestamps[row - 1]
      let isSameLine =
        rows.lineBytes[rows.lineRange(row)] == rows.lineBytes[rows.lineRange(row - 1)]
      if !isSameLine, time == previous || time == before {
        rows.timestamps[row] = before + TimeSpan(nanoseconds: 1)
        moved = true
      } else {
        previous = time
      }
    }
    return moved
  }

  // MARK: rates

  private func takeTenantRate(_ tenant: TenantID, _ accepted: Accepted, now: Timestamp)
    throws(LogStoreError)
  {
    let isTaken = tenantRates.take(
      Double(accepted.byteCount), tenant, rate: limits.ingestionRateBytes,
      burst: limits.ingestionBurstBytes, now: now)
    guard !isTaken else { return }
    throw LogStoreError(
      .refused,
      "ingestion rate limit exceeded for user \(tenant.name) (limit: "
        + "\(Int(limits.ingestionRateBytes)) bytes/sec) while attempting to ingest "
        + "'\(accepted.rowCount)' lines totaling '\(accepted.byteCount)' bytes, reduce log volume "
        + "or contact your Loki administrator to see if the limit can be increased", status: 429)
  }

  private func limitStreams(_ tenant: TenantID, _ accepted: inout Accepted, now: Timestamp) {
    guard limits.perStreamRateBytes > 0 else { return }
    var kept: [StreamRows] = []
    for stream in accepted.streams {
      let isTaken = streamRates.take(
        Double(Self.size(stream)), StreamKey(tenant: tenant, labels: stream.labels),
        rate: limits.perStreamRateBytes, burst: limits.perStreamBurstBytes, now: now)
      if isTaken {
        kept.append(stream)
      } else {
        accepted.isWhole = false
        accepted.refusal = streamRefusal(stream, tenant)
      }
    }
    if kept.count < accepted.streams.count { accepted.streams = kept }
  }

  private func streamRefusal(_ stream: StreamRows, _ tenant: TenantID) -> LogStoreError {
    let text = stream.labels.description
    var lines = (0..<min(10, stream.count)).map { row in
      let size = stream.lineRange(row).count + Self.size(stream.metadata(row))
      return "entry with timestamp \(GoTime.description(stream.timestamps[row])) ignored, reason: "
        + "'Per stream rate limit exceeded (limit: \(Self.bytes(limits.perStreamRateBytes))/sec) "
        + "while attempting to ingest for stream '\(text)' totaling \(Self.bytes(Double(size))), "
        + "consider splitting a stream via additional labels or contact your Loki administrator "
        + "to see if the limit can be increased',"
    }
    lines.append(
      "user '\(tenant.name)', total ignored: \(stream.count) out of \(stream.count) for stream: "
        + text)
    return LogStoreError(.refused, lines.joined(separator: "\n"), status: 429)
  }

  /// A byte count as Loki prints it: `512B`, `3MB`.
  private static func bytes(_ count: Double) -> String {
    var unit = 0
    var value = Int(count)
    while value >= 1024, value.isMultiple(of: 1024), unit < 4 {
      value /= 1024
      unit += 1
    }
    return "\(value)" + ["B", "KB", "MB", "GB", "TB"][unit]
  }

  /// Bytes of lines and of structured metadata that was sent.
  private static func size(_ rows: StreamRows) -> Int {
    rows.structuredMetadata.reduce(rows.lineBytes.count) { $0 + size($1) }
  }

  /// What Loki added itself does not count.
  private static func size(_ metadata: [Label]) -> Int {
    metadata.reduce(0) { sum, pair in
      pair.name == "detected_level" ? sum : sum + pair.name.utf8.count + pair.value.utf8.count
    }
  }
}

/// Messages of rows that were left out, equal ones counted, different ones up to ten.
struct Refusals {
  private var counts: [(message: String, count: Int)] = []
  private var others = 0

  mutating func add(_ message: String) {
    if let known = counts.firstIndex(where: { $0.message == message }) {
      counts[known].count += 1
    } else if counts.count < 10 {
      counts.append((message, 1))
    } else {
      others += 1
    }
  }

  /// As Loki puts them together; nil when there is none.
  var error: LogStoreError? {
    guard let first = counts.first else { return nil }
    if counts.count == 1, first.count == 1 { return LogStoreError(.refused, first.message) }
    var texts = counts.map { "\($0.count) errors like: \($0.message)" }
    if others > 0 { texts.append("\(others) other errors") }
    return LogStoreError(.refused, texts.joined(separator: "; "))
  }
}

import Bytes
import LinuxIO
import Synchronization
package import TelemetryModel

/// Log rows of all tenants, durable and searchable: a write-ahead log and a head that take rows,
/// segments that keep them, and a scan over both.
///
/// Safe to use from any thread. Appends return when rows are durable (fdatasync) and are then
/// seen by every scan. Scans block and belong on a ``BlockingExecutor``.
package final class LogStore: Sendable, LogReceiver {
  let engine: any LogEngine
  private let intakes: Mutex<TenantIntakes>
  private let clock: any WallClock
  private let counters = Mutex(IntakeCounters())
  let followers = LogFollowers()

  init(engine: any LogEngine, limits: IntakeLimits, clock: any WallClock) {
    self.engine = engine
    self.clock = clock
    intakes = Mutex(TenantIntakes(limits: limits))
  }

  /// Puts limits of single tenants in place of those that were there before.
  func setLimits(_ limits: [TenantID: IntakeLimits]) {
    intakes.withLock { $0.setOverrides(limits) }
  }

  // MARK: writing

  /// Checks a push against the limits and takes its rows; returns when they are durable.
  ///
  /// Rows over a limit are left out; the others are kept, and then the error that names the ones
  /// left out is thrown. Other errors say that nothing was taken.
  package func append(_ push: LogPush) async throws(LogStoreError) {
    let now = Timestamp(nanoseconds: clock.now())
    let intake = intakes.withLock { $0[push.tenant] }
    var accepted: PushIntake.Accepted
    do throws(LogStoreError) {
      accepted = try intake.accept(push, now: now)
    } catch {
      counters.withLock { $0.refusedPushes += 1 }
      throw error
    }
    limitStreams(push.tenant, intake.limits.maxStreams, &accepted)
    if !accepted.streams.isEmpty {
      let streams = accepted.streams
      let record = PushRecord.encode(push, accepted, received: now)
      try await engine.append(record) { head in head.append(streams, tenant: push.tenant) }
      followers.publish(push.tenant, streams)
    }
    counters.withLock { [accepted] counters in
      counters.pushes += 1
      counters.lines += accepted.rowCount
      counters.bytes += accepted.byteCount
      if accepted.refusal != nil { counters.refusedPushes += 1 }
    }
    if let refusal = accepted.refusal { throw refusal }
  }

  /// Leaves out streams that would be one too many of the tenant's in memory.
  private func limitStreams(
    _ tenant: TenantID, _ limit: Int, _ accepted: inout PushIntake.Accepted
  ) {
    guard limit > 0 else { return }
    let heads = engine.snapshot().heads
    let count = heads.map { $0.streamCount(tenant) }.max() ?? 0
    guard count + accepted.streams.count > limit else { return }
    var room = limit - count
    var kept: [StreamRows] = []
    var added: Set<Labels> = []
    for stream in accepted.streams {
      let key = StreamKey(tenant: tenant, labels: stream.labels)
      if added.contains(stream.labels) || heads.contains(where: { $0.has(key) }) {
        kept.append(stream)
      } else if room > 0 {
        room -= 1
        added.insert(stream.labels)
        kept.append(stream)
      } else {
        accepted.isWhole = false
        accepted.refusal = LogStoreError(
          .refused,
          "maximum active stream limit exceeded when trying to create stream "
            + "\(stream.labels.description), reduce the number of active streams (reduce labels "
            + "or reduce label values), or contact your Loki administrator to see if the limit "
            + "can be increased, user: '\(tenant.name)'", status: 429)
      }
    }
    accepted.streams = kept
  }

  /// Writes the head out; returns when all rows appended before are in segments.
  package func flush() async throws(LogStoreError) { try await engine.flush() }

  /// Ends appends and leaves everything durable; scans that run go on to their end.
  package func close() async { await engine.close() }

  // MARK: reading

  /// Visits the rows that `scan` asks for, batch by batch on the calling thread.
  ///
  /// Batches come roughly in the order asked: by the newest or the oldest of their rows. No row
  /// comes twice. Throws ``LogStoreError`` for a regex that does not compile and for
  /// cancellation, and what `visit` throws. Damaged pages are named in the statistics.
  package func scan(_ scan: LogScan, visit: (LogRows) throws -> ScanStep) throws
    -> ScanStatistics
  {
    try plan(scan).work(visit)
  }

  /// Plans a scan that several threads then work on, each with a visitor of its own.
  package func plan(_ scan: LogScan) throws(LogStoreError) -> ScanPlan {
    try ScanPlan(scan, engine.snapshot())
  }

  /// The streams with rows in `range` that match any of the selectors, in the order of labels;
  /// all streams when there is no selector.
  package func series(
    tenants: [TenantID], matchers: [[LabelMatcher]], range: Range<Timestamp>
  ) throws(LogStoreError) -> [StreamReference] {
    let found = try engine.snapshot().streams(tenants, matchers, range)
    return found.keys.sorted { a, b in
      a.labels == b.labels
        ? a.tenant < b.tenant : a.labels.sorted.lexicographicallyPrecedes(b.labels.sorted)
    }
  }

  /// Names of the labels of such streams, sorted.
  package func labelNames(
    tenants: [TenantID], matchers: [[LabelMatcher]], range: Range<Timestamp>
  ) throws(LogStoreError) -> [String] {
    var names: Set<ByteText> = []
    for stream in try engine.snapshot().streams(tenants, matchers, range).keys {
      for label in stream.labels.sorted { names.insert(label.name) }
    }
    return names.sortedTexts()
  }

  /// Values of one label of such streams, sorted.
  package func labelValues(
    _ name: String, tenants: [TenantID], matchers: [[LabelMatcher]], range: Range<Timestamp>
  ) throws(LogStoreError) -> [String] {
    var values: Set<ByteText> = []
    for stream in try engine.snapshot().streams(tenants, matchers, range).keys {
      if let value = stream.labels[name] { values.insert(value) }
    }
    return values.sortedTexts()
  }

  /// How much such streams hold, by the indexes: blocks at the ends of the range count whole.
  /// With `segmentsOnly`, rows that are in the head alone don't count.
  package func statistics(
    tenants: [TenantID], matchers: [[LabelMatcher]], range: Range<Timestamp>,
    segmentsOnly: Bool = false
  ) throws(LogStoreError) -> StreamStatistics {
    var total = StreamStatistics()
    let uses = try streamUse(
      tenants: tenants, matchers: matchers, range: range, segmentsOnly: segmentsOnly)
    for use in uses {
      total.streams += 1
      total.chunks += use.statistics.chunks
      total.entries += use.statistics.entries
      total.bytes += use.statistics.bytes
    }
    return total
  }

  /// The same for each stream, in no particular order.
  package func streamUse(
    tenants: [TenantID], matchers: [[LabelMatcher]], range: Range<Timestamp>,
    segmentsOnly: Bool = false
  ) throws(LogStoreError) -> [(stream: StreamReference, statistics: StreamStatistics)] {
    var snapshot = engine.snapshot()
    if segmentsOnly { snapshot.heads = [] }
    return try snapshot.streams(tenants, matchers, range).map { stream, use in
      (
        stream,
        StreamStatistics(
          streams: 1, chunks: use.chunkCount, entries: use.rowCount, bytes: use.lineByteCount)
      )
    }
  }

  /// What was taken and refused since the store was opened.
  package var intakeCounters: IntakeCounters { counters.withLock { $0 } }
}

/// How much some streams hold: `/loki/api/v1/index/stats`.
package struct StreamStatistics: Hashable, Sendable {
  package var streams = 0
  package var chunks = 0
  package var entries = 0
  /// Bytes of lines.
  package var bytes = 0

  package init(streams: Int = 0, chunks: Int = 0, entries: Int = 0, bytes: Int = 0) {
    self.streams = streams
    self.chunks = chunks
    self.entries = entries
    self.bytes = bytes
  }
}

/// Counts for `/metrics`.
package struct IntakeCounters: Hashable, Sendable {
  package var pushes = 0
  /// Pushes of which something or everything was refused.
  package var refusedPushes = 0
  package var lines = 0
  /// Bytes of lines and structured metadata.
  package var bytes = 0

  package init() {}
}

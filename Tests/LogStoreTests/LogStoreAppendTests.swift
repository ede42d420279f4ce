import Synchronization
import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import LogStore

@Suite struct LogStoreAppendTests {
  let clock = ManualClock()
  let engine = MemoryEngine()

  private var now: Int64 { clock.now() }

  private func store(_ change: (inout IntakeLimits) -> Void = { _ in }) -> LogStore {
    var limits = IntakeLimits()
    change(&limits)
    return LogStore(engine: engine, limits: limits, clock: clock)
  }

  private func push(_ labels: Labels, _ rows: [(Int64, String, [Label])]) throws -> LogPush {
    var stream = StreamRows(labels: labels)
    for (time, line, metadata) in rows {
      stream.append(
        LogEntry(
          timestamp: Timestamp(nanoseconds: time), line: Array(line.utf8),
          structuredMetadata: metadata))
    }
    let body = LokiPushEncoder.encode([stream])
    return LogPush(
      tenant: .single, body: body, content: try LokiPushDecoder().decodeSnappy(body))
  }

  private func stored() throws -> Set<NaiveLogModel.Row> {
    let all = Timestamp.distantPast..<Timestamp.distantFuture
    return try LogScannerTests.rows(
      LogScan(tenants: [.single], matchers: [], range: all), engine.snapshot()
    ).0
  }

  /// The rows that the records of the write-ahead log give, as after a crash.
  private func replayed() throws -> Set<NaiveLogModel.Row> {
    let head = LogHead(table: StreamTable())
    for record in engine.records.withLock({ $0 }) {
      let decoded = try PushRecord.decode(record, LokiPushDecoder())
      head.append(decoded.streams, tenant: decoded.tenant)
    }
    let all = Timestamp.distantPast..<Timestamp.distantFuture
    return try LogScannerTests.rows(
      LogScan(tenants: [.single], matchers: [], range: all),
      LogSnapshot(heads: [head], segments: [])
    ).0
  }

  @Test func aWholeBodyIsKeptAsItCameAndReplaysTheSame() async throws {
    let push = try push(
      ["app": "api"],
      [(now, "level=warn x", []), (now + 1, "{\"level\":\"error\"}", [Label("a.b", "1")])])
    try await store().append(push)
    let record = engine.records.withLock { $0[0] }
    #expect(Array(record.suffix(push.body?.count ?? 0)) == push.body)
    let rows = try stored()
    #expect(rows == (try replayed()))
    #expect(
      Set(rows.map(\.entry.structuredMetadata)) == [
        [Label("detected_level", "warn")], [Label("a_b", "1"), Label("detected_level", "error")],
      ])
    #expect(rows.allSatisfy { $0.labels == ["app": "api", "service_name": "api"] })
  }

  @Test func rowsOverALimitAreLeftOutNamedAndNotReplayed() async throws {
    let store = store { $0.maxLineSize = 10 }
    let refusal = await #expect(throws: LogStoreError.self) {
      try await store.append(
        try push(["app": "api"], [(now, "short", []), (now, "much too long", [])]))
    }
    #expect(refusal?.status == 400)
    #expect(
      refusal?.message
        == "max entry size '10' bytes exceeded for stream '{app=\"api\", service_name=\"api\"}' "
        + "while adding an entry with length '13' bytes")
    #expect(try stored().map(\.entry.line) == [Array("short".utf8)])
    #expect(try stored() == (try replayed()))
  }

  @Test func equalRefusalsAreCounted() async throws {
    let store = store { $0.maxLineSize = 1 }
    let refusal = await #expect(throws: LogStoreError.self) {
      try await store.append(try push(["app": "a"], [(now, "xx", []), (now, "yy", [])]))
    }
    #expect(refusal?.message.hasPrefix("2 errors like: max entry size '1'") == true)
    #expect(try stored().isEmpty)
    #expect(engine.records.withLock { $0.isEmpty })
  }

  @Test func oldAndFutureRowsAreRefused() async throws {
    let day: Int64 = 86_400_000_000_000
    let store = store()
    for time in [now - 8 * day, now + day] {
      await #expect(throws: LogStoreError.self) {
        try await store.append(try push(["app": "a"], [(time, "x", [])]))
      }
    }
    try await store.append(try push(["app": "a"], [(now - 6 * day, "late", [])]))
    #expect(try stored().count == 1)
  }

  @Test func aTenantAboveItsRateIsRefusedUntilTimePasses() async throws {
    let store = store {
      $0.ingestionRateBytes = 100
      $0.ingestionBurstBytes = 200
    }
    let line = String(repeating: "x", count: 150)
    try await store.append(try push(["app": "a"], [(now, line, [])]))
    let refusal = await #expect(throws: LogStoreError.self) {
      try await store.append(try push(["app": "a"], [(now + 1, line, [])]))
    }
    #expect(refusal?.status == 429)
    clock.advance(seconds: 2)
    try await store.append(try push(["app": "a"], [(now + 1, line, [])]))
    #expect(try stored().count == 2)
  }

  @Test func aStreamTooManyIsRefusedKnownOnesAreTaken() async throws {
    let store = store { $0.maxStreams = 2 }
    for app in ["a", "b"] { try await store.append(try push(["app": "\(app)"], [(now, "x", [])])) }
    let refusal = await #expect(throws: LogStoreError.self) {
      try await store.append(try push(["app": "c"], [(now, "x", [])]))
    }
    #expect(refusal?.status == 429)
    try await store.append(try push(["app": "a"], [(now + 1, "x", [])]))
    #expect(try stored().count == 3)
  }

  @Test func answersAboutLabelsComeFromHeadAndSegments() async throws {
    let store = store()
    try await store.append(try push(["app": "a", "env": "x"], [(now, "one", [])]))
    try await store.flush()
    try await store.append(try push(["app": "b"], [(now + 100, "two", [])]))
    let all = Timestamp(nanoseconds: now - 10)..<Timestamp(nanoseconds: now + 200)
    let early = Timestamp(nanoseconds: now - 10)..<Timestamp(nanoseconds: now + 10)
    let one = [TenantID.single]
    #expect(
      try store.labelNames(tenants: one, matchers: [], range: all)
        == ["app", "env", "service_name"])
    #expect(try store.labelValues("app", tenants: one, matchers: [], range: all) == ["a", "b"])
    #expect(try store.labelValues("app", tenants: one, matchers: [], range: early) == ["a"])
    #expect(
      try store.series(
        tenants: one,
        matchers: [[LabelMatcher("app", .equal, "b")], [LabelMatcher("env", .equal, "x")]],
        range: all
      ).map(\.labels["app"]) == ["a", "b"])
    let statistics = try store.statistics(tenants: one, matchers: [], range: all)
    #expect(statistics == StreamStatistics(streams: 2, chunks: 2, entries: 2, bytes: 6))
  }

  @Test func recordsThatAreNoneAreCorrupt() throws {
    let whole = PushRecord.encode(
      LogPush(tenant: .single, streams: []), .init(), received: .zero
    ).flatMap { $0 }
    for length in 0..<whole.count {
      #expect(throws: LogStoreError.self) {
        try PushRecord.decode(Array(whole[..<length]), LokiPushDecoder())
      }
    }
  }
}

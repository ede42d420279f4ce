import Configuration
import Foundation
import LinuxIO
import Storage
import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import LogStore

/// Merges, deletes and retention against the naive model, on a disk in memory.
@Suite struct LogCompactionTests {
  typealias Row = NaiveLogModel.Row

  private func open(
    _ disk: any FileSystem, clock: any WallClock = SystemClock(),
    retentionStream: [StreamRetentionSettings] = [],
    configure: (inout StorageConfiguration) -> Void = { _ in }
  ) async throws -> LogStore {
    var storage = StorageConfiguration(name: "logs", folder: "data", kind: .logs)
    storage.wal.fileBytes = 1 << 20
    storage.freeBytesMin = 0
    storage.compactionShare = 1
    storage.compactionInterval = .milliseconds(3)
    storage.checkInterval = .milliseconds(20)
    storage.deleteCancelPeriod = .zero
    configure(&storage)
    let engine = try await StorageLogEngine.open(
      storage, retention: RetentionRules(try StreamRetention(retentionStream)),
      fileSystem: disk, clock: clock)
    return LogStore(engine: engine, limits: .asTheyCome, clock: clock)
  }

  private func rows(_ scan: LogScan, _ store: LogStore) throws -> [Row] {
    var found: [Row] = []
    let statistics = try store.scan(scan) { batch in
      for run in batch.runs {
        for index in run.rows {
          found.append(
            Row(
              tenant: run.stream.tenant, labels: run.stream.labels,
              entry: LogEntry(
                timestamp: batch.timestamps[index],
                line: batch.withLine(index) { Array($0) },
                structuredMetadata: batch.metadata(index))))
        }
      }
      return .proceed
    }
    #expect(statistics.warnings == [])
    return found
  }

  private func segmentCount(_ store: LogStore) -> Int {
    (store.engine as? StorageLogEngine)?.statistics.segmentCount ?? 0
  }

  private static let everything = LogScan(
    tenants: RandomLogs.tenants, matchers: [], range: .distantPast ..< .distantFuture)

  /// Queries of deletes, and which rows they mean.
  private static let deletes: [(query: String, means: @Sendable (Row) -> Bool)] = [
    (#"{app="api"}"#, { $0.labels["app"] == "api" }),
    (
      #"{app=~"api|db", env=""}"#,
      { ["api", "db"].contains($0.labels["app"]) && $0.labels["env"] == nil }
    ),
    (
      #"{app=~".+", app!="api"} |= "error""#,
      { $0.labels["app"] != "api" && $0.text.contains("error") }
    ),
    (#"{env="prod"} != "o""#, { $0.labels["env"] == "prod" && !$0.text.contains("o") }),
    (
      #"{app="web"} |~ "^(ok|slow)""#,
      { $0.labels["app"] == "web" && ($0.text.hasPrefix("ok") || $0.text.hasPrefix("slow")) }
    ),
    (
      #"{app="db"} |= "ok" or "x" != "err""#,
      {
        $0.labels["app"] == "db" && ($0.text.contains("ok") || $0.text.contains("x"))
          && !$0.text.contains("err")
      }
    ),
  ]

  /// Pushes, flushes, deletes and ends in any order, merges going on all the time.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func agreesWithTheModel(_ seed: UInt64) async throws {
    var logs = RandomLogs(numbers: RandomSource(seed: seed))
    let disk = CrashingFileSystem()
    var model = NaiveLogModel()
    var deleted: Set<Row> = []
    var store = try await open(disk)
    for _ in 0..<80 {
      let tenant = RandomLogs.tenants.randomElement(using: &logs.numbers) ?? .single
      switch Int.random(in: 0..<8, using: &logs.numbers) {
      case 0:
        let delete = Self.deletes.randomElement(using: &logs.numbers) ?? Self.deletes[0]
        let low = Int64.random(in: -10...900, using: &logs.numbers)
        let range =
          Timestamp(
            nanoseconds: low)...Timestamp(
            nanoseconds: low + .random(in: 0...600, using: &logs.numbers))
        let request = try await store.delete(tenant: tenant, query: delete.query, range: range)
        #expect(store.deleteRequests(tenant: tenant).last?.id == request.id)
        for row in model.rows
        where row.tenant == tenant && range.contains(row.entry.timestamp) && delete.means(row) {
          deleted.insert(row)
        }
      case 1:
        await store.close()
        store = try await open(disk)
      case 2, 3: try await store.flush()
      default:
        let streams = logs.streams()
        model.append(tenant, streams)
        try await store.append(LogPush(tenant: tenant, streams: streams))
        // Rows that come again after they were deleted are there again.
        for stream in streams {
          for row in 0..<stream.count {
            deleted.remove(
              Row(tenant: tenant, labels: stream.labels, entry: stream.entry(row)))
          }
        }
      }
      let scan = logs.scan()
      let found = try rows(scan, store).filter { row in
        scan.requiredLiterals.allSatisfy { NaiveLogModel.contains(row.entry.line, $0) }
      }
      #expect(Set(found) == model.scan(scan).subtracting(deleted))
      #expect(Set(found).count == found.count, "a row came twice")
    }
    try await store.flush()
    #expect(
      try await becomes {
        segmentCount(store) <= 1
          && RandomLogs.tenants.allSatisfy {
            store.deleteRequests(tenant: $0).allSatisfy(\.isProcessed)
          }
      })
    let expected = model.scan(Self.everything).subtracting(deleted)
    #expect(Set(try rows(Self.everything, store)) == expected)
    await store.close()
    // On disk, too, the deleted rows are gone: a scan that knows of no delete finds none.
    store = try await open(disk) { $0.compactionShare = 0 }
    let snapshot = store.engine.snapshot()
    for segment in snapshot.segments { #expect(segment.deletes.isEmpty) }
    #expect(Set(try rows(Self.everything, store)) == expected)
    await store.close()
  }

  /// Dozens of deletes that wait, over rows in a head, in one segment and in many small ones.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func manyDeletesTakeWhatEachOfThemTakes(_ seed: UInt64) async throws {
    var logs = RandomLogs(numbers: RandomSource(seed: seed))
    var model = NaiveLogModel()
    var deleted: Set<Row> = []
    let store = try await open(CrashingFileSystem()) {
      $0.compactionShare = 0
      $0.deleteCancelPeriod = .hours(24)
    }
    for number in 0..<60 {
      let streams = logs.streams()
      model.append(.single, streams)
      try await store.append(LogPush(tenant: .single, streams: streams))
      if number < 30 ? number == 29 : number % 4 == 0 { try await store.flush() }
    }
    for number in 0..<60 {
      let delete = Self.deletes[number % Self.deletes.count]
      let low = Int64.random(in: -10...900, using: &logs.numbers)
      let length = Int64.random(in: 0...60, using: &logs.numbers)
      let range = Timestamp(nanoseconds: low)...Timestamp(nanoseconds: low + length)
      _ = try await store.delete(tenant: .single, query: delete.query, range: range)
      for row in model.rows where range.contains(row.entry.timestamp) && delete.means(row) {
        deleted.insert(row)
      }
    }
    #expect(!deleted.isEmpty)
    let found = try rows(Self.everything, store)
    #expect(Set(found) == model.scan(Self.everything).subtracting(deleted))
    #expect(Set(found).count == found.count, "a row came twice")
    await store.close()
  }

  @Test func deletesWaitForTheirTimeAndCanBeTakenBack() async throws {
    let clock = ManualClock()
    let store = try await open(CrashingFileSystem(), clock: clock) {
      $0.deleteCancelPeriod = .hours(24)
    }
    let tenant = RandomLogs.tenants[0]
    var rows = StreamRows(labels: ["app": "api"])
    for number in 0..<10 {
      rows.append(
        LogEntry(
          timestamp: Timestamp(nanoseconds: Int64(number)), line: Array("line \(number)".utf8)))
    }
    try await store.append(LogPush(tenant: tenant, streams: [rows]))
    let range = Timestamp(nanoseconds: 2)...Timestamp(nanoseconds: 4)
    let request = try await store.delete(tenant: tenant, query: #"{app="api"}"#, range: range)
    #expect(request.query == #"{app="api"}"#)
    #expect(try self.rows(Self.everything, store).count == 7)
    #expect(store.deleteRequests(tenant: RandomLogs.tenants[1]) == [])
    #expect(try await store.cancelDelete(tenant: RandomLogs.tenants[1], id: request.id) == false)
    #expect(try await store.cancelDelete(tenant: tenant, id: request.id))
    #expect(try self.rows(Self.everything, store).count == 10)
    #expect(store.deleteRequests(tenant: tenant) == [])
    for query in ["rate({app=\"api\"}[1m])", "{"] {
      await #expect(throws: LogStoreError.self, "\(query)") {
        try await store.delete(tenant: tenant, query: query, range: range)
      }
    }
    await store.close()
  }

  /// A segment that cannot be read for a while keeps its deletes: that nothing is found in it is
  /// no proof that nothing is there.
  @Test func aFailedReadDoesNotEndADelete() async throws {
    let clock = ManualClock()
    let disk = CrashingFileSystem()
    let tenant = RandomLogs.tenants[0]
    var store = try await open(disk, clock: clock) { $0.deleteCancelPeriod = .hours(1) }
    var rows = StreamRows(labels: ["app": "api"])
    for number in 0..<10 as Range<Int64> {
      rows.append(
        LogEntry(timestamp: Timestamp(nanoseconds: number), line: Array("line \(number)".utf8)))
    }
    try await store.append(LogPush(tenant: tenant, streams: [rows]))
    let range = Timestamp(nanoseconds: 2)...Timestamp(nanoseconds: 4)
    _ = try await store.delete(tenant: tenant, query: #"{app="api"}"#, range: range)
    await store.close()
    let faulty = FaultyFileSystem(disk)
    store = try await open(faulty, clock: clock) { $0.deleteCancelPeriod = .hours(1) }
    faulty.failReads(of: ".segment")
    clock.advance(seconds: 7200)
    #expect(try await becomes { faulty.failedReadCount >= 3 })
    #expect(store.deleteRequests(tenant: tenant).map(\.isProcessed) == [false])
    faulty.mend()
    #expect(try self.rows(Self.everything, store).count == 7)
    #expect(
      try await becomes { store.deleteRequests(tenant: tenant).allSatisfy(\.isProcessed) })
    #expect(try self.rows(Self.everything, store).count == 7)
    let statistics = (store.engine as? StorageLogEngine)?.statistics
    #expect(statistics?.segmentRowCount == 7, "they are off the disk")
    await store.close()
  }

  /// What a tenant keeps for longer than the server's period is there after each start, however
  /// soon retention looks; what it keeps no longer goes.
  @Test func aTenantsRulesHoldFromTheFirstMoment() async throws {
    let clock = ManualClock()
    let disk = CrashingFileSystem()
    let (keeper, other) = (RandomLogs.tenants[0], RandomLogs.tenants[1])
    var limits = Limits()
    limits.rejectOldSamples = false
    limits.discoverLogLevels = false
    limits.discoverServiceName = []
    var own = limits
    own.retentionStream = [
      try StreamRetentionSettings(selector: #"{app="api"}"#, priority: 1, hours: 24 * 365)
    ]
    var storage = StorageConfiguration(name: "logs", folder: "data", kind: .logs)
    storage.freeBytesMin = 0
    storage.retention = .hours(24 * 7)
    storage.compactionShare = 1
    storage.compactionInterval = .milliseconds(3)
    storage.retentionInterval = .milliseconds(3)
    storage.checkInterval = .milliseconds(3)
    func open(_ own: Limits) async throws -> LogStore {
      try await LogStore.open(
        storage, limits: limits, overrides: [keeper: own], fileSystem: disk, clock: clock)
    }
    func push(_ tenant: TenantID, _ text: String, to store: LogStore) async throws {
      let old = Timestamp(nanoseconds: clock.now()) - .hours(24 * 30)
      var rows = StreamRows(labels: ["app": "api"])
      rows.append(LogEntry(timestamp: old, line: Array(text.utf8)))
      try await store.append(LogPush(tenant: tenant, streams: [rows]))
      try await store.flush()
    }
    var store = try await open(own)
    try await push(keeper, "kept", to: store)
    for _ in 0..<3 {
      await store.close()
      store = try await open(own)
      // Once a segment past the server's period is gone, retention has looked.
      try await push(other, "dropped", to: store)
      #expect(
        try await becomes { (try? rows(Self.everything, store).map(\.tenant)) == [keeper] })
    }
    await store.close()
    var wrong = own
    wrong.retentionStream[0].selector = "{"
    let error = await #expect(throws: LogStoreError.self) { try await open(wrong) }
    #expect(error?.message.contains("overrides of \(keeper.name)") == true)
    store = try await open(own)
    #expect(try rows(Self.everything, store).map(\.tenant) == [keeper])
    try store.setOverrides([:])
    #expect(try await becomes { (try? rows(Self.everything, store)) == [] })
    await store.close()
  }

  @Test func streamsHavePeriodsOfTheirOwn() async throws {
    let day: Int64 = 86_400
    let clock = ManualClock(seconds: 100 * day)
    let rules = try [
      (#"{app="api"}"#, 1, 24), (#"{app=~".+", env="prod"}"#, 2, 24 * 30), (#"{app="api"}"#, 1, 48),
      (#"{app="web"}"#, 0, 0),
    ].map { try StreamRetentionSettings(selector: $0.0, priority: $0.1, hours: $0.2) }
    let retention = try StreamRetention(rules)
    #expect(retention.period(of: ["app": "api"], preset: .hours(1)) == .hours(24))
    #expect(retention.period(of: ["app": "api", "env": "prod"], preset: .hours(1)) == .hours(720))
    #expect(retention.period(of: ["app": "db"], preset: .hours(1)) == .hours(1))
    #expect(retention.period(of: ["app": "web"], preset: .hours(1)) == .zero)

    // A tenant's own rules are in place of the server's, not beside them.
    let all = RetentionRules(retention)
    let now = Timestamp(seconds: 100 * day)
    func limit(_ tenant: String, _ labels: Labels) throws -> Timestamp {
      let tenant = try #require(TenantID(tenant))
      let stream = StreamReference(id: 1, tenant: tenant, labels: labels)
      return all.limit(of: stream, now: now, preset: .hours(1))
    }
    all.setOverrides([
      try #require(TenantID("own")): try StreamRetention([
        StreamRetentionSettings(selector: #"{app="db"}"#, priority: 1, hours: 72)
      ])
    ])
    #expect(try limit("own", ["app": "db"]) == now - .hours(72))
    #expect(try limit("own", ["app": "api"]) == now - .hours(1))
    #expect(try limit("other", ["app": "api"]) == now - .hours(24))
    #expect(try limit("other", ["app": "web"]) == .distantPast)

    let store = try await open(CrashingFileSystem(), clock: clock, retentionStream: rules) {
      $0.retention = .hours(24 * 7)
      $0.retentionInterval = .milliseconds(10)
    }
    let tenant = RandomLogs.tenants[0]
    for age in 0..<40 as Range<Int64> {
      var streams: [StreamRows] = []
      for labels in [["app": "api"], ["app": "db"], ["app": "api", "env": "prod"], ["app": "web"]]
        as [Labels]
      {
        var rows = StreamRows(labels: labels)
        rows.append(
          LogEntry(
            timestamp: Timestamp(seconds: (100 - age) * day - 10), line: Array("age \(age)".utf8)))
        streams.append(rows)
      }
      try await store.append(LogPush(tenant: tenant, streams: streams))
      if age % 4 == 3 { try await store.flush() }
    }
    let expected: [Labels: Int] = [
      ["app": "api"]: 1, ["app": "db"]: 7, ["app": "api", "env": "prod"]: 30, ["app": "web"]: 40,
    ]
    func counts() throws -> [Labels: Int] {
      Dictionary(grouping: try rows(Self.everything, store), by: \.labels).mapValues(\.count)
    }
    // What is a quarter of its segment, or all of it, is gone; the rest goes when it is more.
    let isDone = try await becomes {
      let now = (try? counts()) ?? [:]
      return expected.allSatisfy { abs((now[$0.key] ?? 0) - $0.value) <= 3 }
    }
    let found = try counts()
    #expect(isDone, "\(found)")
    for (labels, count) in expected { #expect((found[labels] ?? 0) >= count) }
    await store.close()
  }
}

extension NaiveLogModel.Row {
  fileprivate var text: String { String(decoding: entry.line, as: UTF8.self) }
}

extension StreamRetentionSettings {
  init(selector: String, priority: Int, hours: Int) throws {
    let yaml = """
      server:
        limits:
          retention_stream:
            - {selector: '\(selector)', priority: \(priority), period: \(hours)h}
      """
    let configuration = try Configuration.parse(text: yaml, name: "test.yml", environment: [:])
    self = try #require(configuration.server?.limits.retentionStream.first)
  }
}

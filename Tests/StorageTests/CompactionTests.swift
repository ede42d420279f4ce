import Foundation
import LinuxIO
@testable import Storage
import Synchronization
import TelemetryModel
import TestSupport
import Testing

@Suite struct CompactionTests {
  /// A store with compaction on, at full speed.
  private func open(
    _ disk: any FileSystem, clock: any WallClock = SystemClock(),
    hooks: NumberHead.Hooks = NumberHead.Hooks(),
    configure: @escaping (inout StorageConfiguration) -> Void = { _ in }
  ) async throws -> NumberStore {
    try await NumberStore.open("data", disk, clock: clock, hooks: hooks) {
      $0.compactionShare = 1
      $0.compactionInterval = .milliseconds(5)
      configure(&$0)
    }
  }

  @Test func mergesSmallSegmentsOfADay() async throws {
    let disk = CrashingFileSystem()
    let store = try await open(disk)
    for number in 1...UInt64(8) {
      try await store.add([number, 100, 200 + number])
      try await store.flush()
    }
    #expect(try await becomes { store.snapshot().segments.count == 1 })
    let expected: [UInt64] = Array(1...8) + [100] + Array(201...208)
    #expect(store.read().numbers == expected, "exact duplicates are there once")
    let segment = try #require(store.snapshot().segments.first)
    #expect(segment.summary.level >= 1)
    // The old files go after the new one has taken their place.
    #expect(
      try await becomes {
        disk.files.keys.filter { $0.hasSuffix(".segment") } == [segment.path]
      })
    await store.close()
    let again = try await NumberStore.open("data", disk)
    #expect(again.read().numbers == expected)
    #expect(again.statistics.findings == [])
    await again.close()
  }

  /// A catalog that is lost after a merge is made anew without what was merged.
  @Test func aNewCatalogKnowsWhatWasMerged() async throws {
    let disk = CrashingFileSystem()
    var store = try await NumberStore.open("data", disk)
    for number in 1...UInt64(3) {
      try await store.add([number, 50])
      try await store.flush()
    }
    let before = store.snapshot().segments
    let written = try store.write(before.map { SegmentRewrite($0) }, deletesThrough: 0)
    #expect(written.count == 1)
    // Both are there by name, and none of the new one is in the catalog: it is swept.
    await store.close()
    let unrecorded = disk.copy()
    store = try await NumberStore.open("data", unrecorded)
    #expect(store.snapshot().segments.map(\.id) == before.map(\.id))
    await store.close()
    // Without a catalog the new one counts, and what it replaces does not.
    try disk.remove("data/catalog.sqlite")
    store = try await NumberStore.open("data", disk)
    #expect(store.snapshot().segments.map(\.id) == written.map(\.id))
    #expect(store.read().numbers == [1, 2, 3, 50])
    await store.close()
  }

  /// Log files whose removal did not reach the disk, and a catalog that is lost: what was merged
  /// says which of their records are in segments.
  @Test func aNewCatalogKnowsWhatIsInSegments() async throws {
    let disk = CrashingFileSystem()
    var store = try await NumberStore.open("data", disk)
    var logs: [String: [UInt8]] = [:]
    for number in 1...UInt64(3) {
      try await store.add([number, 50 + number])
      for path in disk.files.keys where path.hasSuffix(".wal") { logs[path] = disk.content(path) }
      try await store.flush()
    }
    let all = store.snapshot().segments
    let merged = try store.write(all.map { SegmentRewrite($0) }, deletesThrough: 0)
    try store.replace(all, by: merged)
    await store.close()
    #expect(logs.count == 3)
    for (path, bytes) in logs {
      try? disk.remove(path)
      try disk.open(path, .create).write(bytes, at: 0)
    }
    try disk.remove("data/catalog.sqlite")
    store = try await NumberStore.open("data", disk)
    #expect(store.read().numbers == [1, 2, 3, 51, 52, 53])
    #expect(store.snapshot().heads.flatMap(\.numbers) == [])
    await store.close()
  }

  /// Retention has chosen a segment, a merge begins to write it anew, and retention drops it: rows
  /// that are gone must not come back with the merge.
  @Test func whatIsDroppedDuringAMergeStaysAway() async throws {
    let clock = ManualClock(seconds: 1000)
    let (begun, end) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let wake = Mutex<(@Sendable () -> Void)?>(nil)
    var hooks = NumberHead.Hooks()
    hooks.gain = { _ in
      // Compaction merges what a day has left.
      guard Self.threadName == "store-flush" else { return .nothing }
      // Retention's first question waits until the merge is under way.
      if let wake = wake.withLock({ $0.take() }) {
        wake()
        _ = begun.wait(timeout: .now() + 60)
      }
      return nil
    }
    hooks.merge = {
      begun.signal()
      _ = end.wait(timeout: .now() + 60)
    }
    let store = try await NumberStore.open(
      "data", CrashingFileSystem(), clock: clock, hooks: hooks
    ) {
      $0.retention = .seconds(60_000)
      $0.retentionInterval = .hours(1)
      $0.compactionShare = 1
      $0.compactionInterval = .hours(1)
    }
    for numbers in [[50, 100], [200, 50_000]] as [[UInt64]] {
      try await store.add(numbers)
      try await store.flush()
    }
    wake.withLock { $0 = { store.compactionSignal.set() } }
    clock.advance(seconds: 99_000)
    await store.maintain()
    func claims() -> Set<UInt64> { store.state.withLock { $0.claimed } }
    #expect(claims().count == 2, "a merge is under way")
    let during = store.read().numbers
    end.signal()
    #expect(try await becomes { claims().isEmpty })
    #expect(store.snapshot().segments.count == 1)
    #expect(Set(store.read().numbers).isSubset(of: during))
    clock.advance(seconds: 60_000)
    await store.maintain()
    #expect(store.read().numbers == [])
    await store.close()
  }

  private static var threadName: String {
    let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
    return name?.trimmingCharacters(in: .newlines) ?? ""
  }

  @Test func leavesDamagedSegmentsAsTheyAre() async throws {
    let disk = CrashingFileSystem()
    var store = try await NumberStore.open("data", disk)
    for number in 1...UInt64(9) {
      try await store.add([number])
      try await store.flush()
    }
    await store.close()
    disk.flip("data/segments/0000000000000004.segment", at: 60)
    store = try await open(disk)
    #expect(try await becomes { store.snapshot().segments.count == 2 })
    #expect(store.snapshot().segments.map(\.id).contains(4))
    #expect(store.read().numbers == [1, 2, 3, 5, 6, 7, 8, 9])
    await store.close()
  }

  @Test func deletesHideAtOnceAndTakeAwayLater() async throws {
    let clock = ManualClock(seconds: 1000)
    let disk = CrashingFileSystem()
    let configure: (inout StorageConfiguration) -> Void = { $0.deleteCancelPeriod = .seconds(100) }
    var store = try await open(disk, clock: clock, configure: configure)
    try await store.add([1, 2, 3, 4])
    let range = Timestamp(seconds: 0)...Timestamp(seconds: 10)
    let first = try await store.delete(tenant: "t", query: "2-2", range: range)
    let second = try await store.delete(tenant: "t", query: "3-4", range: range)
    let elsewhere = try await store.delete(
      tenant: "t", query: "1-9", range: Timestamp(seconds: 500)...Timestamp(seconds: 600))
    #expect([first.number, second.number, elsewhere.number] == [1, 2, 3])
    #expect(store.read().numbers == [1])
    // What comes later is none of theirs.
    try await store.add([2])
    #expect(store.read().numbers == [1, 2])
    try await store.flush()
    #expect(store.read().numbers == [1, 2])
    await store.close()

    store = try await open(disk, clock: clock, configure: configure)
    #expect(store.read().numbers == [1, 2])
    #expect(store.statistics.pendingDeleteCount >= 2)
    #expect(try await store.cancelDelete(2))
    #expect(try await store.cancelDelete(2) == false)
    #expect(store.read().numbers == [1, 2, 3, 4])
    clock.advance(seconds: 101)
    #expect(try await becomes { store.tombstones.allSatisfy(\.isProcessed) })
    #expect(try await store.cancelDelete(1) == false, "it is too late")
    #expect(store.tombstones.map(\.number) == [1, 3])
    #expect(store.read().numbers == [1, 2, 3, 4])
    var onDisk: [UInt64] = []
    for segment in store.snapshot().segments {
      onDisk += try NumberHead.decode(segment.page(0))
    }
    #expect(onDisk.sorted() == [1, 2, 3, 4], "the deleted 2 is gone, the later one is there")
    await store.close()
  }

  @Test func aDeleteOfAllRowsLeavesNoSegment() async throws {
    let disk = CrashingFileSystem()
    let store = try await open(disk) { $0.deleteCancelPeriod = .zero }
    try await store.add([1, 2, 3])
    _ = try await store.delete(
      tenant: "t", query: "0-9", range: .distantPast ... .distantFuture)
    #expect(try await becomes { store.snapshot().segments.isEmpty })
    // The file goes after the segment.
    #expect(try await becomes { disk.files.keys.allSatisfy { !$0.hasSuffix(".segment") } })
    await store.close()
  }

  /// Looking for deleted rows takes long here, and the process never lives long.
  @Test func whatHoldsNoDeletedRowsIsNotLookedAtInEachLife() async throws {
    let disk = CrashingFileSystem()
    let looks = Mutex(0)
    let hooks = NumberHead.Hooks(gain: { rewrite in
      guard !rewrite.tombstones.isEmpty else { return nil }
      Thread.sleep(forTimeInterval: 0.21)
      looks.withLock { $0 += 1 }
      return .nothing
    })
    var store = try await NumberStore.open("data", disk)
    for number in 1...UInt64(6) {
      // Each on a day of its own: they are not merged.
      try await store.add([number * 86_400])
      try await store.flush()
    }
    _ = try await store.delete(tenant: "t", query: "7-9", range: .distantPast ... .distantFuture)
    await store.close()
    for lifeLooks in [2, 4, 6] {
      store = try await open(disk, hooks: hooks) { $0.deleteCancelPeriod = .zero }
      #expect(try await becomes { looks.withLock { $0 } >= lifeLooks })
      if lifeLooks == 6 {
        #expect(try await becomes { store.tombstones.allSatisfy(\.isProcessed) })
      }
      await store.close()
    }
    // At the end of a life one may not have been noted.
    #expect(looks.withLock { $0 } <= 8)
  }

  @Test func theBudgetTakesTheOldestOfAllStores() async throws {
    let budget = DiskBudget(bytesMax: 2500)
    let disks = [CrashingFileSystem(), CrashingFileSystem()]
    var stores: [NumberStore] = []
    for (number, disk) in disks.enumerated() {
      stores.append(
        try await NumberStore.open("data", disk) {
          $0.name = "store-\(number)"
          $0.budget = budget
          $0.retentionInterval = .hours(1)
        })
      // The look that a store's thread takes by itself is over before there is a log, which would
      // count as well; all others are asked for below.
      await stores[number].maintain()
    }
    for number in stride(from: UInt64(0), to: 400, by: 20) {
      let store = stores[Int(number / 20) % 2]
      try await store.add(Array(number..<(number + 20)))
      try await store.flush()
    }
    // The last log file goes a little after its flush.
    #expect(
      try await becomes {
        disks.allSatisfy { disk in disk.files.keys.allSatisfy { !$0.hasSuffix(".wal") } }
      })
    for _ in 0..<20 { for store in stores { await store.maintain() } }
    let left = stores.flatMap { $0.read().numbers }.sorted()
    let bytes = disks.reduce(0) { sum, disk in
      sum + disk.files.filter { $0.key.contains("/segments/") }.values.reduce(0, +)
    }
    #expect(bytes <= 2500)
    #expect(!left.isEmpty && left.count % 20 == 0)
    #expect(left == Array((400 - UInt64(left.count))..<400), "the newest are left")
    for store in stores { await store.close() }
  }

  @Test func aCopyByLinksIsAStoreOfItsOwn() async throws {
    let disk = CrashingFileSystem()
    let store = try await open(disk)
    for number in 1...UInt64(5) {
      try await store.add([number])
      try await store.flush()
    }
    try await store.add([6])
    _ = try await store.delete(
      tenant: "t", query: "1-1", range: .distantPast ... .distantFuture)
    try await store.copyByLinks(to: "backup")
    await #expect(throws: StorageError.self) { try await store.copyByLinks(to: "backup") }
    // The store goes on, merges and drops: the copy stays as it was.
    for number in 7...UInt64(20) {
      try await store.add([number])
      try await store.flush()
    }
    await store.close()
    for disk in [disk, disk.copy(), disk.copy().afterPowerCut(seed: 3)] {
      let copy = try await NumberStore.open("backup", disk)
      #expect(copy.read().numbers == Array(2...6))
      #expect(copy.statistics.findings == [])
      #expect(copy.tombstones.count == 1)
      try await copy.add([99])
      await copy.close()
    }
  }
}

@Suite struct CompactionPlanTests {
  private func candidate(_ id: UInt64, day: Int64, megabytes: Int, deletes: UInt64 = 0)
    -> CompactionPlan.Candidate
  {
    let start = Timestamp(seconds: day * 86_400 + Int64(id))
    return CompactionPlan.Candidate(
      id: id, oldest: start, newest: start + .seconds(60), rawByteCount: megabytes << 20,
      deletes: deletes)
  }

  private let plan = CompactionPlan(
    rawBytesMax: 256 << 20, now: Timestamp(seconds: 100 * 86_400 + 7200))

  @Test func waitsForEnoughOfOneSize() {
    let seven = (1...UInt64(7)).map { candidate($0, day: 100, megabytes: 20) }
    #expect(plan.choose(seven) == [])
    #expect(plan.choose(seven + [candidate(8, day: 100, megabytes: 30)]) == Array(1...8))
    #expect(plan.choose(seven + [candidate(8, day: 100, megabytes: 100)]) == [])
  }

  /// Segments that consist for a good part of what their blocks share are merged sooner, as long
  /// as the shared parts fit into memory together.
  @Test func mergesSoonerWhatIsSharedMuch() {
    func alike(_ count: UInt64, shared: Int) -> [CompactionPlan.Candidate] {
      (1...count).map {
        var one = candidate($0, day: 100, megabytes: 20)
        (one.byteCount, one.sharedByteCount) = (1_000_000, shared)
        return one
      }
    }
    #expect(plan.choose(alike(2, shared: 400_000)) == [])
    #expect(plan.choose(alike(3, shared: 400_000)) == Array(1...3))
    #expect(plan.choose(alike(7, shared: 100_000)) == [])
    let others = (4...UInt64(9)).map { candidate($0, day: 100, megabytes: 20) }
    #expect(plan.choose(alike(3, shared: 300_000) + others.dropLast(2)) == [1, 2, 3])
    #expect(plan.choose(alike(2, shared: 300_000) + others) == [1, 2] + Array(4...9))
    let large = alike(8, shared: 400_000).map {
      var one = $0
      (one.byteCount, one.sharedByteCount) = (12 << 20, 6 << 20)
      return one
    }
    #expect(plan.choose(large) == [], "two alone have room")
  }

  @Test func mixesNeitherDaysNorDeletes() {
    let days = (1...UInt64(8)).map { candidate($0, day: 100 + Int64($0 % 2), megabytes: 1) }
    #expect(plan.choose(days) == [])
    let deletes = (1...UInt64(8)).map {
      candidate($0, day: 100, megabytes: 1, deletes: $0 % 2)
    }
    #expect(plan.choose(deletes) == [])
  }

  /// What has to be written anew anyway is put together as far as a merge would.
  @Test func joinsSegmentsThatLoseRows() {
    let first = candidate(1, day: 100, megabytes: 100)
    #expect(plan.joins(candidate(1, day: 100, megabytes: 200), []))
    #expect(plan.joins(candidate(2, day: 100, megabytes: 100), [first]))
    #expect(!plan.joins(candidate(2, day: 100, megabytes: 150), [first]), "large ones stay alone")
    #expect(!plan.joins(candidate(3, day: 100, megabytes: 100), [first, first]), "too much in all")
    #expect(!plan.joins(candidate(2, day: 99, megabytes: 1), [first]), "another day")
    #expect(!plan.joins(candidate(2, day: 100, megabytes: 1, deletes: 7), [first]))
    let many = (1...UInt64(32)).map { candidate($0, day: 100, megabytes: 1) }
    #expect(plan.joins(many[31], Array(many[..<31])))
    #expect(!plan.joins(candidate(33, day: 100, megabytes: 1), many))
  }

  @Test func putsTogetherWhatADayLeaves() {
    let over = [candidate(1, day: 99, megabytes: 1), candidate(2, day: 99, megabytes: 100)]
    #expect(plan.choose(over) == [1, 2])
    #expect(
      plan.choose(
        over.map {
          var one = $0; one.rawByteCount = 200 << 20; return one
        }) == [])
    // Late rows may come for another hour.
    let early = CompactionPlan(rawBytesMax: 256 << 20, now: Timestamp(seconds: 100 * 86_400 + 60))
    #expect(early.choose(over) == [])
  }

  /// However segments come, the rule ends, and each row is written anew a few times only.
  @Test(arguments: 0..<20 as Range<UInt64>) func comesToAnEnd(seed: UInt64) {
    var random = RandomSource(seed: seed)
    var segments: [CompactionPlan.Candidate] = []
    var next: UInt64 = 1
    var came = 0
    var written = 0
    for _ in 0..<400 {
      let one = candidate(next, day: 100, megabytes: Int.random(in: 1...32, using: &random))
      came += one.rawByteCount
      segments.append(one)
      next += 1
      while true {
        let chosen = plan.choose(segments)
        guard !chosen.isEmpty else { break }
        let bytes = segments.filter { chosen.contains($0.id) }.reduce(0) { $0 + $1.rawByteCount }
        #expect(bytes <= plan.rawBytesMax)
        written += bytes
        segments.removeAll { chosen.contains($0.id) }
        segments.append(candidate(next, day: 100, megabytes: bytes >> 20))
        next += 1
      }
    }
    #expect(written <= 3 * came)
    #expect(segments.count < 80)
  }
}

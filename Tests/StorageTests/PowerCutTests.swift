import Foundation
import LinuxIO
import Storage
import Synchronization
import TelemetryModel
import TestSupport
import Testing

/// What a store was asked to keep, and what it promised to have kept.
final class Ledger: Sendable {
  private struct State {
    var attempted: Set<UInt64> = []
    var acknowledged: Set<UInt64> = []
    var next: UInt64 = 1
    /// What was asked to be deleted, and what was promised to be.
    var deleting: Set<UInt64> = []
    var deleted: Set<UInt64> = []
  }

  private let state = Mutex(State())

  var attempted: Set<UInt64> { state.withLock { $0.attempted } }
  var acknowledged: Set<UInt64> { state.withLock { $0.acknowledged } }

  func take(_ count: Int) -> [UInt64] {
    state.withLock { state in
      defer { state.next += UInt64(count) }
      let numbers = Array(state.next..<(state.next + UInt64(count)))
      state.attempted.formUnion(numbers)
      return numbers
    }
  }

  /// Appends numbers that were never appended before; true when they are acknowledged.
  @discardableResult
  func add(_ count: Int, to store: NumberStore) async -> Bool {
    let numbers = take(count)
    do {
      try await store.add(numbers)
    } catch {
      return false
    }
    state.withLock { $0.acknowledged.formUnion(numbers) }
    return true
  }

  /// Deletes some of the numbers that are there.
  func delete(_ count: UInt64, from store: NumberStore) async {
    let (low, high) = state.withLock { state -> (UInt64, UInt64) in
      let low = UInt64.random(in: 1...state.next)
      let high = min(low + count, state.next) - 1
      if low <= high { state.deleting.formUnion(low...high) }
      return (low, high)
    }
    guard low <= high else { return }
    let range = Timestamp.distantPast ... .distantFuture
    guard
      (try? await store.delete(tenant: "t", query: "\(low)-\(high)", range: range)) != nil
    else { return }
    state.withLock { $0.deleted.formUnion(low...high) }
  }

  /// What is wrong with the content of a store, or nil.
  func fault(in store: NumberStore) -> String? {
    let (numbers, faults) = store.read()
    let found = Set(numbers)
    if let fault = faults.first { return "unreadable: \(fault)" }
    if found.count != numbers.count { return "twice: \(numbers)" }
    let (deleting, deleted) = state.withLock { ($0.deleting, $0.deleted) }
    let back = found.intersection(deleted)
    if !back.isEmpty { return "not deleted: \(back.sorted())" }
    let lost = acknowledged.subtracting(found).subtracting(deleting)
    if !lost.isEmpty { return "lost: \(lost.sorted())" }
    let invented = found.subtracting(attempted)
    if !invented.isEmpty { return "invented: \(invented.sorted())" }
    let damage = store.statistics.findings.filter { $0.kind != .tornTail }
    return damage.isEmpty ? nil : "taken for damage: \(damage)"
  }
}

@Suite struct PowerCutTests {
  /// How many seeds are tried; a longer run is asked for with a variable.
  static let seedCount =
    ProcessInfo.processInfo.environment["SLUICE_POWER_CUT_SEEDS"].flatMap(UInt64.init) ?? 300

  /// Four ends in a row for each seed, power cuts and kills, at random calls of random work:
  /// nothing acknowledged is lost or there twice, and nothing is taken for damage.
  @Test func nothingAcknowledgedIsLost() async throws {
    await withTaskGroup(of: String?.self) { group in
      for lane in 0..<UInt64(2) {
        group.addTask {
          for seed in stride(from: lane, to: Self.seedCount, by: 2) {
            if let fault = await Self.live(seed) { return "seed \(seed): \(fault)" }
          }
          return nil
        }
      }
      for await case let fault? in group {
        Issue.record("\(fault)")
      }
    }
  }

  private static func live(_ seed: UInt64) async -> String? {
    var random = RandomSource(seed: seed)
    var disk = CrashingFileSystem()
    let ledger = Ledger()
    for _ in 0..<4 {
      disk.cutPower(atCall: Int.random(in: 1...160, using: &random))
      await work(disk, ledger, &random)
      // A process that is killed leaves its unsynced writes to the next one, which reads them.
      disk = random.oneIn(3) ? disk.afterKill() : disk.afterPowerCut(seed: random.next())
      do {
        let store = try await NumberStore.open("data", disk)
        let fault = ledger.fault(in: store)
        await store.close()
        if let fault { return fault }
      } catch {
        return "does not open: \(error)"
      }
    }
    return nil
  }

  /// Opens and uses a store until the power goes, or some time before that.
  private static func work(
    _ disk: CrashingFileSystem, _ ledger: Ledger, _ random: inout RandomSource
  ) async {
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      guard
        let store = try? await NumberStore.open(
          "data", disk,
          configure: {
            $0.wal.fileBytes = random.oneIn(2) ? 1024 : 16 << 10
            $0.headBytesFlush = random.oneIn(2) ? 400 : 1 << 20
            $0.compactionShare = random.oneIn(2) ? 1 : 0
            $0.compactionInterval = .milliseconds(1)
            $0.deleteCancelPeriod = .zero
          })
      else { return }
      for _ in 0..<Int.random(in: 1...12, using: &random) where !disk.isOff {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: try? await store.flush()
        case 2 where random.oneIn(3):
          await ledger.delete(.random(in: 1...40, using: &random), from: store)
        case 1:
          let counts = (0..<5).map { _ in Int.random(in: 1...30, using: &random) }
          await withTaskGroup(of: Void.self) { group in
            for count in counts { group.addTask { await ledger.add(count, to: store) } }
          }
        default: await ledger.add(Int.random(in: 1...40, using: &random), to: store)
        }
      }
      await store.close()
    }
  }

  /// The simulation itself takes away what was not synced: a store that did not sync would fail.
  @Test func theSimulatedDiskForgets() throws {
    var lostBytes = false
    var lostName = false
    for seed in 0..<UInt64(50) {
      let disk = CrashingFileSystem()
      try disk.createFolder("d")
      let file = try disk.open("d/a", .create)
      try disk.syncFolder("d")
      try file.write([1, 2, 3], at: 0)
      _ = try disk.open("d/b", .create)
      let after = disk.afterPowerCut(seed: seed)
      lostBytes = lostBytes || after.content("d/a") == []
      lostName = lostName || after.content("d/b") == nil
      #expect(after.content("d/a") != nil)
      #expect(throws: SystemError.self) { try file.sync(.data) }
    }
    #expect(lostBytes && lostName)
  }
}

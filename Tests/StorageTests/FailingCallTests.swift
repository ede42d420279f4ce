import LinuxIO
@testable import Storage
import TelemetryModel
import TestSupport
import Testing

/// Every call of a store's life fails in turn.
@Suite struct FailingCallTests {
  @Test(arguments: FaultyFileSystem.Fault.allCases, [false, true])
  func nothingAcknowledgedIsLost(_ fault: FaultyFileSystem.Fault, lasting: Bool) async throws {
    let calls = FaultyFileSystem(CrashingFileSystem())
    let well = Ledger()
    await Self.live(calls, well)
    #expect(well.acknowledged == well.attempted, "without a fault all is acknowledged")
    // Every call costs two lives: their number must not grow with the time that a life takes.
    try #require((101...1000).contains(calls.callCount))

    // Lasting failures at neighbouring calls tell little more than one of them.
    for number in stride(from: 1, through: calls.callCount, by: lasting ? 5 : 1) {
      let disk = CrashingFileSystem()
      let faulty = FaultyFileSystem(disk)
      faulty.fail(call: number, with: fault, lasting: lasting)
      let ledger = Ledger()
      await Self.live(faulty, ledger)
      faulty.mend()
      // After a mere failure, and after one with a power cut on top.
      for survivor in [number % 2 == 0 ? disk.copy() : disk.afterPowerCut(seed: UInt64(number))] {
        let store = try await NumberStore.open("data", survivor)
        if let fault = ledger.fault(in: store) { Issue.record("call \(number): \(fault)") }
        // It works again, too.
        try await store.add([1_000_000])
        try await store.flush()
        #expect(store.read().numbers.last == 1_000_000)
        await store.close()
      }
    }
  }

  /// The same with merges and deletes under way, at whatever call that is.
  @Test(arguments: FaultyFileSystem.Fault.allCases)
  func mergesAndDeletesFailSafely(_ fault: FaultyFileSystem.Fault) async throws {
    for number in stride(from: 1, through: 700, by: 7) {
      let disk = CrashingFileSystem()
      let faulty = FaultyFileSystem(disk)
      let ledger = Ledger()
      let store = try await NumberStore.open("data", faulty) {
        $0.compactionShare = 1
        $0.compactionInterval = .milliseconds(1)
        $0.deleteCancelPeriod = .zero
      }
      faulty.fail(call: faulty.callCount + number, with: fault, lasting: number % 3 == 0)
      for part in 0..<10 {
        await ledger.add(5, to: store)
        try? await store.flush()
        if part % 4 == 3 { await ledger.delete(7, from: store) }
      }
      faulty.mend()
      if let fault = ledger.fault(in: store) { Issue.record("call \(number), running: \(fault)") }
      await store.close()
      for survivor in [disk.copy(), disk.afterPowerCut(seed: UInt64(number))] {
        let again = try await NumberStore.open("data", survivor)
        if let fault = ledger.fault(in: again) { Issue.record("call \(number): \(fault)") }
        await again.close()
      }
    }
  }

  private static func live(_ fileSystem: any FileSystem, _ ledger: Ledger) async {
    for _ in 0..<2 {
      guard
        let store = try? await NumberStore.open(
          "data", fileSystem, clock: ManualClock(), configure: { $0.checkInterval = .hours(1) })
      else { continue }
      await ledger.add(20, to: store)
      await ledger.add(1, to: store)
      try? await store.flush()
      await ledger.add(3, to: store)
      try? await store.flush()
      await ledger.add(2, to: store)
      await store.close()
    }
  }

  /// A failed sync is not forgotten: the file is left, and the store goes on in another.
  @Test func appendsGoOnInANewFileAfterAFailedSync() async throws {
    let disk = CrashingFileSystem()
    let faulty = FaultyFileSystem(disk)
    let store = try await NumberStore.open("data", faulty)
    try await store.add([1])
    // A file is known by the name it was opened with.
    faulty.failSyncs(of: StoreLayout.newWALSuffix)
    await #expect(throws: StorageError.self) { try await store.add([2]) }
    faulty.mend()
    try await store.add([100])
    #expect(disk.files.keys.filter { $0.hasSuffix(".wal") }.count == 2)
    #expect(store.read().numbers.contains(100))
    await store.close()
  }

  @Test func aFullDiskRefusesAndRecovers() async throws {
    let disk = CrashingFileSystem()
    let store = try await NumberStore.open("data", disk) { $0.freeBytesMin = 1000 }
    try await store.add([1])
    disk.setCapacity(disk.files.values.reduce(0, +) + 500)
    await store.maintain()
    do {
      try await store.add([2])
      Issue.record("an append below the reserve was taken")
    } catch {
      #expect(error.code == .diskFull)
      #expect(error.message.contains("resumes by itself"))
    }
    #expect(store.statistics.refusal != nil)
    #expect(store.read().numbers == [1], "reading goes on")
    disk.setCapacity(nil)
    await store.maintain()
    try await store.add([3])
    #expect(store.read().numbers == [1, 3])
    await store.close()
  }

  /// Without a reserve the disk really fills; each append tells the truth.
  @Test func runsIntoTheEndOfTheDisk() async throws {
    let disk = CrashingFileSystem()
    let ledger = Ledger()
    let store = try await NumberStore.open("data", disk) { $0.wal.fileBytes = 2048 }
    #expect(await ledger.add(10, to: store))
    disk.setCapacity(disk.files.values.reduce(0, +) + 3000)
    var refused = 0
    for _ in 0..<40 where await ledger.add(50, to: store) == false { refused += 1 }
    #expect(refused > 0)
    await #expect(throws: StorageError.self) { try await store.flush() }
    disk.setCapacity(nil)
    #expect(await ledger.add(1, to: store))
    try await store.flush()
    #expect(ledger.fault(in: store) == nil)
    await store.close()
    let again = try await NumberStore.open("data", disk)
    #expect(ledger.fault(in: again) == nil)
    await again.close()
  }
}

import Foundation
import LinuxIO
import Storage
import TelemetryModel
import TestSupport
import Testing

/// A folder of a test's own, gone at its end.
struct TemporaryFolder: ~Copyable {
  let path = NSTemporaryDirectory() + "sluice-storage-" + UUID().uuidString

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct StorageEngineTests {
  @Test func keepsRowsOverHeadFlushAndReopening() async throws {
    let folder = TemporaryFolder()
    var store = try await NumberStore.open(folder.path, RealFileSystem())
    try await store.add([1, 2, 3])
    #expect(store.read().numbers == [1, 2, 3])
    try await store.flush()
    #expect(store.snapshot().segments.count == 1)
    try await store.add([4])
    #expect(store.read().numbers == [1, 2, 3, 4])
    await store.close()

    store = try await NumberStore.open(folder.path, RealFileSystem())
    #expect(store.statistics.findings == [])
    #expect(store.snapshot().segments.count == 1)
    #expect(store.snapshot().heads.flatMap(\.numbers) == [4])
    try await store.flush()
    #expect(store.read().numbers == [1, 2, 3, 4])
    await store.close()

    store = try await NumberStore.open(folder.path, RealFileSystem())
    #expect(store.snapshot().heads.flatMap(\.numbers) == [])
    #expect(store.read().numbers == [1, 2, 3, 4])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/wal") == [])
    await store.close()
    await #expect(throws: StorageError.self) { try await store.add([5]) }
  }

  @Test func refusesAFolderInUseAndNamesTheHolder() async throws {
    let folder = TemporaryFolder()
    let store = try await NumberStore.open(folder.path, RealFileSystem())
    do {
      _ = try await NumberStore.open(folder.path, RealFileSystem())
      Issue.record("two stores use one folder")
    } catch {
      #expect(error.code == .inUse)
      #expect(error.message.contains("process \(ProcessInfo.processInfo.processIdentifier):"))
    }
    await store.close()
    let again = try await NumberStore.open(folder.path, RealFileSystem())
    await again.close()
  }

  @Test func flushesByItselfWhileAppendsGoOn() async throws {
    let disk = CrashingFileSystem()
    let ledger = Ledger()
    let store = try await NumberStore.open("data", disk) { $0.headBytesFlush = 2000 }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask { for _ in 0..<50 { #expect(await ledger.add(5, to: store)) } }
      }
    }
    #expect(ledger.fault(in: store) == nil)
    // Where the engine's thread gets its turns late, one flush takes all that is there.
    for _ in 0..<2000 where store.snapshot().segments.count < 2 {
      #expect(await ledger.add(5, to: store))
      try await Task.sleep(for: .milliseconds(5))
    }
    #expect(store.snapshot().segments.count >= 2)
    try await store.flush()
    #expect(store.snapshot().heads.allSatisfy { $0.rowCount == 0 })
    #expect(ledger.fault(in: store) == nil)
    await store.close()
  }

  @Test func flushesAHeadThatIsOld() async throws {
    let clock = ManualClock()
    let store = try await NumberStore.open("data", CrashingFileSystem(), clock: clock)
    try await store.add([1])
    await store.maintain()
    #expect(store.snapshot().segments.isEmpty)
    clock.advance(seconds: 601)
    await store.maintain()
    #expect(store.snapshot().segments.count == 1)
    await store.close()
  }

  @Test func dropsSegmentsPastRetention() async throws {
    let clock = ManualClock(seconds: 1000)
    let disk = CrashingFileSystem()
    let store = try await NumberStore.open("data", disk, clock: clock) {
      $0.retention = .seconds(100)
    }
    // The look that each store begins with is over.
    await store.maintain()
    // The numbers are the rows' seconds.
    try await store.add([800, 899])
    try await store.flush()
    try await store.add([850, 950])
    try await store.flush()
    let held = store.snapshot()
    await store.maintain()
    #expect(store.read().numbers == [850, 950])
    #expect(disk.files.keys.filter { $0.hasSuffix(".segment") }.count == 1)
    let old = try #require(held.segments.first { $0.summary.newest.nanoseconds < 900_000_000_000 })
    #expect(try NumberHead.decode(old.page(0)) == [800, 899], "readable while it is held")
    clock.advance(seconds: 1000)
    await store.maintain()
    #expect(store.read().numbers == [])
    await store.close()
    let again = try await NumberStore.open("data", disk, clock: clock)
    #expect(again.read().numbers == [])
    #expect(again.statistics.findings == [])
    await again.close()
  }

  @Test func sweepsWhatAFlushLeftBehind() async throws {
    let disk = CrashingFileSystem()
    var store = try await NumberStore.open("data", disk)
    try await store.add([1])
    await store.close()
    for name in ["00000000000000aa.segment", "00000000000000ab.writing"] {
      _ = try disk.open("data/segments/" + name, .create)
    }
    _ = try disk.open("data/wal/00000000000000ff.wal-new", .create)
    _ = try disk.open("data/segments/notes.txt", .create)
    store = try await NumberStore.open("data", disk)
    #expect(store.read().numbers == [1])
    #expect(disk.files.keys.filter { $0.contains("00a") || $0.contains("-new") } == [])
    #expect(disk.files["data/segments/notes.txt"] == 0, "what is not ours stays")
    await store.close()
  }

  @Test func keepsARecordThatItsStoreCannotRead() async throws {
    let disk = CrashingFileSystem()
    var store = try await NumberStore.open("data", disk)
    try await store.append(kind: 1, parts: [[1, 2, 3]]) { _ in }
    try await store.add([7])
    await store.close()
    store = try await NumberStore.open("data", disk)
    #expect(store.read().numbers == [7])
    #expect(store.statistics.findings.count == 1)
    #expect(disk.content("data/set-aside/record-1-kind-1") == [1, 2, 3])
    await store.close()
  }

  @Test func refusesARecordThatIsTooLarge() async throws {
    let store = try await NumberStore.open("data", CrashingFileSystem())
    let part = [UInt8](repeating: 0, count: 64 << 20)
    do {
      try await store.append(kind: 1, parts: [part, part, part, part, [0]]) { _ in }
      Issue.record("a record above the limit was taken")
    } catch {
      #expect(error.code == .tooLarge)
    }
    await store.close()
  }
}

@Suite struct StoreThreadTests {
  /// Threads and mappings of this process: an ended thread that nobody joined keeps its stack.
  private static func mappingCount() throws -> Int {
    try String(contentsOfFile: "/proc/self/maps", encoding: .utf8).split(separator: "\n").count
  }

  @Test func storesThatOpenFailOrCloseLeaveNoThreads() async throws {
    let before = try Self.mappingCount()
    for number in 0..<200 {
      let faulty = FaultyFileSystem(CrashingFileSystem())
      if number % 2 == 1 { faulty.fail(call: 1 + number % 60, with: .inputOutput) }
      guard let store = try? await NumberStore.open("data", faulty) else { continue }
      try? await store.add([1])
      await store.close()
    }
    // Other tests run beside this one, and what they take goes again; each leaked stack is two
    // mappings, and stays.
    #expect(try await becomes { ((try? Self.mappingCount()) ?? .max) - before < 200 })
  }
}

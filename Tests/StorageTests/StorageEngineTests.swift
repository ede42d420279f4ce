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
}

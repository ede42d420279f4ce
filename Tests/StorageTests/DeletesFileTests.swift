import Bytes
import LinuxIO
@testable import Storage
import TelemetryModel
import TestSupport
import Testing

/// Requests to delete outlive the catalog.
@Suite struct DeletesFileTests {
  private static let all = Timestamp(seconds: 0)...Timestamp(seconds: 1_000_000)

  private static let content = DeletesFile.Content(
    tombstones: [
      Tombstone(
        number: 3, tenant: "t", query: "2-7", range: all, created: Timestamp(seconds: 9)),
      Tombstone(
        number: 5, tenant: "ü", query: "", range: .distantPast ... .distantFuture,
        created: .zero, isProcessed: true),
    ], lastDelete: 6)

  @Test func theBytesAreAsDocumented() throws {
    let bytes = DeletesFile.encode(Self.content)
    #expect(Array(bytes[..<8]) == Array("sluicedl".utf8))
    #expect(Array(bytes[8..<24]) == [1, 0, 0, 0, 2, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0])
    #expect(Array(bytes[24..<32]) == [3, 0, 0, 0, 0, 0, 0, 0])
    #expect(bytes[56] == 0)
    #expect(Array(bytes[57..<62]) == [1, 0, 0, 0, UInt8(ascii: "t")])
    #expect(Array(bytes[62..<69]) == [3, 0, 0, 0] + Array("2-7".utf8))
    let checksum = XXH3.hash(Array(bytes.dropLast(8)))
    #expect(bytes.suffix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) } == checksum)
    #expect(try DeletesFile.decode(bytes, path: "deletes") == Self.content)
  }

  @Test func noChangedByteIsTakenForADelete() {
    let bytes = DeletesFile.encode(Self.content)
    for at in bytes.indices {
      var changed = bytes
      changed[at] ^= 1 << UInt8(at % 8)
      #expect(throws: StorageError.self) { try DeletesFile.decode(changed, path: "deletes") }
      #expect(throws: StorageError.self) {
        try DeletesFile.decode(Array(bytes[..<at]), path: "deletes")
      }
    }
  }

  /// Rows that were deleted stay away when the catalog is lost; those of a request that was taken
  /// back, and those that came later, stay.
  @Test func deletesOutliveTheCatalog() async throws {
    let disk = CrashingFileSystem()
    let store = try await NumberStore.open("data", disk)
    try await store.add(Array(1...20))
    _ = try await store.delete(tenant: "t", query: "2-7", range: Self.all)
    let back = try await store.delete(tenant: "t", query: "9-12", range: Self.all)
    #expect(try await store.cancelDelete(back.number))
    try await store.add([5])
    try await store.flush()
    let left: [UInt64] = [1] + Array(8...20) + [5]
    #expect(store.read().numbers.sorted() == left.sorted())
    await store.close()
    try disk.remove("data/catalog.sqlite")

    let again = try await NumberStore.open("data", disk)
    #expect(again.snapshot().tombstones.map(\.query) == ["2-7"])
    #expect(again.read().numbers.sorted() == left.sorted())
    let next = try await again.delete(tenant: "t", query: "1-1", range: Self.all)
    #expect(next.number > back.number, "numbers are never used again")
    await again.close()
  }

  /// A file that a crash left behind the catalog, or before it, is put right at the next start.
  @Test func theCatalogCounts() async throws {
    let disk = CrashingFileSystem()
    let store = try await NumberStore.open("data", disk)
    try await store.add(Array(1...20))
    _ = try await store.delete(tenant: "t", query: "2-7", range: Self.all)
    await store.close()
    let file = DeletesFile(layout: StoreLayout(folder: "data"), fileSystem: disk)
    let right = try file.read()
    #expect(right.tombstones.map(\.query) == ["2-7"])
    try file.write(Self.content)
    let again = try await NumberStore.open("data", disk)
    #expect(again.snapshot().tombstones.map(\.query) == ["2-7"])
    await again.close()
    #expect(try file.read() == right)
  }

  @Test func damageIsNamed() async throws {
    let disk = CrashingFileSystem()
    let store = try await NumberStore.open("data", disk)
    try await store.add(Array(1...20))
    _ = try await store.delete(tenant: "t", query: "2-7", range: Self.all)
    await store.close()
    disk.flip("data/deletes", at: 30, bits: 1)
    let folder = try #require(StoreFolder("data", fileSystem: disk))
    #expect(try folder.verify().damage.map(\.path) == ["data/deletes"])
    try disk.remove("data/catalog.sqlite")
    let again = try await NumberStore.open("data", disk)
    #expect(again.statistics.findings.contains { $0.path == "data/deletes" })
    #expect(again.read().numbers == Array(1...20))
    await again.close()
  }
}

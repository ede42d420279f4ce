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
    ], lastDelete: 6, releasedThrough: 0x1122)

  @Test func theBytesAreAsDocumented() throws {
    let bytes = DeletesFile.encode(Self.content)
    #expect(Array(bytes[..<8]) == Array("sluicedl".utf8))
    #expect(Array(bytes[8..<24]) == [2, 0, 0, 0, 2, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0])
    #expect(Array(bytes[24..<32]) == [0x22, 0x11, 0, 0, 0, 0, 0, 0])
    #expect(Array(bytes[32..<40]) == [3, 0, 0, 0, 0, 0, 0, 0])
    #expect(bytes[64] == 0)
    #expect(Array(bytes[65..<70]) == [1, 0, 0, 0, UInt8(ascii: "t")])
    #expect(Array(bytes[70..<77]) == [3, 0, 0, 0] + Array("2-7".utf8))
    let checksum = XXH3.hash(Array(bytes.dropLast(8)))
    #expect(bytes.suffix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) } == checksum)
    #expect(try DeletesFile.decode(bytes, path: "deletes") == Self.content)
  }

  @Test func version1IsRead() throws {
    var bytes = Array(DeletesFile.encode(Self.content).dropLast(8))
    bytes[8] = 1
    bytes.removeSubrange(24..<32)
    bytes.appendLittleEndian(XXH3.hash(bytes))
    var expected = Self.content
    expected.releasedThrough = 0
    #expect(try DeletesFile.decode(bytes, path: "deletes") == expected)
  }

  @Test func anotherVersionIsRefusedWithThoseThatAreRead() {
    var bytes = Array(DeletesFile.encode(Self.content).dropLast(8))
    bytes[8] = 9
    bytes.appendLittleEndian(XXH3.hash(bytes))
    let error = #expect(throws: StorageError.self) {
      try DeletesFile.decode(bytes, path: "deletes")
    }
    #expect(error?.code == .unknownVersion)
    #expect(
      error?.message.contains("has format version 9, this program reads versions 1 to 2") == true)
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

  /// Rows of which no segment is left do not come back from a log whose removal did not reach the
  /// disk, when the catalog is lost too.
  @Test func rowsOfWhichNothingIsLeftStayAway() async throws {
    let disk = CrashingFileSystem()
    var store = try await NumberStore.open("data", disk)
    try await store.add([1, 2, 3])
    let path = try #require(disk.files.keys.first { $0.hasSuffix(".wal") })
    let log = try #require(disk.content(path))
    let tombstone = try await store.delete(tenant: "t", query: "1-3", range: Self.all)
    let segments = store.snapshot().segments
    let left = try store.write(
      segments.map { SegmentRewrite($0, tombstones: [tombstone]) },
      deletesThrough: tombstone.number)
    #expect(left.isEmpty)
    try store.replace(segments, by: left)
    await store.close()
    try? disk.remove(path)
    try disk.open(path, .create).write(log, at: 0)
    try disk.remove("data/catalog.sqlite")
    store = try await NumberStore.open("data", disk)
    #expect(store.read().numbers == [])
    try await store.add([2])
    #expect(store.read().numbers == [2], "what comes later is not deleted")
    await store.close()
    #expect(try await NumberStore.open("data", disk).read().numbers == [2])
  }

  /// A file that is larger than any that is written keeps no store from opening.
  @Test func aFileThatIsTooLargeIsDamage() async throws {
    let disk = CrashingFileSystem()
    var store = try await NumberStore.open("data", disk)
    try await store.add(Array(1...20))
    try await store.flush()
    await store.close()
    let file = try disk.open("data/deletes", .create)
    try file.truncate(to: Int64(DeletesFile.byteCountMax) + 1)
    let folder = try #require(StoreFolder("data", fileSystem: disk))
    #expect(try folder.verify().damage.map(\.path) == ["data/deletes"])
    try disk.remove("data/catalog.sqlite")
    store = try await NumberStore.open("data", disk)
    #expect(store.statistics.findings.contains { $0.path == "data/deletes" })
    #expect(store.read().numbers == Array(1...20))
    await store.close()
  }

  /// More than can be read again is refused, and what was there stays.
  @Test func moreThanCanBeReadIsNotWritten() throws {
    let disk = CrashingFileSystem()
    try disk.createFolder("data")
    let file = DeletesFile(layout: StoreLayout(folder: "data"), fileSystem: disk)
    try file.write(Self.content)
    var large = Self.content
    let room = DeletesFile.byteCountMax - DeletesFile.encode(large).count
    large.tombstones[0].query += String(repeating: " ", count: room + 1)
    let error = #expect(throws: StorageError.self) { try file.write(large) }
    #expect(error?.code == .overloaded)
    #expect(try file.read() == Self.content)
    large.tombstones[0].query.removeLast()
    try file.write(large)
    #expect(try file.read() == large)
    #expect(disk.content("data/deletes")?.count == DeletesFile.byteCountMax)
  }

  /// What is carried out is told of for a while and then forgotten, in memory and on disk; its
  /// number is not used again.
  @Test func processedRequestsAreForgotten() async throws {
    let disk = CrashingFileSystem()
    let clock = ManualClock()
    func open() async throws -> NumberStore {
      try await NumberStore.open("data", disk, clock: clock) {
        $0.compactionShare = 1
        $0.compactionInterval = .milliseconds(3)
        $0.deleteCancelPeriod = .zero
        $0.processedDeletesAge = .hours(1)
        $0.processedDeletesMax = 5
      }
    }
    var store = try await open()
    try await store.add(Array(1...20))
    for number in 1...8 {
      _ = try await store.delete(tenant: "t", query: "\(number)-\(number)", range: Self.all)
    }
    #expect(try await becomes { store.tombstones.map(\.number) == [4, 5, 6, 7, 8] })
    #expect(store.tombstones.map(\.isProcessed) == Array(repeating: true, count: 5))
    clock.advance(seconds: 3601)
    #expect(try await becomes { store.tombstones.isEmpty })
    await store.close()
    let file = DeletesFile(layout: StoreLayout(folder: "data"), fileSystem: disk)
    #expect(try file.read().tombstones == [])
    #expect(try file.read().lastDelete == 8)
    store = try await open()
    #expect(store.tombstones == [])
    #expect(store.read().numbers == Array(9...20))
    let next = try await store.delete(tenant: "t", query: "9-9", range: Self.all)
    #expect(next.number == 9)
    await store.close()
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

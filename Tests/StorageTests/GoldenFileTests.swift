import Bytes
import CSQLite
import Foundation
import LinuxIO
@testable import Storage
import TelemetryModel
import TestSupport
import Testing

/// Stores as they were written when the versions of their formats were made stay readable.
///
/// `SLUICE_RECORD_GOLDEN=1` writes the newest one anew and fails the run: only for a new version.
@Suite struct GoldenFileTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Golden/store-v1").path()
  private static let newest = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Golden/store-v2").path()

  @Test func opensTheStoreOfVersion1() async throws {
    let copy = TemporaryFolder()
    try FileManager.default.copyItem(atPath: Self.folder, toPath: copy.path)
    let store = try await NumberStore.open(copy.path, RealFileSystem())
    #expect(store.statistics.findings == [])
    let snapshot = store.snapshot()
    #expect(snapshot.segments.map(\.id) == [1, 2])
    let summary = try #require(snapshot.segments.first).summary
    #expect(
      summary
        == SegmentSummary(
          tenant: "t", oldest: Timestamp(seconds: 1), newest: Timestamp(seconds: 20),
          rowCount: 20, rawByteCount: 160))
    #expect(snapshot.heads.flatMap(\.numbers) == [50, 51, 52])
    #expect(store.read().numbers == Array(1...20) + [30] + [50, 51, 52])
    await store.close()
  }

  /// Version 2 has lineage in segments and deletes in the catalog.
  @Test func opensTheStoreOfVersion2() async throws {
    if ProcessInfo.processInfo.environment["SLUICE_RECORD_GOLDEN"] != nil {
      try await Self.record()
      Issue.record("the golden files were written anew")
    }
    let copy = TemporaryFolder()
    try FileManager.default.copyItem(atPath: Self.newest, toPath: copy.path)
    let store = try await NumberStore.open(copy.path, RealFileSystem())
    let snapshot = store.snapshot()
    #expect(snapshot.segments.map(\.id) == [3, 4])
    #expect(snapshot.segments.map(\.summary.level) == [1, 0])
    #expect(snapshot.segments.map(\.record.deletesThrough) == [0, 1])
    #expect(snapshot.tombstones.map(\.query) == ["2-7"])
    #expect(store.read().numbers == [1] + Array(8...20) + [30, 40, 50, 51, 52])
    await store.close()
    // What the directories and the file of deletes say is enough.
    try FileManager.default.removeItem(atPath: copy.path + "/catalog.sqlite")
    let again = try await NumberStore.open(copy.path, RealFileSystem())
    #expect(again.snapshot().segments.map(\.record.deletesThrough) == [0, 1])
    #expect(again.snapshot().tombstones.map(\.query) == ["2-7"])
    #expect(again.read().numbers == [1] + Array(8...20) + [30, 40, 50, 51, 52])
    await again.close()
  }

  /// The checksums of the three formats are computed here by their definitions once more.
  @Test func theBytesAreAsDocumented() throws {
    let wal = try Self.bytes("wal/0000000000000003.wal")
    #expect(Array(wal[..<8]) == Array("SLUICWAL".utf8))
    #expect(wal[8] == 1)
    #expect(Array(wal[..<64]) == Array(wal[64..<128]))
    #expect(UInt64(CRC32C.plainChecksum(Array(wal[..<60]))) == Self.number(wal, 60, 4))
    let length = Int(Self.number(wal, 128, 4))
    #expect(length == 16)
    #expect(Self.number(wal, 136, 8) == 3)
    let covered = Array(wal[32..<40]) + Array(wal[128..<132]) + Array(wal[136..<(160 + length)])
    #expect(UInt64(CRC32C.plainChecksum(covered)) == Self.number(wal, 132, 4))

    let segment = try Self.bytes("segments/0000000000000001.segment")
    #expect(Array(segment[..<8]) == Array("SLUICSEG".utf8))
    #expect(XXH3.hash(Array(segment[..<24])) == Self.number(segment, 24, 8))
    #expect(Array(segment[32..<36]) == Array("PAGE".utf8))
    let page = Int(Self.number(segment, 44, 4))
    #expect(page == 16 * 8)
    let seed = XXH3.hash(Array(segment[32..<48]), seed: 1)
    #expect(XXH3.hash(Array(segment[56..<(56 + page)]), seed: seed) == Self.number(segment, 48, 8))
    let trailer = Array(segment.suffix(40))
    #expect(XXH3.hash(Array(trailer[..<32])) == Self.number(trailer, 32, 8))

    let catalog = try Self.bytes("catalog.sqlite")
    #expect(catalog.count.isMultiple(of: 4096))
    for number in 0..<(catalog.count / 4096) {
      let page = Array(catalog[(number * 4096)..<((number + 1) * 4096)])
      #expect(XXH3.hash(Array(page[..<4088]), seed: UInt64(number)) == Self.number(page, 4088, 8))
    }
  }

  /// SQLite by itself, without our I/O layer, finds the catalog in order.
  @Test func sqliteAcceptsTheCatalog() throws {
    var handle: OpaquePointer?
    defer { sqlite3_close_v2(handle) }
    let path = Self.folder + "/catalog.sqlite"
    #expect(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, nil) == SQLITE_OK)
    for (sql, expected) in [
      ("PRAGMA integrity_check", "ok"), ("PRAGMA user_version", "1"),
      ("SELECT group_concat(id) FROM segments", "1,2"),
      ("SELECT value FROM numbers WHERE name = 'released_through'", "2"),
    ] {
      var statement: OpaquePointer?
      defer { sqlite3_finalize(statement) }
      #expect(sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK)
      #expect(sqlite3_step(statement) == SQLITE_ROW)
      let text = try #require(sqlite3_column_text(statement, 0))
      #expect(String(cString: text) == expected)
    }
  }

  private static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: folder + "/" + name)))
  }

  private static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
    bytes[offset..<(offset + count)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func record() async throws {
    try? FileManager.default.removeItem(atPath: newest)
    let store = try await NumberStore.open(newest, RealFileSystem()) { $0.wal.fileBytes = 1024 }
    try await store.add(Array(1...20))
    try await store.flush()
    try await store.add([30])
    try await store.flush()
    let flushed = store.snapshot().segments
    let merged = try store.write(flushed.map { SegmentRewrite($0) }, deletesThrough: 0)
    try store.replace(flushed, by: merged)
    _ = try await store.delete(
      tenant: "t", query: "2-7", range: Timestamp(seconds: 0)...Timestamp(seconds: 9))
    try await store.add([40])
    try await store.flush()
    try await store.add([50, 51])
    try await store.add([52])
    await store.close()
    try FileManager.default.removeItem(atPath: newest + "/lock")
  }
}

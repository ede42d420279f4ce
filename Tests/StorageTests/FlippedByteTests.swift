import LinuxIO
@testable import Storage
import TelemetryModel
import TestSupport
import Testing

/// Every byte of a small store is changed in turn: the damage is found and named, what it does
/// not touch is readable, and the store works.
@Suite struct FlippedByteTests {
  /// A store with two segments, rows in the log, closed in order, or as after kill -9.
  private static func sample(closed: Bool = true) async throws -> CrashingFileSystem {
    let disk = CrashingFileSystem()
    let store = try await NumberStore.open("data", disk) { $0.wal.fileBytes = 1024 }
    for part in 0..<2 as Range<UInt64> {
      try await store.add(Array(part * 100..<(part * 100 + 40)))
      try await store.flush()
    }
    for number in 200..<210 as Range<UInt64> { try await store.add([number]) }
    let running = disk.copy()
    await store.close()
    return closed ? disk : running
  }

  private static let all: Set<UInt64> = Set(
    Array(0..<40) + Array(100..<140) + Array(200..<210))

  /// Opens a damaged copy; gives what cannot be read any more and what the store says.
  private func survey(_ disk: CrashingFileSystem, _ path: String, _ offset: Int) async throws
    -> (lost: Set<UInt64>, named: Bool, segmentCount: Int)
  {
    let damaged = disk.copy()
    damaged.flip(path, at: offset, bits: 1 << UInt8(offset % 8))
    let store = try await NumberStore.open("data", damaged)
    let (numbers, faults) = store.read()
    #expect(Set(numbers).count == numbers.count, "byte \(offset): rows are there twice")
    #expect(Set(numbers).subtracting(Self.all).isEmpty, "byte \(offset): rows are invented")
    let named =
      store.statistics.findings.contains { $0.path == path }
      || faults.contains { $0.path == path && $0.code == .corrupt && $0.offset != nil }
    try await store.add([999])
    let count = store.snapshot().segments.count
    await store.close()
    return (Self.all.subtracting(numbers), named, count)
  }

  private func path(_ disk: CrashingFileSystem, _ suffix: String) throws -> String {
    try #require(disk.files.keys.sorted().last { $0.hasSuffix(suffix) })
  }

  @Test(arguments: [true, false]) func inTheLog(closed: Bool) async throws {
    let disk = try await Self.sample(closed: closed)
    let path = try path(disk, ".wal")
    let size = try #require(disk.content(path)).count
    // Each record is 40 bytes; after the last there are only zeros.
    let end = WALFormat.recordsStart + 11 * 40
    for offset in Array(0..<min(size, end)) + stride(from: end, to: size, by: 31) {
      let (lost, named, _) = try await survey(disk, path, offset)
      #expect(named, "byte \(offset) of \(size)")
      #expect(lost.count <= 1, "byte \(offset): \(lost) are lost")
      if offset < 128 { #expect(lost.isEmpty, "byte \(offset) of the headers") }
    }
  }

  @Test func inASegment() async throws {
    let disk = try await Self.sample()
    let path = try path(disk, ".segment")
    let size = try #require(disk.content(path)).count
    for offset in 0..<size {
      let (lost, named, count) = try await survey(disk, path, offset)
      #expect(named, "byte \(offset) of \(size)")
      #expect(count == 2)
      #expect(lost.count <= 16, "byte \(offset): more than a page is lost: \(lost.sorted())")
    }
  }

  @Test func inTheCatalog() async throws {
    let disk = try await Self.sample()
    let size = try #require(disk.content("data/catalog.sqlite")).count
    // Each page has one checksum over all of it: each 61st byte stands for the others.
    for offset in Array(stride(from: 0, to: size, by: 61)) + Array(0..<20) {
      let (lost, named, count) = try await survey(disk, "data/catalog.sqlite", offset)
      #expect(named, "byte \(offset) of \(size)")
      #expect(lost.isEmpty, "byte \(offset): \(lost.sorted()) are lost")
      #expect(count == 2)
    }
  }

  @Test func aLostSegmentIsNamedAndTheRestAnswers() async throws {
    let disk = try await Self.sample()
    let path = try path(disk, ".segment")
    try disk.remove(path)
    let store = try await NumberStore.open("data", disk)
    #expect(store.statistics.findings.map(\.kind) == [.missing])
    #expect(store.statistics.findings.first?.path == path)
    #expect(store.statistics.quarantinedSegmentCount == 1)
    #expect(Set(store.read().numbers) == Self.all.subtracting(100..<140))
    await store.close()
  }

  @Test func aCutSegmentKeepsTheRest() async throws {
    let disk = try await Self.sample()
    let path = try path(disk, ".segment")
    let size = try #require(disk.content(path)).count
    for cut in stride(from: 0, to: size, by: 23) {
      let damaged = disk.copy()
      try damaged.open(path, .readWrite).truncate(to: Int64(cut))
      let store = try await NumberStore.open("data", damaged)
      #expect(store.statistics.findings.contains { $0.path == path }, "cut at \(cut)")
      #expect(Self.all.subtracting(store.read().numbers).isSubset(of: 100..<140))
      await store.close()
    }
  }

  /// A damaged page is remembered: it is counted at once after the next start.
  @Test func aDamagedPageIsRemembered() async throws {
    let disk = try await Self.sample()
    let path = try path(disk, ".segment")
    disk.flip(path, at: 70)
    var store = try await NumberStore.open("data", disk)
    #expect(store.read().faults.count == 1)
    await store.maintain()
    #expect(store.statistics.quarantinedPageCount == 1)
    await store.close()
    store = try await NumberStore.open("data", disk)
    #expect(store.statistics.quarantinedPageCount == 1)
    #expect(store.read().faults.count == 1)
    await store.close()
  }
}

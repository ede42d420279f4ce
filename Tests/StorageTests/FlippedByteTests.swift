import Foundation
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

  /// Parts are read of pages alone that were found to be right as a whole.
  @Test func partsOfDamagedPagesAreNotRead() async throws {
    let disk = try await Self.sample()
    let path = try path(disk, ".segment")
    let store = try await NumberStore.open("data", disk.copy())
    let segment = try #require(store.snapshot().segments.last)
    #expect(segment.path == path)
    for number in segment.pages.indices {
      // The first part is cut from the checked page, the second one read.
      for _ in 0..<2 {
        let part = try segment.part(of: number, 1..<segment.pages[number].length)
        #expect(try part == Array(segment.page(number)[1...]))
      }
      #expect(throws: StorageError.self) {
        try segment.part(of: number, 0..<(segment.pages[number].length + 1))
      }
    }
    let last = segment.pages[0].offset + SegmentFormat.pageHeaderBytes + segment.pages[0].length - 1
    await store.close()
    let damaged = disk.copy()
    damaged.flip(path, at: last, bits: 1)
    let opened = try await NumberStore.open("data", damaged)
    let changed = try #require(opened.snapshot().segments.last)
    for _ in 0..<2 {
      #expect(throws: StorageError.self) { try changed.part(of: 0, 0..<1) }
    }
    await opened.close()
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

  /// Every byte of every file of a store of 64 KB; a part of them unless a longer run asks for all
  /// with SLUICE_FLIP_STRIDE=1.
  @Test func inAnyFile() async throws {
    let step =
      ProcessInfo.processInfo.environment["SLUICE_FLIP_STRIDE"].flatMap(Int.init) ?? 997
    let disk = CrashingFileSystem()
    let store = try await NumberStore.open("data", disk) { $0.wal.fileBytes = 4096 }
    let all: Set<UInt64> = Set(0..<2600)
    for part in 0..<5 as Range<UInt64> {
      try await store.add(Array(part * 500..<(part * 500 + 500)))
      try await store.flush()
    }
    for part in 0..<10 as Range<UInt64> {
      try await store.add(Array(2500 + part * 10..<2510 + part * 10))
    }
    await store.close()
    let files = disk.files.filter { $0.value > 0 && !$0.key.hasSuffix("lock") }.sorted {
      $0.key < $1.key
    }
    #expect((60_000...80_000).contains(files.reduce(0) { $0 + $1.value }))
    for (path, size) in files {
      for offset in stride(from: Int.random(in: 0..<min(step, size)), to: size, by: step) {
        let damaged = disk.copy()
        damaged.flip(path, at: offset, bits: 1 << UInt8(offset % 8))
        // Found from outside, too, before anything is opened.
        let report = try #require(StoreFolder("data", fileSystem: damaged)).verify()
        let named = (report.damage + report.notes).contains { $0.path == path }
        #expect(named, "verify: byte \(offset) of \(path)")
        let store = try await NumberStore.open("data", damaged)
        let (numbers, _) = store.read()
        #expect(Set(numbers).count == numbers.count)
        #expect(Set(numbers).isSubset(of: all))
        #expect(all.subtracting(numbers).count <= 16, "byte \(offset) of \(path)")
        await store.close()
      }
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

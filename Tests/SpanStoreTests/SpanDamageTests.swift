import Foundation
import LinuxIO
import Storage
import TelemetryModel
import TestSupport
import Testing

@testable import SpanStore

/// What logs are promised holds for spans: any flipped byte is found and named, costs no more than
/// a page, and what is left answers.
@Suite struct SpanDamageTests {
  private static let traces: UInt64 = 120

  private static func open(_ disk: any FileSystem) async throws -> SpanStore {
    var storage = StorageConfiguration(name: "spans", folder: "data", kind: .spans)
    storage.wal.fileBytes = 4096
    storage.freeBytesMin = 0
    storage.compactionShare = 0
    return try await SpanStore.open(storage, fileSystem: disk, clock: SystemClock())
  }

  /// Two segments and records in the log, each trace with one span.
  private static func sample() async throws -> CrashingFileSystem {
    let disk = CrashingFileSystem()
    let store = try await open(disk)
    for part in 0..<3 as Range<UInt64> {
      let spans = (part * 40..<part * 40 + 40).map { number in
        RequestFixtures.span(
          trace: TraceID(high: number, low: 1), id: number + 1, name: "n\(number % 7)",
          start: Int64(number) * 1000)
      }
      for start in stride(from: 0, to: 40, by: 8) {
        let some = Array(spans[start..<start + 8])
        try await store.append(
          tenant: .single, try SpanBatch(RequestFixtures.request(service: "s", some)))
      }
      if part < 2 { try await store.flush() }
    }
    await store.close()
    return disk
  }

  /// The traces that can be read; each must be as it was.
  private func readable(_ store: SpanStore) throws -> Set<UInt64> {
    var out: Set<UInt64> = []
    for number in 0..<Self.traces {
      let trace = try store.trace(TraceID(high: number, low: 1), tenant: .single)
      let spans = trace.flatMap { $0.scopes.flatMap(\.spans) }
      guard let span = spans.first else { continue }
      #expect(spans.count == 1)
      #expect(span.spanID == SpanID(number + 1) && span.name == "n\(number % 7)")
      out.insert(number)
    }
    var search = SpanSearch(tenant: .single, limit: 1000)
    let found = Set(try store.search(search).map(\.high))
    // A search may find what it did not need the damaged page for.
    #expect(found.isSuperset(of: out) && found.isSubset(of: 0..<Self.traces))
    search.service = "s"
    #expect(Set(try store.search(search).map(\.high)) == found)
    _ = try store.dependencies(.zipkin, from: .zero, to: .distantFuture, tenant: .single)
    return out
  }

  @Test func everyFlippedByteOfASegmentIsFound() async throws {
    let disk = try await Self.sample()
    let path = try #require(disk.files.keys.sorted().last { $0.hasSuffix(".segment") })
    let size = try #require(disk.content(path)).count
    let step = ProcessInfo.processInfo.environment["SLUICE_FLIP_STRIDE"].flatMap(Int.init) ?? 41
    for offset in stride(from: Int.random(in: 0..<step), to: size, by: step) {
      let damaged = disk.copy()
      damaged.flip(path, at: offset, bits: 1 << UInt8(offset % 8))
      let report = try #require(StoreFolder("data", fileSystem: damaged)).verify()
      #expect(
        (report.damage + report.notes).contains { $0.path == path }, "byte \(offset) of \(size)")
      let store = try await Self.open(damaged)
      let left = try readable(store)
      // The segment has one block: it is lost as a whole or not at all.
      let lost = Set(0..<Self.traces).subtracting(left)
      #expect(lost.isEmpty || lost == Set(40..<80), "byte \(offset): \(lost.sorted())")
      if !lost.isEmpty {
        // Brought into order, the rest stays and nothing is damaged any more.
        _ = try await store.repair()
        #expect(try readable(store) == left)
        await store.close()
        let after = try #require(StoreFolder("data", fileSystem: damaged)).verify()
        #expect(after.damage.isEmpty, "byte \(offset)")
      } else {
        await store.close()
      }
    }
  }

  @Test func flippedBytesOfTheLogCostARecordAtMost() async throws {
    let disk = try await Self.sample()
    let path = try #require(disk.files.keys.sorted().last { $0.hasSuffix(".wal") })
    let size = try #require(disk.content(path)).count
    for offset in stride(from: Int.random(in: 0..<199), to: size, by: 199) {
      let damaged = disk.copy()
      damaged.flip(path, at: offset, bits: 1 << UInt8(offset % 8))
      let store = try await Self.open(damaged)
      let lost = Set(0..<Self.traces).subtracting(try readable(store))
      #expect(lost.count <= 8, "byte \(offset) of \(size): \(lost.sorted())")
      if !lost.isEmpty { #expect(store.statistics.findings.contains { $0.path == path }) }
      await store.close()
    }
  }

  /// Retention takes away what is too old, and the oldest first where room is short.
  @Test func retentionCoversSpans() async throws {
    let now = Timestamp(seconds: 1_800_000_000)
    for byAge in [true, false] {
      let disk = CrashingFileSystem()
      var storage = StorageConfiguration(name: "spans", folder: "data", kind: .spans)
      storage.wal.fileBytes = 1 << 18
      storage.freeBytesMin = 0
      storage.compactionShare = 0
      storage.retentionInterval = .milliseconds(5)
      let clock = ManualClock(seconds: 1_800_000_000)
      var store = try await SpanStore.open(storage, fileSystem: disk, clock: clock)
      for hours in [50, 30, 10, 0] as [Int64] {
        let start = now - .hours(hours)
        // So many that segments are large beside the log.
        let spans = (1...1500).map {
          RequestFixtures.span(
            trace: TraceID(high: UInt64(hours), low: 1), id: $0, name: "n\($0)",
            start: start.nanoseconds)
        }
        try await store.append(
          tenant: .single, try SpanBatch(RequestFixtures.request(service: "s", spans)))
        try await store.flush()
      }
      #expect(store.statistics.segmentCount == 4)
      let segmentBytes = store.statistics.segmentByteCount
      await store.close()
      let budget = segmentBytes / 2 + 3 * 4096
      if byAge {
        storage.retention = .hours(24)
      } else {
        storage.budget = DiskBudget(bytesMax: budget)
      }
      store = try await SpanStore.open(storage, fileSystem: disk, clock: clock)
      // Over the budget segments go one after the other.
      let isDone = try await becomes {
        clock.advance(seconds: 0.01)
        let statistics = store.statistics
        return byAge ? statistics.segmentCount <= 2 : statistics.segmentByteCount < budget
      }
      #expect(isDone)
      let left = try store.search(SpanSearch(tenant: .single, limit: 10)).map(\.high)
      if byAge {
        #expect(left == [0, 10])
      } else {
        #expect([[0], [0, 10], [0, 10, 30]].contains(left))
        #expect(store.statistics.segmentByteCount < budget)
      }
      await store.close()
    }
  }
}

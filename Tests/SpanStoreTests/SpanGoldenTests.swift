import Foundation
import LinuxIO
import Storage
import Synchronization
import TelemetryModel
import TestSupport
import Testing
import TraceFormats

@testable import SpanStore

/// A store as version 2 wrote it stays readable: a segment of two tenants, and a record in the WAL.
/// `spans-v2` is from before blocks had their calls beside the rows, `spans-v2-calls` has them.
///
/// `SLUICE_RECORD_GOLDEN=1` writes the latter anew and fails the run: only for a new version.
@Suite struct SpanGoldenTests {
  private static func folder(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/\(name)").path()
  }

  /// The spans that are in the segment and in the WAL, made from the same numbers each time.
  private static var spans: (inSegment: [RandomSpan.Made], inLog: [RandomSpan.Made]) {
    var random = RandomSource(seed: 4711)
    let made = (0..<150).map { _ in RandomSpan.make(&random) }
    return (Array(made[..<120]), Array(made[120...]))
  }

  private static func open(_ folder: String) async throws -> SpanStore {
    var storage = StorageConfiguration(name: "spans", folder: folder, kind: .spans)
    storage.wal.fileBytes = 1 << 14
    storage.compactionShare = 0
    storage.freeBytesMin = 0
    return try await SpanStore.open(storage, fileSystem: RealFileSystem(), clock: SystemClock())
  }

  private static func record() async throws {
    let folder = folder("spans-v2-calls")
    try? FileManager.default.removeItem(atPath: folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let store = try await open(folder)
    for tenant in tenants {
      let messages = spans.inSegment.map(\.message)
      try await store.append(
        tenant: tenant, try SpanBatch(RequestFixtures.request(service: tenant.name, messages)))
    }
    try await store.flush()
    let messages = spans.inLog.map(\.message)
    try await store.append(
      tenant: tenants[0], try SpanBatch(RequestFixtures.request(service: "late", messages)))
    await store.close()
    try? FileManager.default.removeItem(atPath: folder + "/lock")
  }

  private static let tenants = ["first", "second"].compactMap { TenantID($0) }

  @Test(arguments: ["spans-v2", "spans-v2-calls"])
  func opensTheStoreOfVersion2(_ name: String) async throws {
    if name == "spans-v2-calls",
      ProcessInfo.processInfo.environment["SLUICE_RECORD_GOLDEN"] != nil
    {
      try await Self.record()
      Issue.record("the golden files were written anew")
    }
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.copyItem(atPath: Self.folder(name), toPath: folder)
    let store = try await Self.open(folder)
    #expect(store.statistics.findings == [])
    #expect(store.statistics.segmentCount == 1)
    let (inSegment, inLog) = Self.spans
    for (tenant, spans) in [(Self.tenants[0], inSegment + inLog), (Self.tenants[1], inSegment)] {
      var wanted: [TraceID: Set<[UInt8]>] = [:]
      for span in spans { wanted[span.trace, default: []].insert(span.message) }
      for (trace, messages) in wanted {
        let back = try SpanBatch(store.request(of: trace, tenant: tenant))
        #expect(Set(back.rows.map { Array(back.request[$0.message]) }) == messages)
      }
    }
    #expect(try store.services(tenant: Self.tenants[0]) == ["first", "late"])
    #expect(try store.services(tenant: Self.tenants[1]) == ["second"])
    for segment in store.engine.snapshot().segments {
      let index = try #require(store.index(of: segment, tenant: Self.tenants[0]))
      let block = try #require(store.part(segment, index).block(index.blocks[0]))
      #expect((block.range(of: .calls) != nil) == (name == "spans-v2-calls"))
    }
    for rule in [DependencyRule.jaeger, .zipkin] {
      var sent: [ResourceSpans] = []
      for (service, spans) in [("first", inSegment), ("late", inLog)] {
        let request = RequestFixtures.request(service: service, spans.map(\.message))
        sent += try OTLPTraceProtobuf.decode(request, limits: .none)
      }
      #expect(
        try store.dependencies(
          rule, from: .zero, to: .distantFuture, tenant: Self.tenants[0])
          == PlainDependencies.links(rule, of: sent, from: .zero, to: .distantFuture))
    }
    await store.close()
  }

  /// The head of a store that writes pages of version 1.
  private final class OldHead: StoreHead {
    private let rows = Mutex(0)
    var memoryByteCount: Int { 0 }
    var rowCount: Int { rows.withLock { $0 } }
    func replay(_ record: WALRecord) throws(StorageError) { add() }
    func add() { rows.withLock { $0 += 1 } }
    func merge(_ rewrites: [SegmentRewrite], to output: SegmentOutput) throws(StorageError) {}

    func write(to output: SegmentOutput) throws(StorageError) {
      let writer = try output.begin()
      _ = try writer.append(1, [1, 2, 3])
      _ = try writer.append(2, [4, 5, 6])
      writer.finish(SegmentSummary(oldest: .zero, newest: .zero, rowCount: 1, rawByteCount: 1))
    }
  }

  @Test func segmentsOfVersion1AreRefusedWithAWord() async throws {
    let disk = CrashingFileSystem()
    var storage = StorageConfiguration(name: "spans", folder: "data", kind: .spans)
    storage.freeBytesMin = 0
    let old = try await StorageEngine<OldHead>.open(
      storage, fileSystem: disk, clock: SystemClock(), makeHead: { OldHead() })
    try await old.append(kind: 1, parts: [[0]]) { $0.add() }
    try await old.flush()
    await old.close()
    for _ in 0..<2 {
      do throws(SpanStoreError) {
        _ = try await SpanStore.open(storage, fileSystem: disk, clock: SystemClock())
        Issue.record("a segment of version 1 was opened")
      } catch {
        #expect(error.code == .failed)
        #expect(error.message.contains("data/segments/0000000000000001.segment"))
        #expect(error.message.contains("version 1"))
      }
    }
  }
}

import LinuxIO
import Storage
import TelemetryModel
import TestSupport
import Testing
import TraceFormats

@testable import SpanStore

@Suite struct SpanCompactionTests {
  private func open(_ disk: any FileSystem, share: Double) async throws -> SpanStore {
    var storage = StorageConfiguration(name: "spans", folder: "data", kind: .spans)
    storage.wal.fileBytes = 1 << 20
    storage.freeBytesMin = 0
    storage.compactionShare = share
    storage.compactionInterval = .milliseconds(3)
    return try await SpanStore.open(storage, fileSystem: disk, clock: SystemClock())
  }

  /// What a store answers, to be the same before and after a merge.
  private func answers(_ store: SpanStore, _ tenant: TenantID) throws -> [String] {
    var out = try store.services(tenant: tenant)
    for service in out {
      out += try store.operations(tenant: tenant, service: service).map { "\(service) \($0)" }
    }
    for trace in 0..<UInt64(60) {
      let spans = try store.trace(TraceID(high: trace, low: 1), tenant: tenant)
      let names = spans.flatMap { resource in
        resource.scopes.flatMap(\.spans).map { "\(resource.resource) \($0)" }
      }
      out.append("\(trace): \(names.sorted())")
    }
    out += try store.search(SpanSearch(tenant: tenant, limit: 1000)).map(\.hex)
    return out
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func mergingChangesNoAnswer(_ seed: UInt64) async throws {
    var random = RandomSource(seed: seed)
    let disk = CrashingFileSystem()
    let tenants = ["a", "b"].compactMap { TenantID($0) }
    var store = try await open(disk, share: 0)
    for part in 0..<12 {
      for _ in 0..<30 {
        let service = "service-\(Int.random(in: 0..<5, using: &random))"
        let trace = UInt64.random(in: 0..<60, using: &random)
        // Few ids and starts, so that exact duplicates come about.
        let id = UInt64.random(in: 1..<8, using: &random)
        let request = RequestFixtures.request(
          service: service,
          [
            RequestFixtures.span(
              trace: TraceID(high: trace, low: 1), id: id, name: "\(service)-\(id)",
              start: Int64(id) * 1000)
          ])
        let tenant = tenants.randomElement(using: &random) ?? .single
        try await store.append(tenant: tenant, try SpanBatch(request))
      }
      if part < 11 { try await store.flush() }
    }
    try await store.flush()
    let before = try tenants.map { try answers(store, $0) }
    #expect(store.statistics.segmentCount == 12)
    let rows = store.statistics.segmentRowCount
    await store.close()

    store = try await open(disk, share: 1)
    #expect(try await becomes { store.statistics.segmentCount == 1 })
    #expect(store.statistics.segmentRowCount < rows, "exact duplicates are gone")
    #expect(try tenants.map { try answers(store, $0) } == before)
    await store.close()
    store = try await open(disk, share: 0)
    #expect(try tenants.map { try answers(store, $0) } == before)
    await store.close()
  }
}

import Foundation
import LinuxIO
import Storage
import TelemetryModel
import TestSupport
import Testing
import TraceFormats

@testable import SpanStore

@Suite struct SpanStoreTests {
  /// A folder of its own for one test, removed by the body's end.
  private func withStore(
    compacts: Bool = false, _ body: (SpanStore, StorageConfiguration) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    var configuration = StorageConfiguration(
      name: "spans", folder: folder.path(percentEncoded: false), kind: .spans)
    configuration.compactionShare = compacts ? 1 : 0
    configuration.compactionInterval = .milliseconds(5)
    let store = try await open(configuration)
    try await body(store, configuration)
    await store.close()
  }

  private func open(_ configuration: StorageConfiguration) async throws -> SpanStore {
    try await SpanStore.open(configuration, fileSystem: RealFileSystem(), clock: SystemClock())
  }

  private func names(_ trace: [ResourceSpans]) -> [String] {
    trace.flatMap { $0.scopes.flatMap(\.spans) }.map(\.name).sorted()
  }

  private func batch(
    _ service: String, _ trace: UInt64, _ id: UInt64, _ start: Int64
  ) throws -> SpanBatch {
    try SpanBatch(
      RequestFixtures.request(
        service: service,
        [
          RequestFixtures.span(
            trace: TraceID(high: trace, low: 1), id: id, name: "\(service)-\(id)", start: start)
        ]))
  }

  @Test func tracesJoinOverHeadAndSegmentsAndReopening() async throws {
    try await withStore { store, configuration in
      let id = TraceID(high: 7, low: 1)
      try await store.append(tenant: .single, batch("a", 7, 1, 100))
      try await store.append(tenant: .single, batch("b", 8, 1, 200))
      try await store.flush()
      try await store.append(tenant: .single, batch("b", 7, 2, 300))
      // The same span again, in the head this time: answered once.
      try await store.append(tenant: .single, batch("a", 7, 1, 100))
      #expect(names(try store.trace(id, tenant: .single)) == ["a-1", "b-2"])
      #expect(try store.trace(TraceID(high: 9, low: 1), tenant: .single).isEmpty)
      #expect(try store.services(tenant: .single) == ["a", "b"])
      await store.close()
      let again = try await open(configuration)
      #expect(names(try again.trace(id, tenant: .single)) == ["a-1", "b-2"])
      #expect(
        try again.operations(tenant: .single, service: "b")
          == [SpanOperation(name: "b-1", kind: .server), SpanOperation(name: "b-2", kind: .server)])
      await again.close()
    }
  }

  @Test func tenantsDoNotSeeOneAnother() async throws {
    try await withStore { store, _ in
      let other = try #require(TenantID("other"))
      try await store.append(tenant: other, batch("a", 7, 1, 100))
      for _ in 0..<2 {
        #expect(try store.trace(TraceID(high: 7, low: 1), tenant: .single).isEmpty)
        #expect(try store.services(tenant: .single).isEmpty)
        #expect(try store.search(SpanSearch(tenant: .single, limit: 10)).isEmpty)
        #expect(try store.search(SpanSearch(tenant: other, limit: 10)).count == 1)
        try await store.flush()
      }
    }
  }

  /// What comes back, from the head and from a segment, against what was sent.
  @Test func everySpanComesBackToTheByte() async throws {
    var random = RandomSource(seed: 7)
    try await withStore { store, _ in
      var sent: [TraceID: Set<[UInt8]>] = [:]
      for _ in 0..<30 {
        let spans = (0..<Int.random(in: 1...60, using: &random)).map { _ in
          RandomSpan.make(&random)
        }
        let batch = try SpanBatch(RequestFixtures.request(service: "svc", spans.map(\.message)))
        #expect(batch.spanCount == spans.count)
        for span in spans { sent[span.trace, default: []].insert(span.message) }
        try await store.append(tenant: .single, batch)
      }
      for _ in 0..<2 {
        for (trace, messages) in sent {
          let back = try SpanBatch(store.request(of: trace, tenant: .single))
          #expect(Set(back.rows.map { Array(back.request[$0.message]) }) == messages)
        }
        try await store.flush()
      }
    }
  }

  @Test func mergedSegmentsHoldTheSameSpansOnce() async throws {
    var random = RandomSource(seed: 19)
    try await withStore(compacts: true) { store, _ in
      var sent: [TraceID: Set<[UInt8]>] = [:]
      var last: SpanBatch?
      for round in 0..<9 {
        let spans = (0..<40).map { _ in RandomSpan.make(&random) }
        let batch = try SpanBatch(
          RequestFixtures.request(service: "svc\(round % 2)", spans.map(\.message)))
        for span in spans { sent[span.trace, default: []].insert(span.message) }
        try await store.append(tenant: .single, batch)
        // The same batch again, in another segment: merged, it is there once.
        if let last, round % 3 == 0 { try await store.append(tenant: .single, last) }
        last = batch
        try await store.flush()
      }
      let rows = store.statistics.segmentRowCount
      #expect(try await becomes { store.statistics.segmentCount <= 2 })
      #expect(store.statistics.segmentRowCount < max(rows, 441))
      #expect(try store.services(tenant: .single) == ["svc0", "svc1"])
      for (trace, messages) in sent {
        let back = try SpanBatch(store.request(of: trace, tenant: .single))
        #expect(Set(back.rows.map { Array(back.request[$0.message]) }) == messages)
      }
    }
  }

  /// Conditions on the head and on columns against the naive reading of each span.
  @Test func conditionsAgreeWithWhatIsReadWhole() async throws {
    var random = RandomSource(seed: 11)
    try await withStore { store, _ in
      var all: [ResourceSpans] = []
      for batch in 0..<12 {
        let spans = (0..<25).map { _ in RandomSpan.make(&random).message }
        let request = RequestFixtures.request(service: "svc\(batch % 3)", spans)
        all += try OTLPTraceProtobuf.decode(request)
        try await store.append(tenant: .single, try SpanBatch(request))
        if batch == 5 { try await store.flush() }
      }
      for round in 0..<150 {
        let condition = RandomSpan.condition(&random)
        var search = SpanSearch(tenant: .single, limit: 1_000)
        search.conditions = [condition]
        if round % 3 == 0 {
          search.conditions.append(SpanCondition(.statusCode, .holds { $0 != .int(2) }))
        }
        var wanted: Set<TraceID> = []
        all.forEachSpan { span, scope, resource in
          if search.conditions.allSatisfy({ $0.holds(span, resource, scope) }) {
            wanted.insert(span.traceID)
          }
        }
        #expect(Set(try store.search(search)) == wanted, "\(condition.subject)")
        if round == 75 { try await store.flush() }
      }
    }
  }

  /// Random spans in random batches, flushes between; searches against a plain list.
  @Test func searchesAgreeWithAPlainList() async throws {
    struct Known {
      var trace: TraceID
      var service: String
      var name: String
      var start: Int64
      var length: Int64
    }
    var random = RandomSource(seed: 42)
    try await withStore { store, _ in
      var known: [Known] = []
      for batch in 0..<40 {
        let service = "svc\(Int.random(in: 0..<4, using: &random))"
        var spans: [[UInt8]] = []
        for _ in 0..<Int.random(in: 1...30, using: &random) {
          let one = Known(
            trace: TraceID(high: UInt64.random(in: 1...60, using: &random), low: 1),
            service: service, name: "op\(Int.random(in: 0..<5, using: &random))",
            start: Int64.random(in: 0..<1_000_000, using: &random),
            length: Int64.random(in: 0..<1000, using: &random))
          known.append(one)
          spans.append(
            RequestFixtures.span(
              trace: one.trace, id: UInt64(known.count), name: one.name, start: one.start,
              length: one.length))
        }
        try await store.append(
          tenant: .single, try SpanBatch(RequestFixtures.request(service: service, spans)))
        if batch % 11 == 10 { try await store.flush() }
      }
      for _ in 0..<200 {
        var search = SpanSearch(tenant: .single, limit: Int.random(in: 1...20, using: &random))
        if Bool.random(using: &random) {
          search.service = "svc\(Int.random(in: 0..<5, using: &random))"
        }
        if Bool.random(using: &random) {
          search.operation = "op\(Int.random(in: 0..<6, using: &random))"
        }
        if Bool.random(using: &random) {
          let low = Int64.random(in: 0..<900_000, using: &random)
          search.start = Timestamp(nanoseconds: low)..<Timestamp(nanoseconds: low + 200_000)
        }
        if Bool.random(using: &random) { search.minDuration = TimeSpan(nanoseconds: 400) }
        if Bool.random(using: &random) { search.maxDuration = TimeSpan(nanoseconds: 700) }
        if Bool.random(using: &random) {
          search.matches = { span, _, _ in span.spanID.value % 2 == 0 }
        }
        var newest: [TraceID: Int64] = [:]
        for (index, one) in known.enumerated() {
          if let service = search.service, service != one.service { continue }
          if let name = search.operation, name != one.name { continue }
          if let range = search.start, !range.contains(Timestamp(nanoseconds: one.start)) {
            continue
          }
          if let least = search.minDuration, one.length < least.nanoseconds { continue }
          if let most = search.maxDuration, one.length > most.nanoseconds { continue }
          if search.matches != nil, (index + 1) % 2 != 0 { continue }
          newest[one.trace] = max(newest[one.trace] ?? .min, one.start)
        }
        let wanted = newest.sorted { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }
          .prefix(search.limit).map(\.key)
        #expect(try store.search(search) == wanted)
      }
    }
  }
}

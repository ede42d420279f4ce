import LinuxIO
import Storage
import TelemetryModel
import TestSupport
import Testing
import TraceFormats

@testable import SpanStore

@Suite struct DependenciesTests {
  private func open(_ disk: any FileSystem, share: Double = 0) async throws -> SpanStore {
    var storage = StorageConfiguration(name: "spans", folder: "data", kind: .spans)
    storage.freeBytesMin = 0
    storage.compactionShare = share
    storage.compactionInterval = .milliseconds(3)
    return try await SpanStore.open(storage, fileSystem: disk, clock: SystemClock())
  }

  /// Who called whom in three spans, worked out by hand.
  @Test func callsFollowBothRules() async throws {
    var root = span(1, 1, at: 1000, kind: .server)
    root.end = root.start + .milliseconds(100)
    var client = span(1, 2, parent: 1, at: 1010, kind: .client)
    client.attributes = [Attribute("service.peer.name", .string("Back"))]
    var server = span(1, 3, parent: 2, at: 1011, kind: .server)
    server.status.code = SpanStatus.error
    let store = try await open(CrashingFileSystem())
    try await append([batch("Front", [root, client]), batch("Back", [server])], to: store)
    for _ in 0..<2 {
      #expect(
        try links(store, .zipkin)
          == [DependencyLink(parent: "front", child: "back", callCount: 1, errorCount: 1)])
      #expect(
        try links(store, .jaeger) == [
          DependencyLink(parent: "Front", child: "Back", callCount: 1),
          DependencyLink(parent: "Front", child: "Front", callCount: 1),
        ])
      // The root ends at 1,100 ms.
      #expect(try links(store, .jaeger, to: 1_099).isEmpty)
      #expect(try links(store, .zipkin, to: 999).isEmpty)
      #expect(try links(store, .zipkin, from: 1_001).isEmpty)
      try await store.flush()
    }
    await store.close()
  }

  private func links(
    _ store: SpanStore, _ rule: DependencyRule, from start: Int64 = 0, to end: Int64 = 5_000,
    tenant: TenantID = .single
  ) throws -> [DependencyLink] {
    try store.dependencies(
      rule, from: .zero + .milliseconds(start), to: .zero + .milliseconds(end), tenant: tenant)
  }

  /// Traces over many segments and the head, spans sent twice, every kind, name and shape: the
  /// same as counted on the traces read whole, before and after a merge and from what is kept.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func callsOnColumnsAreThoseOfWholeTraces(_ seed: UInt64) async throws {
    var random = RandomSource(seed: seed)
    let disk = CrashingFileSystem()
    let tenants = ["a", "b"].compactMap { TenantID($0) }
    var sent: [TenantID: [ResourceSpans]] = [:]
    var store = try await open(disk)
    var moment: Int64 = 0
    for round in 0..<8 {
      for tenant in tenants {
        let batches = (0..<6).map { _ in randomBatch(&random, &moment) }
        sent[tenant, default: []] += batches
        try await append(batches, to: store, tenant)
      }
      if round == 1 { try await resend(&random, sent, to: store) }
      if round < 7 { try await store.flush() }
      if round == 4 { try compare(store, sent, &random) }
    }
    try await resend(&random, sent, to: store)
    try compare(store, sent, &random)
    try await store.flush()
    try compare(store, sent, &random)
    try compareColumns(store)
    await store.close()
    store = try await open(disk, share: 1)
    #expect(try await becomes { store.statistics.segmentCount == 1 })
    try compare(store, sent, &random)
    try compareColumns(store)
    await store.close()
  }

  /// Some batches come again, as clients send them that were not answered.
  private func resend(
    _ random: inout RandomSource, _ sent: [TenantID: [ResourceSpans]], to store: SpanStore
  ) async throws {
    for (tenant, batches) in sent.sorted(by: { $0.key < $1.key }) {
      try await append(
        batches.filter { _ in Bool.random(using: &random) }, to: store, tenant)
    }
  }

  /// What is written beside the rows is what the rows tell.
  private func compareColumns(_ store: SpanStore) throws {
    func calls(_ found: TraceCallsBuilder) -> [String] {
      found.calls.map { number in
        let call = found.kinds[Int(number)]
        let names = [call.parent, call.child].map { found.names.names[Int($0)] }
        return "\(names) \(call.isError)"
      }
    }
    for segment in store.engine.snapshot().segments {
      for tenant in ["a", "b"].compactMap({ TenantID($0) }) {
        guard let index = store.index(of: segment, tenant: tenant) else { continue }
        for (entry, rule) in index.blocks.flatMap({ [($0, DependencyRule.jaeger), ($0, .zipkin)] })
        {
          let names = CallNames()
          var (told, found) = (TraceCallsBuilder(rule, names), TraceCallsBuilder(rule, names))
          let block = try #require(store.part(segment, index).block(entry))
          try #require(try CallColumn(block, rule)).add(to: &told)
          let table = CallPartyTable(names) { index.resources[$0] }
          try BlockCalls(block, rule, table).forEachTrace { found.add($0, $1[...]) }
          #expect(told.traces == found.traces)
          #expect(told.extents == found.extents)
          #expect(told.ends == found.ends)
          #expect(told.twins == found.twins)
          #expect(calls(told) == calls(found))
        }
      }
    }
  }

  private func compare(
    _ store: SpanStore, _ sent: [TenantID: [ResourceSpans]], _ random: inout RandomSource
  ) throws {
    for (tenant, batches) in sent {
      for rule in [DependencyRule.jaeger, .zipkin] {
        var ranges: [(Int64, Int64)] = [(0, 4_000), (0, 4_000)]
        for _ in 0..<6 {
          let start = Int64.random(in: 0..<1_000, using: &random)
          ranges.append((start, start + Int64.random(in: 0..<1_500, using: &random)))
        }
        for (start, end) in ranges {
          let wanted = PlainDependencies.links(
            rule, of: batches, from: .zero + .milliseconds(start), to: .zero + .milliseconds(end))
          let found = try links(store, rule, from: start, to: end, tenant: tenant)
          #expect(found == wanted, "\(rule) \(start) \(end)")
          if end - start == 4_000 { #expect(wanted.count > 9, "the data has calls") }
        }
      }
    }
  }

  private func append(
    _ batches: [ResourceSpans], to store: SpanStore, _ tenant: TenantID = .single
  ) async throws {
    guard !batches.isEmpty else { return }
    try await store.append(
      tenant: tenant, try SpanBatch(OTLPTraceProtobuf.encode(batches)))
  }

  // MARK: data

  private func span(
    _ trace: UInt64, _ id: UInt64, parent: UInt64 = 0, at start: Int64, kind: SpanKind
  ) -> Span {
    var span = Span()
    span.traceID = TraceID(high: 0, low: trace)
    span.spanID = SpanID(id)
    span.parentSpanID = SpanID(parent)
    span.kind = kind
    span.start = .zero + .milliseconds(start)
    span.end = span.start + .milliseconds(1)
    return span
  }

  private static let services: [AttributeValue?] = [
    .string("shop"), .string("Shop"), .string("stock"), .string(""), .int(5), nil,
  ]
  private static let peers: [AttributeValue] = [
    .string("stock"), .string("Queue"), .string(""), .int(7), .array([.string("x")]), .empty,
  ]

  /// `moment` makes the start of each span its own, so that their order is told.
  private func randomBatch(_ random: inout RandomSource, _ moment: inout Int64) -> ResourceSpans {
    var batch = ResourceSpans()
    if let service = Self.services.randomElement(using: &random) ?? nil {
      batch.resource.attributes = [Attribute("service.name", service)]
    }
    if Int.random(in: 0..<6, using: &random) == 0 {
      batch.resource.attributes.append(Attribute("service.peer.name", .string("inherited")))
    }
    if Int.random(in: 0..<6, using: &random) == 0 {
      batch.resource.attributes.append(Attribute("faas.name", .string("Function")))
    }
    var group = ScopeSpans()
    for _ in 0..<Int.random(in: 1...12, using: &random) {
      group.spans.append(randomSpan(&random, &moment))
    }
    batch.scopes = [group]
    return batch
  }

  private func randomSpan(_ random: inout RandomSource, _ moment: inout Int64) -> Span {
    moment += 1
    var span = Span()
    let trace = UInt64.random(in: 0..<40, using: &random)
    span.traceID = TraceID(high: trace % 3, low: trace + 1)
    // Few ids, so that spans share them and parents go round in circles.
    span.spanID = SpanID(UInt64.random(in: 1...9, using: &random))
    span.parentSpanID = SpanID(UInt64.random(in: 0...11, using: &random))
    span.kind = SpanKind(rawValue: Int32.random(in: -1...6, using: &random))
    span.status.code = Int32.random(in: 0...2, using: &random)
    // Times of a trace lie near one another, so that ranges hold whole traces.
    let near = Int64(trace) * 40_000_000 + Int64.random(in: 0..<90, using: &random) * 1_000_000
    span.start = Timestamp(nanoseconds: near + moment)
    span.end = span.start + TimeSpan(nanoseconds: Int64.random(in: -5...30_000_000, using: &random))
    if Int.random(in: 0..<40, using: &random) == 0 {
      // Not told apart by its start, so it gets an id that no other span has.
      span.start = .zero
      span.spanID = SpanID(100 + UInt64(moment))
    }
    for key in ["service.peer.name", "peer.service", "peer.service", "other"] {
      guard Int.random(in: 0..<4, using: &random) == 0,
        let value = Self.peers.randomElement(using: &random)
      else { continue }
      span.attributes.append(Attribute(key, value))
    }
    return span
  }
}

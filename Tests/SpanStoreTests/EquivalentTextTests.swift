import Foundation
import LinuxIO
import Storage
import TelemetryModel
import TestSupport
import Testing
import TraceFormats

@testable import SpanStore

/// Names and attributes of spans that are equivalent to Unicode and other bytes: against a model
/// that knows bytes alone, in the head, flushed and merged.
@Suite struct EquivalentTextTests {
  private struct Row {
    var service: String
    var peer: String
    var name: String
    var value: String
    var trace: TraceID
  }

  private static func ordered(_ texts: [String]) -> [[UInt8]] {
    Set(texts.map { Array($0.utf8) }).sorted { $0.lexicographicallyPrecedes($1) }
  }

  private static func append(_ row: Row, _ place: Int, to store: SpanStore) async throws {
    func span(_ id: UInt64, _ parent: UInt64, _ kind: SpanKind) -> Span {
      var span = Span()
      span.traceID = row.trace
      span.spanID = SpanID(id)
      span.parentSpanID = SpanID(parent)
      span.name = row.name
      span.kind = kind
      span.start = Timestamp(seconds: Int64(100 + place))
      span.end = span.start + .milliseconds(1)
      span.attributes = [Attribute("k", .string(row.value)), Attribute(row.value, .bool(true))]
      return span
    }
    let request = [
      batch(row.service, [span(1, 0, .client)]), batch(row.peer, [span(2, 1, .server)]),
    ]
    try await store.append(
      tenant: .single, try SpanBatch(OTLPTraceProtobuf.encode(request)))
  }

  private static func check(_ rows: [Row], _ store: SpanStore) throws {
    let services = try store.services(tenant: .single)
    #expect(services.map { Array($0.utf8) } == ordered(rows.flatMap { [$0.service, $0.peer] }))
    func found(_ make: (inout SpanSearch) -> Void) throws -> Set<TraceID> {
      var search = SpanSearch(tenant: .single, limit: 1000)
      make(&search)
      return Set(try store.search(search))
    }
    func expected(_ isIn: (Row) -> Bool) -> Set<TraceID> {
      Set(rows.filter(isIn).map(\.trace))
    }
    for text in services {
      func isText(_ other: String) -> Bool { Array(other.utf8) == Array(text.utf8) }
      #expect(
        try store.operations(tenant: .single, service: text).map { Array($0.name.utf8) }
          == ordered(rows.filter { isText($0.service) || isText($0.peer) }.map(\.name)).flatMap {
            name in
            // One operation for each kind that the service's spans of the name have.
            let named = rows.filter { Array($0.name.utf8) == name }
            return Array(
              repeating: name,
              count: (named.contains { isText($0.service) } ? 1 : 0)
                + (named.contains { isText($0.peer) } ? 1 : 0))
          })
      #expect(
        try found { $0.service = text } == expected { isText($0.service) || isText($0.peer) })
      #expect(try found { $0.operation = text } == expected { isText($0.name) })
      #expect(
        try found {
          $0.conditions = [SpanCondition(.attribute("k", .span), .text(text))]
        } == expected { isText($0.value) })
      #expect(
        try found {
          $0.conditions = [SpanCondition(.attribute(text, .span), .holds { _ in true })]
        } == expected { isText($0.value) })
    }
    var calls: [[[UInt8]]: Int] = [:]
    for row in rows where Array(row.service.utf8) != Array(row.peer.utf8) {
      calls[[Array(row.service.utf8), Array(row.peer.utf8)], default: 0] += 1
    }
    let links = try store.dependencies(
      .jaeger, from: .zero, to: Timestamp(seconds: 1 << 30), tenant: .single)
    var linked: [[[UInt8]]: Int] = [:]
    for link in links where Array(link.parent.utf8) != Array(link.child.utf8) {
      linked[[Array(link.parent.utf8), Array(link.child.utf8)], default: 0] += link.callCount
    }
    #expect(linked == calls)
  }

  @Test func differingBytesStayApart() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    var configuration = StorageConfiguration(
      name: "spans", folder: folder.path(percentEncoded: false), kind: .spans)
    configuration.freeBytesMin = 0
    configuration.compactionShare = 1
    configuration.compactionInterval = .milliseconds(5)
    let store = try await SpanStore.open(
      configuration, fileSystem: RealFileSystem(), clock: SystemClock())
    var numbers = RandomSource(seed: 11)
    var rows: [Row] = []
    let roundCount = 9
    for _ in 0..<roundCount {
      for _ in 0..<14 {
        let row = Row(
          service: EquivalentTexts.random(&numbers), peer: EquivalentTexts.random(&numbers),
          name: EquivalentTexts.random(&numbers), value: EquivalentTexts.random(&numbers),
          trace: TraceID(high: 5, low: UInt64(rows.count + 1)))
        try await Self.append(row, rows.count, to: store)
        rows.append(row)
      }
      try Self.check(rows, store)
      try await store.flush()
      try Self.check(rows, store)
    }
    #expect(try await becomes { store.statistics.segmentCount < roundCount })
    try Self.check(rows, store)
    await store.close()
  }
}

import TelemetryModel
import TestSupport
import Testing
import TraceFormats

@testable import SpanStore

@Suite struct SpanBatchTests {
  private func sample(_ count: Int) -> [UInt8] {
    var spans: [[UInt8]] = []
    for index in 0..<count {
      let trace = TraceID(high: UInt64(index % 7), low: 1)
      spans.append(
        RequestFixtures.span(
          trace: trace, id: UInt64(index + 1), name: "op\(index % 3)", start: Int64(index * 10),
          status: Int32(index % 3)))
    }
    return RequestFixtures.request(service: "shop", spans)
  }

  @Test func rowsSayWhatTheMessagesSay() throws {
    let batch = try SpanBatch(sample(20))
    #expect(batch.spanCount == 20)
    #expect(batch.rows.map(\.start) == (0..<20).map { Int64($0 * 10) })
    #expect(batch.rows[3].end == 1030)
    #expect(batch.rows[5].span == 6)
    #expect(batch.rows[8].trace == TraceID(high: 1, low: 1))
    #expect(batch.rows[2].status == 2)
    #expect(batch.rows.allSatisfy { $0.kind == 2 })
    #expect(batch.tables.names.string(batch.tables.service(of: batch.rows[0])) == "shop")
    #expect(batch.tables.names.string(batch.rows[4].name) == "op1")
    #expect(batch.tables.operations.count == 3)
  }

  @Test func requestsComeBackToTheByte() throws {
    let batch = try SpanBatch(sample(5))
    var writer = SpanRequestWriter()
    for index in [0, 1, 2, 3, 4, 2] {
      let row = batch.rows[index]
      writer.add(
        Array(batch.request[row.message]), batch.tables.resources.array(row.resource),
        batch.tables.scopes.array(row.scope))
    }
    let again = try SpanBatch(writer.encode())
    #expect(again.spanCount == 5, "an exact duplicate is kept once")
    #expect(
      again.rows.map { Array(again.request[$0.message]) }
        == batch.rows.map { Array(batch.request[$0.message]) })
    #expect(again.tables.resources.array(0) == batch.tables.resources.array(0))
    #expect(again.tables.scopes.array(0) == batch.tables.scopes.array(0))
  }

  @Test func spansWithoutIDsAreNotInTheRequestEither() throws {
    let trace = TraceID(high: 3, low: 1)
    let spans = [
      RequestFixtures.span(trace: trace, id: 1, name: "kept", start: 5),
      RequestFixtures.span(trace: trace, id: 0, name: "no id of its own", start: 6),
      RequestFixtures.span(trace: TraceID(high: 0, low: 0), id: 2, name: "no trace", start: 7),
      RequestFixtures.span(trace: trace, id: 4, name: "kept too", start: 8),
      // Equal in every byte: it is the store's to say that these are one.
      RequestFixtures.span(trace: trace, id: 1, name: "kept", start: 5),
    ]
    let batch = try SpanBatch(RequestFixtures.request(service: "shop", spans))
    #expect(batch.rejectedCount == 2)
    #expect(batch.rows.map(\.start) == [5, 8, 5])
    #expect(batch.rows.map { Array(batch.request[$0.message]) } == [spans[0], spans[3], spans[4]])
    #expect(
      try OTLPTraceProtobuf.decode(batch.request)
        == OTLPTraceProtobuf.decode(
          RequestFixtures.request(service: "shop", [spans[0], spans[3], spans[4]])))
    let none = try SpanBatch(RequestFixtures.request(service: "shop", [spans[1]]))
    #expect(none.rejectedCount == 1 && none.spanCount == 0 && none.request.isEmpty)
  }

  @Test func everyTruncationIsRefusedWhole() throws {
    let request = sample(3)
    for count in 1..<request.count {
      #expect(throws: TraceFormatError.self) { try SpanBatch(Array(request.prefix(count))) }
    }
    #expect(try SpanBatch([]).spanCount == 0)
  }

  @Test func spansWithoutIDsAreLeftOutAndCounted() throws {
    let trace = TraceID(high: 1, low: 1)
    let batch = try SpanBatch(
      RequestFixtures.request(
        service: "shop",
        [
          RequestFixtures.span(trace: trace, id: 0, name: "a", start: 1),
          RequestFixtures.span(trace: trace, id: 5, name: "b", start: 1),
          RequestFixtures.span(trace: TraceID(high: 0, low: 0), id: 5, name: "c", start: 1),
        ]))
    #expect(batch.rejectedCount == 2)
    #expect(batch.rows.map(\.span) == [5])
  }

  /// Bodies with a byte changed are taken or refused exactly as the decoder of whole spans does.
  @Test func damageIsFoundAsTheDecoderFindsIt() throws {
    var random = RandomSource(seed: 3)
    for _ in 0..<60 {
      let spans = (0..<3).map { _ in RandomSpan.make(&random).message }
      let request = RequestFixtures.request(service: "svc", spans)
      for _ in 0..<80 {
        var changed = request
        let at = Int(random.next() % UInt64(request.count))
        changed[at] = UInt8(truncatingIfNeeded: random.next())
        let tree = try? OTLPTraceProtobuf.decode(changed)
        let batch = try? SpanBatch(changed)
        #expect((tree == nil) == (batch == nil), "\(changed)")
        guard let tree, let batch else { continue }
        #expect(tree.spanCount == batch.spanCount + batch.rejectedCount)
      }
    }
  }

  @Test func filtersNeverDenyWhatTheyHold() {
    var random = SystemRandomNumberGenerator()
    let held = (0..<5000).map { _ in TraceID(high: random.next(), low: random.next()) }
    let filter = TraceFilter(held)
    #expect(held.allSatisfy(filter.mayContain))
    let others = (0..<5000).map { _ in TraceID(high: random.next(), low: random.next()) }
    #expect(others.count(where: filter.mayContain) < 250)
  }
}

import TelemetryModel
import Testing

@testable import SpanStore

@Suite struct SpanRowsTests {
  private func rows(_ request: [UInt8]) throws -> (SpanRows, SpanDictionary) {
    var dictionary = SpanDictionary()
    var rows = SpanRows()
    try SpanRequestReader.read(request.span.bytes, into: &dictionary, rows: &rows)
    return (rows, dictionary)
  }

  private func sample(_ count: Int) -> [UInt8] {
    var spans: [[UInt8]] = []
    for index in 0..<count {
      let trace = TraceID(high: UInt64(index % 7), low: 1)
      spans.append(
        RequestFixtures.span(
          trace: trace, id: UInt64(index), name: "op\(index % 3)", start: Int64(index * 10),
          status: Int32(index % 3)))
    }
    return RequestFixtures.request(service: "shop", spans)
  }

  @Test func columnsSayWhatTheMessagesSay() throws {
    let (rows, dictionary) = try rows(sample(20))
    #expect(rows.count == 20)
    #expect(rows.starts == (0..<20).map { Int64($0 * 10) })
    #expect(rows.ends[3] == 1030)
    #expect(rows.spans[5] == 5)
    #expect(rows.traces[8] == TraceID(high: 1, low: 1))
    #expect(rows.statuses[2] == 2)
    #expect(rows.kinds.allSatisfy { $0 == 2 })
    #expect(dictionary.strings[Int(rows.services[0])] == "shop")
    #expect(dictionary.strings[Int(rows.names[4])] == "op1")
  }

  @Test func requestsComeBackToTheByte() throws {
    let request = RequestFixtures.request(
      service: "shop",
      [
        RequestFixtures.span(trace: TraceID(high: 1, low: 2), id: 3, name: "a", start: 4),
        RequestFixtures.span(trace: TraceID(high: 1, low: 2), id: 4, name: "b", start: 5),
      ])
    let (rows, dictionary) = try rows(request)
    var writer = SpanRequestWriter()
    var added = 0
    for row in [0, 1, 0] where writer.add(row, of: rows, dictionary) { added += 1 }
    #expect(added == 2, "an exact duplicate is kept once")
    // The resource's fields come before its spans whatever their order was.
    let (again, _) = try self.rows(writer.encode())
    #expect(again.messages == rows.messages)
    #expect(again.traces == rows.traces)
    var second = SpanRequestWriter()
    let (r, d) = try self.rows(writer.encode())
    for row in 0..<r.count { second.add(row, of: r, d) }
    #expect(second.encode() == writer.encode())
  }

  @Test func everyTruncationIsRefusedWhole() throws {
    let request = sample(3)
    for count in 1..<request.count {
      let cut = Array(request.prefix(count))
      #expect(throws: SpanStoreError.self) { try rows(cut) }
    }
    let nothing = try rows([]).0.count
    #expect(nothing == 0)
  }

  @Test func blocksComeBack() throws {
    let (rows, dictionary) = try rows(sample(500))
    let built = SpanSegmentBuilder.build([rows], dictionary)
    #expect(built.count == 1)
    let back = try SpanBlock.decode(built[0].bytes, dictionary)
    #expect(back.count == 500)
    let keys = (0..<500).map { (back.traces[$0], back.starts[$0]) }
    #expect(
      zip(keys, keys.dropFirst()).allSatisfy { $0.0 < $1.0 || ($0.0 == $1.0 && $0.1 <= $1.1) })
    let before = Set((0..<500).map { Array(rows.message($0)) })
    #expect(Set((0..<500).map { Array(back.message($0)) }) == before)
    #expect(built[0].entry.starts == 0...4990)
  }

  @Test func damagedBlocksAreErrorsAndNothingElse() throws {
    let (rows, dictionary) = try rows(sample(40))
    let bytes = SpanSegmentBuilder.build([rows], dictionary)[0].bytes
    for index in bytes.indices {
      for bit in [UInt8(1), 0x80] {
        var damaged = bytes
        damaged[index] ^= bit
        // Checksums are the page's business; here nothing may trap.
        _ = try? SpanBlock.decode(damaged, dictionary)
      }
      #expect(throws: SpanStoreError.self) {
        try SpanBlock.decode(Array(bytes.prefix(index)), dictionary)
      }
    }
    #expect(throws: SpanStoreError.self) { try SpanBlock.decode(bytes, SpanDictionary()) }
  }

  @Test func indexesComeBack() throws {
    let (rows, dictionary) = try rows(sample(100))
    let built = SpanSegmentBuilder.build([rows], dictionary)
    let index = SpanIndex(
      tenant: .single, dictionary: dictionary, blocks: built.map(\.entry),
      operations: [rows.services[0]: [SpanOperation(name: "op1", kind: .server)]])
    let bytes = SpanIndex.encode([index])
    let back = try #require(try SpanIndex.decode(bytes).first)
    #expect(back.dictionary.strings == dictionary.strings)
    #expect(back.dictionary.resources == dictionary.resources)
    #expect(back.operations == index.operations)
    #expect(back.blocks(of: TraceID(high: 3, low: 1)).count == 1)
    #expect(back.blocks(of: TraceID(high: 3, low: 2)).isEmpty)
    for count in bytes.indices {
      #expect(throws: SpanStoreError.self) { try SpanIndex.decode(Array(bytes.prefix(count))) }
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

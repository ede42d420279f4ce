import Synchronization
import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import LogStore

@Suite struct StreamMergeTests {
  @Test func aStreamIsFoundInABlock() {
    var random = RandomSource(seed: 8)
    for count in [0, 1, 2, 3, 40] {
      let streams = Set((0..<count).map { _ in UInt32.random(in: 0..<60, using: &random) }).sorted()
      let runs = streams.map {
        BlockEntry.Run(stream: $0, rowCount: 1, oldest: .zero, newest: .zero)
      }
      let entry = BlockEntry(page: 0, lineByteCount: 0, runs: runs)
      for stream in 0..<60 {
        #expect(entry.place(of: stream) == streams.firstIndex { Int($0) == stream })
      }
    }
  }

  /// A stream with two runs in a block would be found with one of them.
  @Test func anIndexWithAStreamTwiceInABlockIsRefused() throws {
    let table = StreamTable()
    let streams = ["a", "b"].map {
      table.reference(StreamKey(tenant: .single, labels: ["app": $0]))
    }
    func decoded(_ places: [UInt32]) throws -> SegmentIndex {
      let runs = places.map {
        BlockEntry.Run(stream: $0, rowCount: 1, oldest: .zero, newest: .zero)
      }
      let index = SegmentIndex(
        streams: streams, blocks: [BlockEntry(page: 0, lineByteCount: 1, runs: runs)])
      return try SegmentIndex.decode(index.encode(), table)
    }
    #expect(try decoded([0, 1]).blocks[0].runs.count == 2)
    let error = #expect(throws: LogStoreError.self) { try decoded([1, 1]) }
    #expect(error?.code == .corrupt)
  }

  /// Blocks whose rows are all past retention are not read for a merge.
  @Test func blocksThatAreTooOldAreNotRead() throws {
    var random = RandomSource(seed: 4)
    var rows = StreamRows(labels: ["app": "api"])
    for row in 1...4 as ClosedRange<Int64> {
      // Two of them are too many for a block.
      let words = (0..<150_000).map { _ in random.next() }
      let line = words.withUnsafeBytes { Array($0) }
      rows.append(LogEntry(timestamp: Timestamp(seconds: row), line: line))
    }
    let table = StreamTable()
    let head = LogHead(table: table)
    head.append([rows], tenant: .single)
    let segment = try MemoryPages.segment(of: head, table: table)
    let pages = try #require(segment.pages as? MemoryPages)
    let blocks = segment.index.blocks
    #expect(blocks.count == 4)
    for oldest in 1...5 {
      pages.readWhole.withLock { $0 = [] }
      let source = SegmentRowSource(segment, deletes: .none, skipsDamage: false)
      let limit = Timestamp(seconds: Int64(oldest))
      source.begin(segment.index.streams[0], notBefore: limit)
      var taken = StreamRows(labels: rows.labels)
      var times: [Timestamp?] = []
      while let time = source.time {
        times.append(time)
        if source.isWaiting { try source.fill() } else { source.take(through: time, into: &taken) }
      }
      #expect(taken.timestamps == rows.timestamps.filter { $0 >= limit })
      #expect(times == taken.timestamps.flatMap { [$0, $0] }, "known before it is read")
      let read = pages.readWhole.withLock { $0 }
      #expect(
        read.filter { $0 != segment.index.columnsPage } == blocks[(oldest - 1)...].map(\.page))
    }
  }
}

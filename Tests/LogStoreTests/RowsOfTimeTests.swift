import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import LogStore

/// Rows of one time are told apart, however many they are.
@Suite struct RowsOfTimeTests {
  /// The lines that a segment of these rows keeps, which all have one time, in order.
  private func kept(_ rows: StreamRows) throws -> (lines: [[UInt8]], duplicateCount: Int) {
    let pages = MemoryPages()
    var builder = SegmentBuilder()
    let writer: SegmentBuilder.PageWriter = { _, page in pages.append(page) }
    let batch = HeadBatch(rows)
    for row in 0..<batch.count { try builder.append(batch, row, 0, writer) }
    let table = StreamTable()
    let stream = table.reference(StreamKey(tenant: .single, labels: rows.labels))
    let index = try builder.finish([stream], writer)
    let segment = LogSegment(index: index, pages: pages)
    var lines: [[UInt8]] = []
    for entry in index.blocks {
      let loaded = try segment.block(entry).load()
      for row in 0..<entry.rowCount {
        var line: [UInt8] = []
        try loaded.appendLine(row, to: &line)
        for pair in try loaded.metadata(row) { line += Array(" \(pair.name)=\(pair.value)".utf8) }
        lines.append(line)
      }
    }
    return (lines, builder.duplicateCount)
  }

  /// Against a set, with lines and metadata of which many come again.
  @Test(arguments: [3, 16, 17, 18, 40, 700]) func onlyTheFirstOfEachIsKept(distinct: Int) throws {
    var random = RandomSource(seed: UInt64(distinct))
    var rows = StreamRows(labels: ["app": "api"])
    for _ in 0..<2000 {
      // Times that never fall: many rows of one, and now and then a few of another.
      let last = rows.timestamps.last?.nanoseconds ?? 0
      let time = last + (random.oneIn(900) ? 1 : 0)
      let number = Int.random(in: 0..<distinct, using: &random)
      let list = number.isMultiple(of: 3) ? [] : [Label("id", "\(number % 5)")]
      let text = "line \(number / 2)"
      rows.append(
        LogEntry(
          timestamp: Timestamp(nanoseconds: time), line: Array(text.utf8),
          structuredMetadata: list))
    }
    var expected: [[UInt8]] = []
    var seen: Set<[UInt8]> = []
    for row in 0..<rows.count {
      let entry = rows.entry(row)
      if row > 0, rows.timestamps[row] != rows.timestamps[row - 1] { seen = [] }
      var line = entry.line
      for pair in entry.structuredMetadata { line += Array(" \(pair.name)=\(pair.value)".utf8) }
      if seen.insert(line).inserted { expected.append(line) }
    }
    let found = try kept(rows)
    #expect(found.lines == expected)
    #expect(found.duplicateCount == rows.count - expected.count)
  }

  /// A block of rows of one time, all of one length: what compared each with all before it took
  /// minutes.
  @Test func manyRowsOfOneTimeCostNoMoreThanOthers() throws {
    func seconds(_ step: Int64) throws -> Duration {
      var rows = StreamRows(labels: ["app": "api"])
      for row in 0..<30_000 as Range<Int64> {
        rows.append(
          LogEntry(
            timestamp: Timestamp(nanoseconds: row * step), line: Array("line \(100_000 + row)".utf8)
          ))
      }
      let start = ContinuousClock.now
      #expect(try kept(rows).lines.count == rows.count)
      return ContinuousClock.now - start
    }
    let (spread, alike) = (try seconds(1), try seconds(0))
    // Far below minutes, and enough where this thread waits for a processor meanwhile.
    #expect(alike < spread * 10 + .seconds(20), "\(alike) instead of \(spread)")
  }
}

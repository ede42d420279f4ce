import TelemetryModel
import TestSupport
import Testing

@testable import LogStore

@Suite struct LogBlockTests {
  private static func rows(_ seed: UInt64) -> BlockRows {
    var numbers = RandomSource(seed: seed)
    var rows = BlockRows()
    var stream: UInt32 = 0
    for _ in 0..<Int.random(in: 1...4, using: &numbers) {
      stream += UInt32.random(in: 1...300, using: &numbers)
      let count = Int.random(in: 1...200, using: &numbers)
      rows.runs.append(BlockRows.Run(stream: stream, count: count))
      for _ in 0..<count {
        let wild = Int.random(in: 0..<50, using: &numbers) == 0
        rows.timestamps.append(
          Timestamp(
            nanoseconds: wild
              ? Int64.random(in: .min ... .max, using: &numbers)
              : 1_795_235_940_000_000_000 + Int64.random(in: 0...9999, using: &numbers) * 1_000_000)
        )
        let length = wild ? 70_000 : Int.random(in: 0...90, using: &numbers)
        for _ in 0..<length { rows.lineBytes.append(UInt8.random(in: 0...255, using: &numbers)) }
        rows.lineEnds.append(UInt32(rows.lineBytes.count))
      }
    }
    if Bool.random(using: &numbers) {
      rows.structuredMetadata = rows.timestamps.map { _ in
        (0..<Int.random(in: 0...2, using: &numbers)).map {
          Label("n\($0)", "\(Int.random(in: 0...3, using: &numbers))")
        }
      }
    }
    return rows
  }

  @Test(arguments: 0..<40)
  func whatIsWrittenIsRead(_ seed: UInt64) throws {
    let rows = Self.rows(seed)
    let block = try PlainBlock(PlainBlock.encode(rows))
    #expect(block.rowCount == rows.count)
    #expect(block.runs.map(\.stream) == rows.runs.map(\.stream))
    #expect(block.runs.map(\.count) == rows.runs.map(\.count))
    #expect(try block.timestamps() == rows.timestamps)
    let lines = try block.lines()
    #expect(lines.bytes == rows.lineBytes)
    #expect(lines.ends == rows.lineEnds)
    #expect(try block.structuredMetadata() == rows.structuredMetadata)
  }

  /// Pages are checksummed by the storage engine; without that, too, no byte may crash.
  @Test func noChangedByteCrashes() {
    var rows = Self.rows(3)
    rows.runs = [BlockRows.Run(stream: 0, count: 20)]
    rows.timestamps = Array(rows.timestamps.prefix(20))
    rows.lineEnds = Array(rows.lineEnds.prefix(20))
    rows.lineBytes = Array(rows.lineBytes.prefix(Int(rows.lineEnds[19])))
    rows.structuredMetadata = rows.timestamps.map { _ in [Label("a", "b")] }
    let page = PlainBlock.encode(rows)
    var numbers = RandomSource(seed: 1)
    for index in page.indices {
      for _ in 0..<6 {
        var changed = page
        changed[index] = UInt8.random(in: 0...255, using: &numbers)
        guard let block = try? PlainBlock(changed) else { continue }
        _ = try? block.timestamps()
        _ = try? block.lines()
        _ = try? block.structuredMetadata()
      }
      _ = try? PlainBlock(Array(page[..<index])).lines()
    }
  }

  @Test func noChangedByteOfTheStreamIndexCrashes() throws {
    let table = StreamTable()
    let head = LogHead(table: table)
    var logs = RandomLogs(numbers: RandomSource(seed: 5))
    for _ in 0..<5 { head.append(logs.streams(), tenant: .single) }
    var builder = SegmentBuilder()
    let page = try builder.write(head.allStreams()) { (_, _) throws(LogStoreError) in 0 }.encode()
    for index in page.indices {
      for value in UInt8.min...UInt8.max {
        var changed = page
        changed[index] = value
        _ = try? SegmentIndex.decode(changed, table)
      }
      _ = try? SegmentIndex.decode(Array(page[..<index]), table)
    }
  }
}

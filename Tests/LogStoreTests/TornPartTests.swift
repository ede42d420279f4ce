import Synchronization
import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import LogStore

/// A part of a block that is found to be wrong, while its page as a whole is right.
@Suite struct TornPartTests {
  private func rows(_ app: String, _ count: Int64, _ random: inout RandomSource) -> StreamRows {
    var rows = StreamRows(labels: ["app": app])
    for row in 0..<count {
      let text = "\(app) id=\(random.next()) took=\(Int.random(in: 0..<9000, using: &random))ms"
      rows.append(
        LogEntry(timestamp: Timestamp(nanoseconds: row * 1_000_003), line: Array(text.utf8)))
    }
    return rows
  }

  /// The page is read as a whole then, and what was counted for the parts counts no more.
  @Test func statisticsCountABlockThatIsReadTwiceOnce() throws {
    var random = RandomSource(seed: 9)
    let table = StreamTable()
    var snapshot = LogSnapshot(heads: [], segments: [])
    var again = rows("api", 1000, &random)
    let both = LogHead(table: table)
    both.append([again, rows("db", 1000, &random)], tenant: .single)
    snapshot.segments.append(try MemoryPages.segment(of: both, table: table))
    // This segment is read first: it has the newest row.
    again.append(LogEntry(timestamp: Timestamp(seconds: 9), line: Array("api last".utf8)))
    let newer = LogHead(table: table)
    newer.append([again], tenant: .single)
    snapshot.segments.append(try MemoryPages.segment(of: newer, table: table))

    let pages = try #require(snapshot.segments[0].pages as? MemoryPages)
    let scan = LogScan(tenants: [.single], matchers: [], range: .distantPast ..< .distantFuture)
    let (right, statistics) = try LogScannerTests.rows(scan, snapshot)
    #expect(right.count == 2001)
    #expect(statistics.duplicates == 1000)
    let count = pages.parts.withLock { $0.read }
    #expect(count > 2)
    for number in 0..<count {
      pages.parts.withLock { $0 = (0, number) }
      let (found, statistics) = try LogScannerTests.rows(scan, snapshot)
      #expect(found == right)
      #expect(statistics.duplicates == 1000, "part \(number) of \(count)")
      #expect(statistics.warnings == [])
    }
  }
}

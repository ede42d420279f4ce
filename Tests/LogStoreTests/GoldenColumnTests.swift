import Foundation
import TelemetryModel
import Testing

@testable import LogStore

/// Column blocks and their column indexes, as each version wrote them: 1 has blocks of kind 2, 2 of
/// kind 3.
///
/// With `SLUICE_RECORD_GOLDEN` set the newest files are written anew, and the test fails.
@Suite struct GoldenColumnTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Golden")

  /// Every form of a column, and lines that are kept whole.
  private static let rows: BlockRows = {
    var lines: [[UInt8]] = []
    let levels = ["info", "warn", "error"]
    for row in 0..<240 {
      let hex = String(row * 7919 + 1_000_000_007, radix: 16)
      let id = String(repeating: "0", count: 16 - hex.count) + hex
      switch row % 4 {
      case 0, 1:
        lines.append(
          Array(
            ("{\"time\":\"2026-11-21T12:\(row / 60 < 10 ? "0" : "")\(row / 60):"
              + "\(row % 60 < 10 ? "0" : "")\(row % 60)Z\",\"level\":\"\(levels[row % 3])\","
              + "\"id\":\"\(id)\",\"n\":\(row * 13),\"f\":\(row / 4).\(row % 4 + 1),"
              + "\"msg\":\"lease \(levels[(row / 2) % 3]) renewed \(levels[(row / 5) % 3])\","
              + "\"q\":\"a \\\"b\\\" \(row)\",\"none\":null}").utf8))
      case 2:
        lines.append(
          Array(
            "level=\(levels[row % 3]) caller=main.go:\(row + 100) took=\(row).5ms msg=\"x y\"".utf8)
        )
      default:
        lines.append(Array("worker \(row % 7) on 10.0.\(row).1 took \(row * 3) ms [\(row)]".utf8))
      }
    }
    lines.append([])
    lines.append([0xff, 0x11, 0x00])
    lines.append(Array("a line of its own \u{e9}".utf8))
    var rows = BlockRows()
    for (row, line) in lines.enumerated() {
      rows.timestamps.append(Timestamp(seconds: 1_795_262_400 + Int64(row)))
      rows.lineBytes += line
      rows.lineEnds.append(UInt32(rows.lineBytes.count))
      rows.structuredMetadata.append(
        row % 2 == 0 ? [] : [Label("detected_level", levels[row % 3]), Label("pod", "p-\(row)")])
    }
    rows.runs = [BlockRows.Run(stream: 0, count: lines.count)]
    return rows
  }()

  private static let newest = 2

  @Test(arguments: 1...newest) func blocksOfAllVersionsAreRead(_ version: Int) throws {
    let rows = Self.rows
    let name = "columns-\(version)"
    if version == Self.newest,
      ProcessInfo.processInfo.environment["SLUICE_RECORD_GOLDEN"] != nil
    {
      var writer = ColumnBlockWriter()
      try Data(writer.page(of: rows)).write(to: Self.folder.appending(path: "\(name).block"))
      try Data(writer.columnsPage()).write(to: Self.folder.appending(path: "\(name).index"))
      try Data(writer.filters).write(to: Self.folder.appending(path: "\(name).filters"))
      Issue.record("recorded anew")
    }
    func read(_ name: String) throws -> [UInt8] {
      [UInt8](try Data(contentsOf: Self.folder.appending(path: name)))
    }
    let segment = try SegmentColumns(try read("\(name).index"))
    let block = try ColumnBlock(try read("\(name).block"), segment)
    #expect(block.kind == (version == 1 ? .columns : .columnsByRun))
    let loaded = try block.load()
    var start = 0
    for row in 0..<rows.count {
      var line: [UInt8] = []
      try loaded.appendLine(row, to: &line)
      #expect(line == Array(rows.lineBytes[start..<Int(rows.lineEnds[row])]))
      start = Int(rows.lineEnds[row])
      #expect(try loaded.metadata(row) == rows.structuredMetadata[row])
    }
    #expect(try loaded.timestamps() == rows.timestamps)
    let forms = Set(segment.blocks[0].columns.map(\.form))
    #expect(
      forms.isSuperset(of: [.constant, .rowTime, .dictionary, .numbers, .hexadecimal, .patterns]))
    let filters = try read("\(name).filters")
    #expect(filters.count == segment.blocks[0].filterByteCount)
  }

  /// The block's filter and strings keep all needles that are there, and leave out others.
  @Test func prunesWhatIsNotThere() throws {
    var writer = ColumnBlockWriter()
    let rows = Self.rows
    _ = writer.page(of: rows)
    let segment = try SegmentColumns(writer.columnsPage())
    let filters = writer.filters
    func mayHold(_ text: String) -> Bool {
      var scan = LogScan(tenants: [], matchers: [], range: .zero..<Timestamp(seconds: 1))
      scan.conditions = [LineCondition([.contains(Array(text.utf8))])]
      return SegmentPruner(segment, [], ScanConditions(scan)) { Array(filters[$0]) }.mayHold(0)
    }
    var random = RandomLines(3)
    var start = 0
    for end in rows.lineEnds {
      let line = Array(rows.lineBytes[start..<Int(end)])
      start = Int(end)
      guard !line.isEmpty else { continue }
      let from = random.below(line.count)
      let part = Array(line[from..<min(line.count, from + 1 + random.below(30))])
      guard let text = String(bytes: part, encoding: .utf8) else { continue }
      #expect(mayHold(text), "\(text)")
    }
    for absent in ["no such text zq", "needle-0123456789abcdef", "ffffffffffffffff", "lease gone"] {
      #expect(!mayHold(absent), "\(absent)")
    }
  }
}

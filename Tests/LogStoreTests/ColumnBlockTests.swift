import Foundation
import Regex
import TelemetryModel
import TestSupport
import Testing

@testable import LogStore

@Suite struct ColumnBlockTests {
  private static let base: Int64 = 1_795_233_600_123_456_789

  static func rows(_ lines: [[UInt8]], step: Int64 = 1_000_003) -> BlockRows {
    var rows = BlockRows()
    for (index, line) in lines.enumerated() {
      rows.timestamps.append(Timestamp(nanoseconds: base + Int64(index) * step))
      rows.lineBytes += line
      rows.lineEnds.append(UInt32(rows.lineBytes.count))
    }
    rows.runs = [BlockRows.Run(stream: 0, count: lines.count)]
    return rows
  }

  /// Blocks of one segment, written and opened.
  static func blocks(_ parts: [BlockRows]) throws -> [ColumnBlock] {
    var writer = ColumnBlockWriter()
    let pages = parts.map { writer.page(of: $0) }
    let segment = try SegmentColumns(writer.columnsPage())
    return try pages.map { try ColumnBlock($0, segment) }
  }

  private static func lines(_ rows: any LoadedRows, _ count: Int) throws -> [[UInt8]] {
    try (0..<count).map { row in
      var line: [UInt8] = []
      try rows.appendLine(row, to: &line)
      return line
    }
  }

  @Test(arguments: 0..<20)
  func linesComeBackToTheByte(_ seed: UInt64) throws {
    var random = RandomLines(seed)
    let parts = (0..<3).map { _ in (0..<(20 + random.below(300))).map { _ in random.line() } }
    let opened = try Self.blocks(parts.map { Self.rows($0) })
    for (part, block) in zip(parts, opened) {
      let rows = try block.load()
      #expect(try Self.lines(rows, part.count) == part)
      #expect(try rows.timestamps() == Self.rows(part).timestamps)
      for (row, line) in part.enumerated() {
        #expect(try rows.lineLength(row) == line.count)
      }
    }
  }

  /// A block of program logs has a thousand shapes: a list of all rows for each slot would be a
  /// hundred times the block.
  @Test func slotsOfTextShapesShareTheirPlaces() throws {
    let lines = (0..<600).map { row in
      let word = ["alpha", "beta", "gamma", "delta"][row % 4]
      return Array("\(word) took \(row * 7) of \(row * 31) ms on host-\(row % 5)".utf8)
    }
    let block = try #require(try Self.blocks([Self.rows(lines)]).first)
    let loaded = try ColumnRows(block)
    #expect(loaded.lineShapes.count == 4)
    var places: Set<Int> = []
    for shape in loaded.lineShapes {
      for column in block.segment.shapes[Int(shape)].columns {
        let (data, own) = try loaded.column(column)
        #expect(data.count == 150)
        places.insert(own.withUnsafeBytes { Int(bitPattern: $0.baseAddress) })
      }
    }
    #expect(places.count == 1)
    #expect(try Self.lines(loaded, lines.count) == lines)
  }

  /// Times of any number of streams, in order and not, with any unit, to the ends of what there is.
  @Test(arguments: 0..<40)
  func timesComeBack(_ seed: UInt64) throws {
    var random = RandomLines(seed &+ 77)
    let unit = [1, 1000, 1_000_000, 7][random.below(4)]
    var rows = BlockRows()
    for stream in 0..<(1 + random.below(40)) {
      let count = 1 + random.below(seed.isMultiple(of: 4) ? 2 : 900)
      rows.runs.append(BlockRows.Run(stream: UInt32(stream), count: count))
      var time = Self.base + Int64(random.below(1 << 40) * unit)
      for _ in 0..<count {
        time += Int64(random.below(random.below(50) == 0 ? 1 << 32 : 5000) * unit)
        if seed % 5 == 1, random.below(30) == 0 { time -= Int64(random.below(1 << 50)) }
        let isWild = seed % 5 == 2 && random.below(100) == 0
        let wild = [Int64.min, .max, 0][random.below(3)]
        rows.timestamps.append(Timestamp(nanoseconds: isWild ? wild : time))
        rows.lineBytes.append(0x61)
        rows.lineEnds.append(UInt32(rows.lineBytes.count))
      }
    }
    let block = try #require(try Self.blocks([rows]).first)
    #expect(block.kind == .columnsByRun)
    #expect(try block.load().timestamps() == rows.timestamps)
  }

  @Test(arguments: [1, 2, 3, 1000])
  func metadataAndStreamsComeBack(_ distinct: Int) throws {
    var random = RandomLines(UInt64(distinct))
    var rows = Self.rows((0..<2000).map { _ in random.line() })
    rows.runs = [BlockRows.Run(stream: 3, count: 500), BlockRows.Run(stream: 9, count: 1500)]
    rows.structuredMetadata = (0..<2000).map { _ in
      [
        [], [Label("detected_level", random.pick(["info", "warn"]))],
        [Label("a", "\(random.below(distinct))"), Label("trace_id", random.hex(32))],
      ][min(random.below(3), distinct - 1)]
    }
    let block = try #require(try Self.blocks([rows]).first)
    #expect(block.runs.map(\.stream) == [3, 9] && block.runs.map(\.count) == [500, 1500])
    let loaded = try block.load()
    for row in 0..<2000 { #expect(try loaded.metadata(row) == rows.structuredMetadata[row]) }
  }

  /// What columns answer is what the lines say.
  @Test(arguments: 0..<30)
  func conditionsAreDecidedAsOnText(_ seed: UInt64) throws {
    var random = RandomLines(seed &+ 1000)
    let lines = (0..<(30 + random.below(200))).map { _ in random.line() }
    var writer = ColumnBlockWriter()
    let page = writer.page(of: Self.rows(lines))
    let segment = try SegmentColumns(writer.columnsPage())
    let filters = writer.filters
    let loaded = try ColumnBlock(page, segment).load()
    let stream = StreamReference(id: 1, tenant: .single, labels: .none)
    for _ in 0..<30 {
      var scan = LogScan(tenants: [], matchers: [], range: .zero..<Timestamp(seconds: 1))
      scan.conditions = (0..<(1 + random.below(2))).map { _ in
        LineCondition(
          (0..<(1 + random.below(2))).map { _ in test(&random, lines) },
          isNegated: random.below(4) == 0)
      }
      let all = ChosenRun(stream: stream, rows: .range(0..<lines.count))
      let found = try loaded.select([all], ScanConditions(scan)).flatMap {
        $0.rows.rows.map(Int.init)
      }
      let expected = lines.indices.filter { row in
        scan.conditions.allSatisfy { condition in
          lines[row].withUnsafeBytes { condition.holds($0) }
        }
      }
      let pruner = SegmentPruner(segment, [], ScanConditions(scan)) { Array(filters[$0]) }
      #expect(pruner.mayHold(0) || expected.isEmpty, "left out unread: \(scan.conditions)")
      #expect(found == expected, "\(scan.conditions)")
    }
  }

  private func test(_ random: inout RandomLines, _ lines: [[UInt8]]) -> LineCondition.Test {
    switch random.below(6) {
    case 0: return .equals(random.below(2) == 0 ? random.pick(lines) : random.needle(lines))
    case 1:
      let pattern = random.pick([
        "\" 50[02] ", "level.*info", "\\d+ms", "^\\{", "lease renewed|queue", "id=\\d5",
      ])
      if let regex = try? Regex(pattern) { return .matches(regex) }
      return .contains([])
    case 2: return .holds({ $0.count % 3 == 0 }, literal: nil)
    default: return .contains(random.needle(lines))
    }
  }

  /// The samples of real programs, each file as one stream in blocks of a segment.
  @Test func samplesComeBackToTheByte() throws {
    guard let folder = SharedData.file("samples/loghub") else {
      print("skipped: samples are absent")
      return
    }
    var files = 0
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    where name.hasSuffix(".log") {
      let data = [UInt8](try Data(contentsOf: folder.appending(path: name)))
      let lines = data.split(separator: 0x0a, omittingEmptySubsequences: false).map { Array($0) }
      let half = lines.count / 2
      let parts = [Array(lines[..<half]), Array(lines[half...])]
      for (part, block) in zip(parts, try Self.blocks(parts.map { Self.rows($0) })) {
        #expect(try Self.lines(try block.load(), part.count) == part, "\(name)")
      }
      files += 1
    }
    #expect(files == 16)
  }

  /// Pages are checksummed by the storage engine; without that, too, no byte may crash.
  @Test func noChangedByteCrashes() throws {
    var random = RandomLines(77)
    var rows = Self.rows((0..<25).map { _ in random.line() })
    rows.structuredMetadata = rows.timestamps.map { _ in [Label("a", "\(random.below(3))")] }
    var writer = ColumnBlockWriter()
    let page = writer.page(of: rows)
    let index = writer.columnsPage()
    let segment = try SegmentColumns(index)
    for at in stride(from: 0, to: page.count, by: 2) {
      var changed = page
      changed[at] = UInt8(random.below(256))
      readAll(changed, segment)
      readAll(Array(page[..<at]), segment)
    }
    for at in stride(from: 0, to: index.count, by: 2) {
      var changed = index
      changed[at] = UInt8(random.below(256))
      if let segment = try? SegmentColumns(changed) { readAll(page, segment) }
      _ = try? SegmentColumns(Array(index[..<at]))
    }
  }

  private func readAll(_ page: [UInt8], _ segment: SegmentColumns) {
    guard let block = try? ColumnBlock(page, segment), let rows = try? block.load() else { return }
    _ = try? rows.timestamps()
    let scan = LogScan(
      tenants: [], matchers: [], range: .zero..<Timestamp(seconds: 1),
      requiredLiterals: [Array("info".utf8)])
    let stream = StreamReference(id: 1, tenant: .single, labels: .none)
    let all = ChosenRun(stream: stream, rows: .range(0..<block.rowCount))
    _ = try? rows.select([all], ScanConditions(scan))
    guard block.rowCount < 1000 else { return }
    for row in 0..<block.rowCount {
      var line: [UInt8] = []
      try? rows.appendLine(row, to: &line)
      _ = try? rows.metadata(row)
    }
  }

  @Test func filtersHoldWhatTheyWereMadeOf() throws {
    var numbers = RandomSource(seed: 5)
    for count in [1, 2, 3, 10, 100, 5000, 60_000] {
      let keys = (0..<count).map { _ in numbers.next() }
      let filter = try #require(FuseFilter(keys + keys))
      var bytes: [UInt8] = []
      filter.append(to: &bytes)
      let read = try bytes.withUnsafeBytes { bytes in
        var reader = BlockReader(bytes)
        return try FuseFilter(&reader)
      }
      #expect(keys.allSatisfy { read.mayHold($0) })
      let wrong = (0..<20_000).count { _ in read.mayHold(numbers.next()) }
      #expect(wrong < 160, "of 20,000 about 78 are expected")
    }
  }

  @Test(arguments: [
    "0", "7", "-7", "12.50", "0.001", "2.0", "100", "-3.25", "9007199254740992",
  ])
  func numbersKeepTheirText(_ text: String) throws {
    var reader = NumberColumnReader()
    let isNumber = Array(text.utf8).withUnsafeBytes { reader.add($0) }
    #expect(isNumber)
    let finished = reader.finish()
    let style = try #require(finished)
    var out: [UInt8] = []
    style.append(reader.mantissas[0], to: &out)
    #expect(String(decoding: out, as: UTF8.self) == text)
  }
}

import TelemetryModel
import TestSupport
import Testing

@testable import LogStore

@Suite struct LogScannerTests {
  typealias Row = NaiveLogModel.Row

  /// A scan on this thread alone.
  static func run(
    _ scan: LogScan, _ snapshot: LogSnapshot, _ visit: (LogRows) throws -> ScanStep
  ) throws -> ScanStatistics {
    try ScanPlan(scan, snapshot).work(visit)
  }

  /// All rows that a scan visits, checked for order within a batch; a row that comes twice fails.
  static func rows(_ scan: LogScan, _ snapshot: LogSnapshot) throws -> (Set<Row>, ScanStatistics) {
    var found: Set<Row> = []
    let statistics = try Self.run(scan, snapshot) { batch in
      var next = 0
      for run in batch.runs {
        #expect(run.rows.lowerBound == next && !run.rows.isEmpty)
        next = run.rows.upperBound
        for index in run.rows {
          #expect(batch.streamOf(index) == run.stream)
          #expect(
            index == run.rows.lowerBound || batch.timestamps[index - 1] <= batch.timestamps[index])
          let line = batch.withLine(index) { Array($0) }
          let row = Row(
            tenant: run.stream.tenant, labels: run.stream.labels,
            entry: LogEntry(
              timestamp: batch.timestamps[index], line: line,
              structuredMetadata: batch.metadata(index)))
          if scan.requiredLiterals.allSatisfy({ NaiveLogModel.contains(line, $0) }) {
            #expect(found.insert(row).inserted, "\(row) came twice")
          }
        }
      }
      #expect(next == batch.count)
      return .proceed
    }
    return (found, statistics)
  }

  @Test(arguments: 0..<60)
  func agreesWithTheModel(_ seed: UInt64) throws {
    var logs = RandomLogs(numbers: RandomSource(seed: seed))
    var model = NaiveLogModel()
    let table = StreamTable()
    var snapshot = LogSnapshot(heads: [LogHead(table: table)], segments: [])
    var repeated: [(TenantID, [StreamRows])] = []
    for _ in 0..<40 {
      var tenant = RandomLogs.tenants.randomElement(using: &logs.numbers) ?? .single
      var streams = logs.streams()
      // A client that heard no answer sends the same again.
      if Int.random(in: 0..<5, using: &logs.numbers) == 0,
        let again = repeated.randomElement(using: &logs.numbers)
      {
        (tenant, streams) = again
      }
      repeated.append((tenant, streams))
      model.append(tenant, streams)
      snapshot.heads[snapshot.heads.count - 1].append(streams, tenant: tenant)
      switch Int.random(in: 0..<12, using: &logs.numbers) {
      case 0:
        for head in snapshot.heads where !head.isEmpty {
          snapshot.segments.append(try MemoryPages.segment(of: head, table: table))
        }
        snapshot.heads = [LogHead(table: table)]
      case 1: snapshot.heads.append(LogHead(table: table))
      default: break
      }
      let scan = logs.scan()
      let (found, _) = try Self.rows(scan, snapshot)
      #expect(found == model.scan(scan))
      #expect(try Self.shape(scan, snapshot) == Self.shape(model.scan(scan), scan))
    }
  }

  /// Pages of which only what is asked for is read.
  @Test(arguments: 0..<3)
  func partsOfPagesAnswerAsWholeOnes(_ seed: UInt64) throws {
    var random = RandomLines(seed)
    let table = StreamTable()
    let head = LogHead(table: table)
    var lines: [[UInt8]] = []
    for name in ["api", "web"] {
      var rows = StreamRows(labels: ["app": name])
      for row in 0..<500 {
        lines.append(random.line())
        rows.append(
          LogEntry(
            timestamp: Timestamp(nanoseconds: Int64(row) * 1_000_003), line: lines[lines.count - 1],
            structuredMetadata: random.below(3) == 0 ? [] : [Label("id", random.hex(16))]))
      }
      head.append([rows], tenant: .single)
    }
    let segment = try MemoryPages.segment(of: head, table: table)
    for _ in 0..<4 {
      var scan = LogScan(
        tenants: [.single], matchers: [],
        range: Timestamp.zero..<Timestamp(nanoseconds: Int64(random.below(600_000_000))))
      if random.below(2) == 0 { scan.wants = .metadata }
      if random.below(2) == 0 {
        scan.conditions = [LineCondition([.contains(random.needle(lines))])]
      }
      var answers: [Set<Row>] = []
      for beginning in [1, 500, 4000, 1 << 30] {
        var part = segment
        part.beginningByteCount = beginning
        let (rows, statistics) = try Self.rows(scan, LogSnapshot(heads: [], segments: [part]))
        #expect(statistics.warnings.isEmpty)
        answers.append(rows)
      }
      #expect(answers.allSatisfy { $0 == answers[0] })
    }
  }

  /// How many rows a scan without lines finds for each time and length; literals are left out,
  /// since they cannot be checked by the visitor then.
  private static func shape(_ scan: LogScan, _ snapshot: LogSnapshot) throws -> [[Int64]: Int] {
    guard scan.requiredLiterals.isEmpty else { return [:] }
    var scan = scan
    scan.wants = .lineLengths
    var shape: [[Int64]: Int] = [:]
    _ = try run(scan, snapshot) { batch in
      for row in 0..<batch.count {
        let key = [batch.timestamps[row].nanoseconds, Int64(batch.lineLength(row))]
        shape[key, default: 0] += 1
      }
      return .proceed
    }
    return shape
  }

  private static func shape(_ rows: Set<Row>, _ scan: LogScan) -> [[Int64]: Int] {
    guard scan.requiredLiterals.isEmpty else { return [:] }
    return rows.reduce(into: [:]) { shape, row in
      shape[[row.entry.timestamp.nanoseconds, Int64(row.entry.line.count)], default: 0] += 1
    }
  }

  private static func snapshot(_ rowCount: Int) throws -> LogSnapshot {
    let table = StreamTable()
    var segments: [LogSegment] = []
    for part in 0..<4 {
      let head = LogHead(table: table)
      var rows = StreamRows(labels: ["app": "api"])
      for row in 0..<rowCount {
        rows.append(
          LogEntry(
            timestamp: Timestamp(nanoseconds: Int64(part * rowCount + row)),
            line: Array("line \(part * rowCount + row) ".utf8)
              + [UInt8](repeating: 0x61, count: 1000)))
      }
      head.append([rows], tenant: .single)
      segments.append(try MemoryPages.segment(of: head, table: table))
    }
    return LogSnapshot(heads: [], segments: segments)
  }

  private static let all = Timestamp.zero..<Timestamp(seconds: 1)

  @Test func newestBlocksComeFirstAndNarrowingSkipsTheRest() throws {
    let snapshot = try Self.snapshot(3000)
    var newest: [Timestamp] = []
    let statistics = try Self.run(
      LogScan(tenants: [.single], matchers: [], range: Self.all), snapshot
    ) { rows in
      newest.append(rows.timestamps[rows.count - 1])
      return .narrow(rows.timestamps[rows.count - 1]..<Timestamp(seconds: 1))
    }
    #expect(newest.count == 1)
    #expect(newest.first == Timestamp(nanoseconds: 11_999))
    #expect(statistics.blocksRead == 1)
    #expect(statistics.blocksPruned > 5)
  }

  @Test func oldestFirstAndStop() throws {
    let snapshot = try Self.snapshot(3000)
    var oldest: Timestamp?
    let statistics = try Self.run(
      LogScan(tenants: [.single], matchers: [], range: Self.all, order: .oldestFirst), snapshot
    ) { rows in
      oldest = rows.timestamps[0]
      return .stop
    }
    #expect(oldest == .zero)
    #expect(statistics.blocksRead == 1)
  }

  @Test func aLiteralThatABlockLacksKeepsItsRowsBack() throws {
    let snapshot = try Self.snapshot(3000)
    let (rows, statistics) = try Self.rows(
      LogScan(
        tenants: [.single], matchers: [], range: Self.all,
        requiredLiterals: [Array("line 7777 ".utf8)]), snapshot)
    #expect(rows.map(\.entry.timestamp) == [Timestamp(nanoseconds: 7777)])
    #expect(statistics.lines == 1)
  }

  @Test func aDamagedBlockIsNamedAndTheRestAnswers() throws {
    let snapshot = try Self.snapshot(3000)
    let pages = try #require(snapshot.segments[1].pages as? MemoryPages)
    pages.change(1) { $0[0] = 99 }
    let scan = LogScan(tenants: [.single], matchers: [], range: Self.all)
    let (rows, statistics) = try Self.rows(scan, snapshot)
    let lost = snapshot.segments[1].index.blocks[1].rowCount
    #expect(rows.count == 12_000 - lost)
    #expect(statistics.warnings.count == 1)
    #expect(statistics.warnings[0].contains("memory, page 1"))
  }

  @Test func cancellationEndsTheScan() throws {
    let snapshot = try Self.snapshot(300)
    let scan = LogScan(tenants: [.single], matchers: [], range: Self.all, isCancelled: { true })
    let error = #expect(throws: LogStoreError.self) {
      try Self.run(scan, snapshot) { _ in .proceed }
    }
    #expect(error?.code == .cancelled)
  }

  @Test func aRegexThatDoesNotCompileIsABadQuery() {
    let error = #expect(throws: LogStoreError.self) {
      try ScanPlan(
        LogScan(tenants: [], matchers: [LabelMatcher("a", .regex, "(")], range: Self.all),
        LogSnapshot(heads: [], segments: []))
    }
    #expect(error?.code == .badQuery)
  }
}

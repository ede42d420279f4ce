import LinuxIO
import Storage
import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import LogStore

/// Blocks are read part by part, some parts only when a visitor asks for them. Whatever part cannot
/// be read: an answer is right, or says what is missing, or there is none.
@Suite struct UnreadablePartTests {
  private struct Question: Sendable {
    var name: String
    var scan: LogScan
    /// What the visitor makes of a row.
    var ask: @Sendable (LogRows, Int) -> String

    init(
      _ name: String, wants: LogScan.Wants = .all, conditions: [LineCondition] = [],
      _ ask: @escaping @Sendable (LogRows, Int) -> String
    ) {
      self.name = name
      scan = LogScan(tenants: [.single], matchers: [], range: .zero ..< .distantFuture)
      scan.wants = wants
      scan.conditions = conditions
      self.ask = ask
    }
  }

  private static func line(_ rows: LogRows, _ row: Int) -> String {
    rows.withLine(row) { String(decoding: $0, as: UTF8.self) }
  }

  private static func metadata(_ rows: LogRows, _ row: Int) -> String {
    rows.metadata(row).map { "\($0.name)=\($0.value)" }.joined(separator: " ")
  }

  private static let questions = [
    Question("all") { line($0, $1) + metadata($0, $1) },
    Question(
      "not", conditions: [LineCondition([.contains(Array("=1".utf8))], isNegated: true)]
    ) {
      line($0, $1)
    },
    Question(
      "equal to a column and text",
      conditions: [LineCondition([.contains(Array("7 took=".utf8))])]
    ) { line($0, $1) },
    Question("lines when asked", wants: .metadata) { line($0, $1) },
    Question("metadata when asked", wants: .metadata) { metadata($0, $1) },
    Question("nothing but times", wants: []) { rows, row in "\(rows.timestamps[row].nanoseconds)" },
    Question("lengths", wants: .lineLengths) { rows, row in "\(rows.lineLength(row))" },
    Question("lengths when asked", wants: []) { rows, row in "\(rows.lineLength(row))" },
  ]

  private struct Answer: Equatable {
    var rows: [String]
    var warnings: [String]
  }

  private func answer(_ question: Question, _ store: LogStore) throws -> Answer {
    var found: [String] = []
    let statistics = try store.scan(question.scan) { rows in
      for row in 0..<rows.count { found.append(question.ask(rows, row)) }
      return .proceed
    }
    return Answer(rows: found.sorted(), warnings: statistics.warnings)
  }

  private func open(_ disk: any FileSystem) async throws -> LogStore {
    var storage = StorageConfiguration(name: "logs", folder: "data", kind: .logs)
    storage.wal.fileBytes = 1 << 20
    storage.freeBytesMin = 0
    storage.compactionShare = 0
    // Only scans make calls.
    storage.checkInterval = .hours(1)
    return try await LogStore.open(
      storage, limits: .asTheyCome, fileSystem: disk, clock: ManualClock())
  }

  /// One segment, or two with the same rows: then lines are compared, too.
  private func sample(copies: Int) async throws -> CrashingFileSystem {
    let disk = CrashingFileSystem()
    let store = try await open(disk)
    var random = RandomSource(seed: 5)
    var rows = StreamRows(labels: ["app": "api"])
    for row in 0..<2000 as Range<Int64> {
      let text =
        "id=\(random.next()) user=\(Int.random(in: 0..<2000, using: &random)) "
        + "took=\(Int.random(in: 0..<9000, using: &random))ms"
      rows.append(
        LogEntry(
          timestamp: Timestamp(nanoseconds: row * 1_000_003), line: Array(text.utf8),
          structuredMetadata: [Label("trace", String(random.next(), radix: 16))]))
    }
    for _ in 0..<copies {
      try await store.append(LogPush(tenant: .single, streams: [rows]))
      try await store.flush()
    }
    await store.close()
    return disk
  }

  @Test(arguments: [1, 2]) func eachReadThatFails(copies: Int) async throws {
    let disk = try await sample(copies: copies)
    let faulty = FaultyFileSystem(disk)
    let store = try await open(faulty)
    for question in Self.questions {
      let right = try answer(question, store)
      #expect(right.rows.count > 100 && right.rows.count <= 2000, "\(question.name)")
      #expect(right.warnings == [])
      let before = faulty.callCount
      #expect(try answer(question, store) == right)
      let count = faulty.callCount - before
      #expect(count > 0, "\(question.name)")
      for number in 1...count {
        faulty.fail(call: faulty.callCount + number, with: .inputOutput)
        let result = Result { try answer(question, store) }
        faulty.mend()
        // What is missing after a failed call is asked for again, so nobody is told of damage.
        if case .success(let found) = result {
          #expect(found == right, "\(question.name), read \(number) of \(count)")
        }
      }
      #expect(try answer(question, store) == right, "\(question.name)")
    }
    await store.close()
  }

  /// A page changes on the disk while its parts are read without another look at its checksum.
  @Test(arguments: [1, 2]) func damageWhileAPageIsTrusted(copies: Int) async throws {
    let disk = try await sample(copies: copies)
    for question in Self.questions {
      let damaged = disk.copy()
      let store = try await open(damaged)
      let right = try answer(question, store)
      let segment = try #require(store.engine.snapshot().segments.first)
      let pages = try #require(segment.pages as? StoredPages)
      let page = pages.segment.pages[segment.index.blocks[0].page]
      #expect(page.length > segment.beginningByteCount * 2)
      for offset in (page.offset + 24 + segment.beginningByteCount)..<(page.offset + page.length) {
        damaged.flip(pages.name, at: offset)
      }
      var isTold = false
      do {
        let found = try answer(question, store)
        isTold = !found.warnings.isEmpty
        #expect(Set(found.rows).isSubset(of: right.rows), "\(question.name)")
        if !isTold { #expect(found == right, "\(question.name)") }
      } catch {
        isTold = true
        #expect((error as? LogStoreError)?.code == .corrupt)
        #expect((error as? LogStoreError)?.message.contains(pages.name) == true)
      }
      // From then on the page is out of use and the rest answers.
      if isTold {
        let found = try answer(question, store)
        #expect(!found.warnings.isEmpty, "\(question.name)")
        #expect(found.rows == (copies == 2 ? right.rows : []), "\(question.name)")
      }
      await store.close()
    }
  }
}

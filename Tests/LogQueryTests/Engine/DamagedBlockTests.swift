import LinuxIO
import LogQL
import Storage
import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import LogQuery
@testable import LogStore

/// Blocks that are damaged on the disk while they are taken on trust.
@Suite struct DamagedBlockTests {
  private func open(_ disk: any FileSystem) async throws -> LogStore {
    var storage = StorageConfiguration(name: "logs", folder: "data", kind: .logs)
    storage.freeBytesMin = 0
    storage.compactionShare = 0
    return try await LogStore.open(
      storage, limits: .asTheyCome, fileSystem: disk, clock: ManualClock())
  }

  /// Three segments of 2,000 rows of a second each, from the first second on.
  private func sample() async throws -> CrashingFileSystem {
    let disk = CrashingFileSystem()
    let store = try await open(disk)
    var random = RandomSource(seed: 5)
    for second in 0..<3 as Range<Int64> {
      var rows = StreamRows(labels: ["app": "api"])
      for row in 0..<2000 as Range<Int64> {
        let text = "segment=\(second) id=\(random.next()) user=\(random.next())"
        rows.append(
          LogEntry(
            timestamp: Timestamp(nanoseconds: second * 1_000_000_000 + row),
            line: Array(text.utf8)))
      }
      try await store.append(LogPush(tenant: .single, streams: [rows]))
      try await store.flush()
    }
    await store.close()
    return disk
  }

  private func answer(_ query: String, _ store: LogStore, _ limits: QueryLimits) throws
    -> (rows: [String], warnings: [String])
  {
    let request = QueryRequest(
      expression: try LogQL.parse(query), start: .zero, end: Timestamp(seconds: 10),
      step: .seconds(10), limit: 10_000)
    let result = try QueryEngine(source: store).answer(request, limits: limits)
    var rows: [String] = []
    switch result.value {
    case .streams(let streams):
      for stream in streams {
        for entry in stream.entries {
          rows.append(String(decoding: entry.text.bytes, as: UTF8.self))
        }
      }
    case .matrix(let series):
      for series in series {
        rows.append("\(series.labels): \(series.points.map(\.value))")
      }
    default: Issue.record("\(query) has another answer")
    }
    return (rows.sorted(), result.statistics.scan.warnings)
  }

  /// The first question after the damage has all that is not damaged, as any later one.
  @Test(arguments: [
    #"{app="api"}"#, #"{app="api"} |= "id" | line_format `{{__line__}}!`"#,
    #"sum by (s) (count_over_time({app="api"} | regexp `segment=(?P<s>.) id=(?P<id>.+)` [10s]))"#,
  ])
  func theRestIsAnsweredAtOnce(_ query: String) async throws {
    let disk = try await sample()
    let store = try await open(disk)
    let right = try answer(query, store, QueryLimits())
    #expect(right.warnings == [])
    for segment in store.engine.snapshot().segments.dropFirst() {
      let pages = try #require(segment.pages as? StoredPages)
      let page = pages.segment.pages[segment.index.blocks[0].page]
      for offset in (page.offset + page.length / 2)..<(page.offset + page.length) {
        disk.flip(pages.name, at: offset)
      }
    }
    let limits = QueryLimits()
    let first = try answer(query, store, limits)
    #expect(first.warnings.count == 2)
    #expect(first.warnings.allSatisfy { $0.contains("2000 rows are missing from the answer") })
    #expect(first.rows.count == right.rows.count / 3)
    #expect(first.rows == right.rows.filter { $0.contains("segment=0") || $0.contains("\"0\"") })
    let lineBytes = try store.plan(
      LogScan(tenants: [.single], matchers: [], range: .zero ..< .distantFuture)
    ).lineBytes
    #expect(limits.progress.bytesPlanned <= lineBytes, "what is begun anew is planned once")
    let second = try answer(query, store, QueryLimits())
    #expect(second.rows == first.rows)
    #expect(Set(second.warnings) == Set(first.warnings))
    await store.close()
  }
}

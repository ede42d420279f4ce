import Foundation
import LogQL
import Storage
import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import LogQuery
@testable import LogStore

/// The same questions of the same rows, kept in every way that the store has: the answers are
/// those of rows in plain lists.
///
/// `SLUICE_RANDOM_QUERIES` asks for more questions than the few of a usual run, and
/// `SLUICE_RANDOM_SEED` for others.
@Suite struct StoreAnswerTests {
  /// A store that is asked for lines alone.
  private struct LinesOnly: LogRowSource {
    let store: any LogRowSource

    func plan(_ scan: LogScan) throws -> any LogRowPlan {
      var scan = scan
      scan.fields = []
      scan.fieldConditions = []
      return try store.plan(scan)
    }
  }

  private func open(_ folder: String, isMerging: Bool = false) async throws -> LogStore {
    var storage = StorageConfiguration(name: "logs", folder: folder, kind: .logs)
    storage.freeBytesMin = 0
    storage.compactionShare = isMerging ? 1 : 0
    if isMerging { storage.compactionInterval = .milliseconds(1) }
    return try await LogStore.open(storage, limits: .asTheyCome)
  }

  private func push(
    _ streams: [(labels: Labels, entries: [LogEntry])], to store: LogStore
  ) async throws {
    let rows = streams.filter { !$0.entries.isEmpty }.map { stream in
      var rows = StreamRows(labels: stream.labels)
      for entry in stream.entries { rows.append(entry) }
      return rows
    }
    if !rows.isEmpty { try await store.append(LogPush(tenant: .single, streams: rows)) }
  }

  /// In pieces, out of order, some twice, flushed here and there.
  private func pushInPieces(
    _ streams: [(labels: Labels, entries: [LogEntry])], to store: LogStore,
    _ random: inout RandomSource
  ) async throws {
    var pieces: [[(labels: Labels, entries: [LogEntry])]] = []
    for stream in streams {
      for start in stride(from: 0, to: stream.entries.count, by: 13) {
        let end = min(stream.entries.count, start + 13)
        pieces.append([(stream.labels, Array(stream.entries[start..<end]))])
      }
    }
    pieces.shuffle(using: &random)
    for piece in pieces {
      try await push(piece, to: store)
      if random.oneIn(5) { try await push(piece, to: store) }
      if random.oneIn(4) { try await store.flush() }
    }
  }

  private func segmentCount(_ store: LogStore) -> Int {
    (store.engine as? StorageLogEngine)?.statistics.segmentCount ?? 0
  }

  /// Whether there is a segment that was made of others.
  private func isMerged(_ store: LogStore) -> Bool {
    store.engine.snapshot().segments.contains { segment in
      guard let pages = segment.pages as? StoredPages else { return false }
      return pages.segment.summary.level > 0
    }
  }

  /// Waits until compaction has no more to do, longer where it `must` do something; whether it
  /// did, be it before this began to look.
  private func settle(_ store: LogStore, must: Bool) async throws -> Bool {
    var count = segmentCount(store)
    var quietRounds = 0
    while quietRounds < (must && !isMerged(store) ? 4000 : 4), count > 1 {
      try await Task.sleep(for: .milliseconds(5))
      let now = segmentCount(store)
      quietRounds = now == count ? quietRounds + 1 : 0
      count = now
    }
    return isMerged(store)
  }

  @Test func everyWayToKeepRowsAnswersTheSame() async throws {
    var mergedStores = 0
    let queries = RandomRuns.count(usual: 160)
    let queriesPerStore = 40
    for seed in 0..<UInt64((queries + queriesPerStore - 1) / queriesPerStore) {
      var random = RandomSource(seed: seed &+ 1000 &+ RandomRuns.seed)
      let folder = FileManager.default.temporaryDirectory
        .appending(path: "sluice-answers-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let lines = RandomLines(&random).streams
      let plain = MemoryRows(lines)
      let head = try await open(folder + "/head")
      try await push(lines, to: head)
      let one = try await open(folder + "/one")
      try await push(lines, to: one)
      try await one.flush()
      let many = try await open(folder + "/many")
      try await pushInPieces(lines, to: many, &random)
      let merged = try await open(folder + "/merged", isMerging: true)
      try await pushInPieces(lines, to: merged, &random)
      try await merged.flush()
      if try await settle(merged, must: mergedStores == 0) { mergedStores += 1 }
      await merged.close()
      let reopened = try await open(folder + "/merged")
      let ways: [(String, any LogRowSource)] = [
        ("head", head), ("one segment", one), ("many", many),
        ("lines alone of one", LinesOnly(store: one)),
        ("lines alone of many", LinesOnly(store: many)), ("merged", reopened),
        ("lines alone of merged", LinesOnly(store: reopened)),
      ]
      for _ in 0..<queriesPerStore {
        try ask(&random, plain, ways, "seed \(seed &+ RandomRuns.seed)")
      }
      for store in [head, one, many, reopened] { await store.close() }
    }
    #expect(mergedStores > 0, "no store was compacted")
  }

  private func ask(
    _ random: inout RandomSource, _ plain: MemoryRows, _ ways: [(String, any LogRowSource)],
    _ note: String
  ) throws {
    let query = RandomQueries().query(&random)
    let request = QueryRequest(
      expression: try LogQL.parse(query), start: .zero, end: Timestamp(seconds: 1150),
      step: .seconds(Int64.random(in: 20...90, using: &random)),
      limit: Int.random(in: 1...200, using: &random),
      direction: random.oneIn(2) ? .forward : .backward)
    let limits = QueryLimits(seriesMax: 0)
    let want = RandomRuns.text(of: request, plain, limits)
    let isError = want.hasPrefix("error: pipeline error")
    for (name, source) in ways {
      let got = RandomRuns.text(of: request, source, limits)
      // Which of several rows with errors is named may differ.
      let isSame = isError ? got.hasPrefix("error: pipeline error") : got == want
      #expect(isSame, "\(note), \(name): \(query)\n\(got)\nwant\n\(want)")
    }
    // Where the whole is an error, such as of a join, a part may be none.
    guard !want.hasPrefix("error: ") else { return }
    for (name, source) in ways.prefix(3) {
      try compareParts(of: request, source, limits, "\(note), \(name): \(query)")
    }
  }

  /// Page by page, or half of the steps after the other.
  private func compareParts(
    of request: QueryRequest, _ source: any LogRowSource, _ limits: QueryLimits, _ note: String
  ) throws {
    let engine = QueryEngine(source: source)
    var first = request
    var second = request
    switch try engine.answer(request, limits: limits).value {
    case .streams(let streams):
      let times = entryTimes(streams)
      guard times.count > 1 else { return }
      let middle = times.sorted()[times.count / 2]
      (first.end, second.start) = (middle, middle)
      if request.direction == .backward { swap(&first, &second) }
      let found = entryTimes(try engine.answer(first, limits: limits).value)
      second.limit = request.limit - found.count
      let rest = second.limit > 0 ? entryTimes(try engine.answer(second, limits: limits).value) : []
      #expect(Set(found + rest) == Set(times), "\(note), by pages")
    case .matrix(let series):
      first.end = request.start + TimeSpan(nanoseconds: request.step.nanoseconds * 5)
      second.start = first.end + request.step
      var whole: [Labels: [Timestamp: Double]] = [:]
      for part in [first, second] {
        guard case .matrix(let some) = try engine.answer(part, limits: limits).value else { return }
        for one in some {
          for point in one.points { whole[one.labels, default: [:]][point.time] = point.value }
        }
      }
      #expect(Set(whole.keys) == Set(series.map(\.labels)), "\(note), by steps")
      for one in series {
        let same = one.points.allSatisfy { point in
          guard let value = whole[one.labels]?[point.time] else { return false }
          return abs(value - point.value) <= 1e-9 * abs(value) || value.isNaN && point.value.isNaN
        }
        #expect(same && whole[one.labels]?.count == one.points.count, "\(note), by steps")
      }
    case .vector, .scalar: return
    }
  }

  private func entryTimes(_ value: QueryResult.Value) -> [Timestamp] {
    guard case .streams(let streams) = value else { return [] }
    return entryTimes(streams)
  }

  private func entryTimes(_ streams: [ResultStream]) -> [Timestamp] {
    streams.flatMap { $0.entries.map(\.timestamp) }
  }
}

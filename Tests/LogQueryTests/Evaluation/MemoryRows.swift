import LogQuery
import LogStore
import Regex
import Synchronization
import TelemetryModel

/// Rows in plain lists: slow, and obviously right.
final class MemoryRows: LogRowSource, LogStreamIndex {
  struct Stream {
    let reference: StreamReference
    let entries: [LogEntry]
  }

  let streams: [Stream]
  private let batchRows: Int
  private let workersMax: Int

  init(
    _ streams: [(labels: Labels, entries: [LogEntry])], batchRows: Int = .max, workersMax: Int = 1
  ) {
    self.batchRows = min(batchRows, 1 << 20)
    self.workersMax = workersMax
    self.streams = streams.enumerated().map { id, stream in
      Stream(
        reference: StreamReference(id: UInt64(id), tenant: .single, labels: stream.labels),
        // Stable: of one moment, the order in which they were pushed.
        entries: Self.distinct(stream.entries).enumerated().sorted {
          ($0.element.timestamp, $0.offset) < ($1.element.timestamp, $1.offset)
        }.map(\.element))
    }
  }

  /// Of exact duplicates the first stays.
  private static func distinct(_ entries: [LogEntry]) -> [LogEntry] {
    var seen: Set<LogEntry> = []
    return entries.filter { seen.insert($0).inserted }
  }

  private func matches(_ labels: Labels, _ matchers: [LabelMatcher]) throws -> Bool {
    try matchers.allSatisfy { matcher in
      let value = labels[matcher.name] ?? ""
      switch matcher.operation {
      case .equal: return value == matcher.value
      case .notEqual: return value != matcher.value
      case .regex: return try Regex(matcher.value).matches(value, .whole)
      case .notRegex: return try !Regex(matcher.value).matches(value, .whole)
      }
    }
  }

  /// Batches of `batchRows` rows at most, shared among up to `workersMax` threads.
  func plan(_ scan: LogScan) throws -> any LogRowPlan {
    var batches: [LogRows] = []
    var size = 0
    for stream in streams where try matches(stream.reference.labels, scan.matchers) {
      let inRange = stream.entries.filter { scan.range.contains($0.timestamp) }
      let entries = inRange.filter { entry in
        scan.conditions.allSatisfy { condition in entry.line.withUnsafeBytes(condition.holds) }
      }
      size += entries.reduce(0) { $0 + $1.line.count }
      for start in stride(from: 0, to: entries.count, by: batchRows) {
        let part = Array(entries[start..<min(entries.count, start + batchRows)])
        batches.append(Self.rows(part, of: stream.reference))
      }
    }
    return MemoryPlan(batches: batches, lineBytes: size, workersMax: workersMax)
  }

  private static func rows(_ entries: [LogEntry], of stream: StreamReference) -> LogRows {
    var bytes: [UInt8] = []
    var starts: [UInt32] = []
    var ends: [UInt32] = []
    for entry in entries {
      starts.append(UInt32(bytes.count))
      bytes += entry.line
      ends.append(UInt32(bytes.count))
    }
    let hasMetadata = entries.contains { !$0.structuredMetadata.isEmpty }
    return LogRows(
      runs: [LogRows.Run(stream: stream, rows: 0..<entries.count)],
      timestamps: entries.map(\.timestamp), lineStarts: starts, lineEnds: ends,
      lineBytes: bytes, structuredMetadata: hasMetadata ? entries.map(\.structuredMetadata) : [])
  }

  func streamLabels(
    tenants: [TenantID], matchers: [[LabelMatcher]], range: Range<Timestamp>
  ) throws -> [Labels] {
    try streams.filter { stream in
      guard stream.entries.contains(where: { range.contains($0.timestamp) }) else { return false }
      return try matchers.isEmpty
        || matchers.contains { try matches(stream.reference.labels, $0) }
    }.map(\.reference.labels)
  }

  func indexStatistics(
    tenants: [TenantID], matchers: [LabelMatcher], range: Range<Timestamp>
  ) throws -> IndexStatistics { IndexStatistics() }
}

/// Batches in memory, each for the thread that comes first.
final class MemoryPlan: LogRowPlan {
  /// Each is visited by one thread.
  private nonisolated(unsafe) let batches: [LogRows]
  private let next = Atomic(0)
  private let hasStopped = Atomic(false)
  let lineBytes: Int
  let workersMax: Int

  init(batches: [LogRows], lineBytes: Int, workersMax: Int) {
    self.batches = batches
    self.lineBytes = lineBytes
    self.workersMax = workersMax
  }

  func run(_ visit: (LogRows) throws -> ScanStep) throws -> ScanStatistics {
    var statistics = ScanStatistics()
    while !hasStopped.load(ordering: .relaxed) {
      let number = next.add(1, ordering: .relaxed).oldValue
      guard number < batches.count else { break }
      statistics.lines += batches[number].count
      // What is narrowed away may come all the same.
      if try visit(batches[number]) == .stop { hasStopped.store(true, ordering: .relaxed) }
    }
    return statistics
  }
}

/// Rows, and how often a scan of them was planned.
final class CountingRows: LogRowSource {
  private let source: any LogRowSource
  private let plans = Atomic(0)

  init(_ source: any LogRowSource) { self.source = source }

  var planCount: Int { plans.load(ordering: .relaxed) }

  func plan(_ scan: LogScan) throws -> any LogRowPlan {
    plans.add(1, ordering: .relaxed)
    return try source.plan(scan)
  }
}

/// Rows that become more: each of some sources answers a number of scans.
final class GrowingRows: LogRowSource {
  private let sources: [(rows: MemoryRows, planCount: Int)]
  private let plans = Atomic(0)

  init(_ sources: [(MemoryRows, planCount: Int)]) { self.sources = sources.map { ($0, $1) } }

  func plan(_ scan: LogScan) throws -> any LogRowPlan {
    var number = plans.add(1, ordering: .relaxed).oldValue
    for source in sources {
      if number < source.planCount { return try source.rows.plan(scan) }
      number -= source.planCount
    }
    return try sources[sources.count - 1].rows.plan(scan)
  }
}

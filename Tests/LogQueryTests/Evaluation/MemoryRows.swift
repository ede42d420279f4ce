import LogQuery
import LogStore
import Regex
import TelemetryModel

/// Rows in plain lists: slow, and obviously right.
final class MemoryRows: LogRowSource, LogStreamIndex {
  struct Stream {
    let reference: StreamReference
    let entries: [LogEntry]
  }

  let streams: [Stream]

  init(_ streams: [(labels: Labels, entries: [LogEntry])]) {
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

  func scan(_ scan: LogScan, visit: (LogRows) throws -> ScanStep) throws -> ScanStatistics {
    var statistics = ScanStatistics()
    var range = scan.range
    for stream in streams where try matches(stream.reference.labels, scan.matchers) {
      let entries = stream.entries.filter { range.contains($0.timestamp) }
      if entries.isEmpty { continue }
      var bytes: [UInt8] = []
      var starts: [UInt32] = []
      var ends: [UInt32] = []
      for entry in entries {
        starts.append(UInt32(bytes.count))
        bytes += entry.line
        ends.append(UInt32(bytes.count))
      }
      statistics.lines += entries.count
      statistics.lineBytes += bytes.count
      let rows = LogRows(
        runs: [LogRows.Run(stream: stream.reference, rows: 0..<entries.count)],
        timestamps: entries.map(\.timestamp), lineStarts: starts, lineEnds: ends,
        lineBytes: bytes, structuredMetadata: entries.map(\.structuredMetadata))
      switch try visit(rows) {
      case .proceed: break
      case .narrow(let narrower): range = range.clamped(to: narrower)
      case .stop: return statistics
      }
    }
    return statistics
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

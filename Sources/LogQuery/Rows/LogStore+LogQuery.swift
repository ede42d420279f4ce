package import LogStore
package import TelemetryModel

extension LogStore: LogRowSource {
  package func plan(_ scan: LogScan) throws -> any LogRowPlan {
    let plan: ScanPlan = try self.plan(scan)
    return plan
  }
}

extension ScanPlan: LogRowPlan {
  /// A thread more for every few megabytes: less is read before it has begun.
  package var workersMax: Int { min(sourceCount, 1 + lineBytes / (4 << 20)) }

  package func run(_ visit: (LogRows) throws -> ScanStep) throws -> ScanStatistics {
    try work(visit)
  }
}

extension LogStore: LogStreamIndex {
  package func streamLabels(
    tenants: [TenantID], matchers: [[LabelMatcher]], range: Range<Timestamp>
  ) throws -> [Labels] {
    let streams = try series(tenants: tenants, matchers: matchers, range: range)
    guard tenants.count > 1 else { return streams.map(\.labels) }
    return Array(Set(streams.map(\.labels)))
  }

  package func indexStatistics(
    tenants: [TenantID], matchers: [LabelMatcher], range: Range<Timestamp>
  ) throws -> IndexStatistics {
    let found = try statistics(
      tenants: tenants, matchers: [matchers], range: range, segmentsOnly: true)
    var statistics = IndexStatistics()
    statistics.streams = found.streams
    statistics.chunks = found.chunks
    statistics.entries = found.entries
    statistics.bytes = found.bytes
    return statistics
  }
}

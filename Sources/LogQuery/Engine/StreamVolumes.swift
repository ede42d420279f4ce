import LogStore
package import TelemetryModel

/// How many bytes of lines and metadata each stream has in a range.
package struct StreamVolumes: Sendable {
  /// Of streams with rows in the range.
  package private(set) var bytes: [Labels: Int] = [:]

  /// Reads every row of the range.
  package init(
    _ engine: QueryEngine, tenants: [TenantID], matchers: [LabelMatcher],
    range: Range<Timestamp>, limits: QueryLimits
  ) throws(QueryError) {
    var found: [StreamReference: Int] = [:]
    var statistics = QueryStatistics()
    let scan = LogScan(
      tenants: tenants, matchers: matchers, range: range, order: .oldestFirst)
    try engine.scan(scan, limits, &statistics) { rows throws(QueryError) in
      for run in rows.runs {
        var sum = 0
        for row in run.rows {
          sum += rows.lineRange(row).count
          for label in rows.metadata(row) { sum += label.name.utf8.count + label.value.utf8.count }
        }
        found[run.stream, default: 0] += sum
      }
      return .proceed
    }
    for (stream, sum) in found { bytes[stream.labels, default: 0] += sum }
  }
}

import LogStore
package import TelemetryModel

/// How many bytes of lines and metadata each stream has in a range.
package struct StreamVolumes: Sendable {
  /// Of streams with rows in the range.
  package private(set) var bytes: [Labels: Int] = [:]

  /// Looks at every row of the range, not at its line.
  package init(
    _ engine: QueryEngine, tenants: [TenantID], matchers: [LabelMatcher],
    range: Range<Timestamp>, limits: QueryLimits
  ) throws(QueryError) {
    var scan = LogScan(
      tenants: tenants, matchers: matchers, range: range, order: .oldestFirst)
    scan.wants = [.lineLengths, .metadata]
    let parts = try engine.workers(scan, limits).run { (worker) throws(QueryError) in
      var found: [StreamReference: Int] = [:]
      _ = try worker.scan { rows throws(QueryError) in
        for run in rows.runs {
          var sum = 0
          for row in run.rows {
            sum += rows.lineLength(row)
            for label in rows.metadata(row) {
              sum += label.name.utf8.count + label.value.utf8.count
            }
          }
          found[run.stream, default: 0] += sum
        }
        return .proceed
      }
      return found
    }
    for found in parts {
      for (stream, sum) in found { bytes[stream.labels, default: 0] += sum }
    }
  }
}

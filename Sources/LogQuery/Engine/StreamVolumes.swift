import Bytes
import LogStore
package import TelemetryModel

/// How many bytes each stream has in a range, bucket by bucket, counted as Loki's ingester does:
/// lines, eight bytes for each pair of structured metadata, and each different name and value of
/// a stream's metadata once.
package struct StreamVolumes: Sendable {
  /// For each bucket, the bytes of streams with rows in it.
  package private(set) var buckets: [[Labels: Int]]

  /// Names and values of one stream that are told apart; further ones count each time.
  private static let symbolsMax = 4096

  private struct Volume {
    var sums: [Int]
    var hasRows: [Bool]
    /// The bucket in which each name or value came up first.
    var symbols: [ByteText: Int] = [:]

    init(_ count: Int) {
      sums = Array(repeating: 0, count: count)
      hasRows = Array(repeating: false, count: count)
    }

    mutating func add(_ metadata: [Label], _ bucket: Int) {
      sums[bucket] += metadata.count * 8
      for label in metadata {
        add(label.name, bucket)
        add(label.value, bucket)
      }
    }

    private mutating func add(_ text: String, _ bucket: Int) {
      if let first = symbols[text] {
        if bucket < first { symbols[text] = bucket }
      } else if symbols.count < StreamVolumes.symbolsMax {
        symbols[text] = bucket
      } else {
        sums[bucket] += text.utf8.count
      }
    }

    mutating func add(_ other: Volume) {
      for bucket in sums.indices {
        sums[bucket] += other.sums[bucket]
        hasRows[bucket] = hasRows[bucket] || other.hasRows[bucket]
      }
      symbols.merge(other.symbols) { min($0, $1) }
    }
  }

  /// Looks at every row of the range, not at its line. `ends` are where buckets end, exclusive and
  /// ascending; the first begins with the range, and the last ends it.
  package init(
    _ engine: QueryEngine, tenants: [TenantID], matchers: [LabelMatcher],
    range: Range<Timestamp>, ends: [Timestamp], limits: QueryLimits
  ) throws(QueryError) {
    var scan = LogScan(
      tenants: tenants, matchers: matchers, range: range, order: .oldestFirst)
    scan.wants = [.lineLengths, .metadata]
    let parts = try engine.workers(scan, limits).run { (worker) throws(QueryError) in
      var found: [StreamReference: Volume] = [:]
      _ = try worker.scan { rows throws(QueryError) in
        for run in rows.runs {
          var volume = found.removeValue(forKey: run.stream) ?? Volume(ends.count)
          var bucket = 0
          for row in run.rows {
            // Rows of a run ascend in time.
            while bucket < ends.count - 1, rows.timestamps[row] >= ends[bucket] { bucket += 1 }
            volume.sums[bucket] += rows.lineLength(row)
            volume.hasRows[bucket] = true
            volume.add(rows.metadata(row), bucket)
          }
          found[run.stream] = volume
        }
        return .proceed
      }
      return found
    }
    var all: [StreamReference: Volume] = [:]
    for part in parts {
      for (stream, volume) in part {
        if all[stream] == nil { all[stream] = volume } else { all[stream]?.add(volume) }
      }
    }
    buckets = Array(repeating: [:], count: ends.count)
    for (stream, volume) in all {
      var sums = volume.sums
      for (symbol, bucket) in volume.symbols { sums[bucket] += symbol.text.utf8.count }
      for bucket in sums.indices where volume.hasRows[bucket] {
        buckets[bucket][stream.labels, default: 0] += sums[bucket]
      }
    }
  }
}

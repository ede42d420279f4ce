import LogQL
package import LogStore
package import TelemetryModel

/// One entry of a log query's answer.
package struct ResultEntry: Sendable {
  package let timestamp: Timestamp
  /// The line as the stages left it.
  package let text: EntryLine
  /// With the categories that `categorize-labels` answers tell apart.
  package let labels: RowLabels

  package init(timestamp: Timestamp, text: EntryLine, labels: RowLabels) {
    self.timestamp = timestamp
    self.text = text
    self.labels = labels
  }

  package var line: [UInt8] { text.bytes }
}

/// The entries of one final label set.
package struct ResultStream: Sendable {
  /// Never empty, in the query's direction.
  package var entries: [ResultEntry]
  package var labels: Labels

  package init(entries: [ResultEntry], labels: Labels) {
    self.entries = entries
    self.labels = labels
  }
}

extension [ResultStream] {
  /// In the order of the labels' text, bytes compared, as Loki answers: a set comes behind the
  /// sets that have more labels after the same first ones.
  package var sortedByText: [ResultStream] {
    guard count > 1 else { return self }
    let texts: [[UInt8]] = map { [UInt8]($0.labels.description.utf8) }
    return indices.sorted { texts[$0].lexicographicallyPrecedes(texts[$1]) }.map { self[$0] }
  }
}

/// One value at one moment.
package struct SamplePoint: Sendable, Hashable {
  package var time: Timestamp
  package var value: Double
}

/// One series of a metric query's answer.
package struct ResultSeries: Sendable {
  package var labels: Labels
  /// In time order, never empty.
  package var points: [SamplePoint]
}

/// An answer, of the type that Loki calls `resultType`.
package struct QueryResult: Sendable {
  package enum Value: Sendable {
    /// Sorted by the text of their labels.
    case streams([ResultStream])
    /// One point for each series, sorted by labels or as `sort` says.
    case vector([ResultSeries])
    /// Sorted by labels.
    case matrix([ResultSeries])
    case scalar(SamplePoint)
  }

  package var value: Value
  package var statistics: QueryStatistics

  package init(value: Value, statistics: QueryStatistics) {
    self.value = value
    self.statistics = statistics
  }
}

/// What a query cost.
package struct QueryStatistics: Sendable {
  package var scan = ScanStatistics()
  /// Rows that passed the pipeline.
  package var linesPassed = 0
  package var entriesReturned = 0

  package init() {}

  /// Adds what another part of the query cost.
  mutating func add(_ other: QueryStatistics) {
    add(other.scan)
    linesPassed += other.linesPassed
    entriesReturned += other.entriesReturned
  }

  mutating func add(_ other: ScanStatistics) { scan.add(other) }
}

extension QueryRequest {
  /// The answer to a query of a time that holds nothing.
  var emptyResult: QueryResult {
    let value: QueryResult.Value =
      if case .log = expression { .streams([]) } else if isInstant { .vector([]) } else {
        .matrix([])
      }
    return QueryResult(value: value, statistics: QueryStatistics())
  }
}

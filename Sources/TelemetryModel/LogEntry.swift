/// One log line as an agent's stage or a test sees it. Stores keep rows in columns instead.
package struct LogEntry: Hashable, Sendable {
  package var timestamp: Timestamp
  /// As it was received; not always valid UTF-8.
  package var line: [UInt8]
  /// Labels of this row that are not indexed, in the order received.
  package var structuredMetadata: [Label]

  package init(timestamp: Timestamp, line: [UInt8], structuredMetadata: [Label] = []) {
    self.timestamp = timestamp
    self.line = line
    self.structuredMetadata = structuredMetadata
  }
}

/// The rows of one stream as columns: what a push carries and a batch holds.
package struct StreamRows: Sendable {
  package var labels: Labels
  package var timestamps: [Timestamp] = []
  /// All lines, one after another.
  package var lineBytes: [UInt8] = []
  /// Where each line ends in `lineBytes`; as many as timestamps.
  package var lineEnds: [Int] = []
  /// Either empty (no row has any) or one list for each row.
  package var structuredMetadata: [[Label]] = []

  package init(labels: Labels) { self.labels = labels }

  package var count: Int { timestamps.count }

  /// Where row `row`'s line lies in `lineBytes`.
  package func lineRange(_ row: Int) -> Range<Int> {
    (row == 0 ? 0 : lineEnds[row - 1])..<lineEnds[row]
  }

  package func metadata(_ row: Int) -> [Label] {
    structuredMetadata.isEmpty ? [] : structuredMetadata[row]
  }

  package func entry(_ row: Int) -> LogEntry {
    LogEntry(
      timestamp: timestamps[row], line: Array(lineBytes[lineRange(row)]),
      structuredMetadata: metadata(row))
  }

  package mutating func append(_ entry: LogEntry) {
    timestamps.append(entry.timestamp)
    lineBytes.append(contentsOf: entry.line)
    lineEnds.append(lineBytes.count)
    if !entry.structuredMetadata.isEmpty || !structuredMetadata.isEmpty {
      while structuredMetadata.count < timestamps.count - 1 { structuredMetadata.append([]) }
      structuredMetadata.append(entry.structuredMetadata)
    }
  }
}

import LogStore
import TelemetryModel

/// One thread's part in a log query: runs rows through the stages and keeps the best entries.
struct EntryReader {
  private var pipeline: LogPipeline
  private(set) var heap: EntryHeap
  private var hashes = StreamHashes()
  /// Where no stage looks at a row, the labels of the present run's rows by their metadata.
  private var known: [(metadata: [Label], labels: RowLabels)] = []
  private static let knownMax = 8
  /// Rows that passed the stages.
  private(set) var passed = 0

  init(_ pipeline: LogPipeline, _ heap: EntryHeap) {
    self.pipeline = pipeline
    self.heap = heap
  }

  mutating func visit(_ rows: LogRows) {
    for run in rows.runs {
      let streamHash = hashes.hash(of: run.stream)
      known.removeAll(keepingCapacity: true)
      // A forward query's first rows are its best, a backward one's the last: then most of the
      // others need no look once the heap is full.
      if heap.direction == .forward {
        for row in run.rows where !take(row, of: run, streamHash, rows) { break }
      } else {
        for row in run.rows.reversed() where !take(row, of: run, streamHash, rows) {
          break
        }
      }
    }
  }

  /// Whether rows of the run behind this one may be wanted still.
  private mutating func take(
    _ row: Int, of run: LogRows.Run, _ streamHash: UInt64, _ rows: LogRows
  ) -> Bool {
    let timestamp = rows.timestamps[row]
    guard heap.wants(timestamp) else { return false }
    let rank = EntryHeap.Rank(
      timestamp: timestamp, streamHash: streamHash, arrival: rows.arrival,
      place: rows.place(row))
    guard heap.wants(rank) else { return true }
    rows.withLine(row) { line in
      if pipeline.isEmpty {
        passed += 1
        heap.insert(rank, labels(rows.metadata(row), run.stream), line)
        return
      }
      guard
        let processed = pipeline.process(
          line: line, at: timestamp, stream: run.stream, metadata: rows.metadata(row))
      else { return }
      passed += 1
      heap.insert(rank, processed.labels, processed.line)
    }
    return true
  }

  /// The labels of a row that no stage looks at.
  private mutating func labels(_ metadata: [Label], _ stream: StreamReference) -> RowLabels {
    // Rows of a block often share their lists: then no label is compared.
    if let place = known.firstIndex(where: { $0.metadata == metadata }) {
      return known[place].labels
    }
    let made = pipeline.labels(of: stream, metadata)
    if known.count >= Self.knownMax { known.removeFirst() }
    known.append((metadata, made))
    return made
  }
}

/// What one thread of a log query found.
struct EntryPart: Sendable {
  var entries: OrderedEntries
  var statistics: QueryStatistics
}

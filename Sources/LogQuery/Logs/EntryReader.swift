import LogStore
import TelemetryModel

/// One thread's part in a log query: runs rows through the stages and keeps the best entries.
struct EntryReader {
  private var pipeline: LogPipeline
  private(set) var heap: EntryHeap
  private var hashes = StreamHashes()
  /// Rows that passed the stages.
  private(set) var passed = 0

  init(_ pipeline: LogPipeline, _ heap: EntryHeap) {
    self.pipeline = pipeline
    self.heap = heap
  }

  mutating func visit(_ rows: LogRows) {
    for run in rows.runs {
      let streamHash = hashes.hash(of: run.stream)
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
      guard
        let processed = pipeline.process(
          line: line, at: timestamp, stream: run.stream, metadata: rows.metadata(row))
      else { return }
      passed += 1
      heap.insert(
        EntryHeap.Item(rank: rank, labels: processed.labels, line: Array(processed.line)))
    }
    return true
  }
}

/// What one thread of a log query found.
struct EntryPart: Sendable {
  var heap: EntryHeap
  var statistics: QueryStatistics
}

import LogQL
import LogStore
import TelemetryModel

/// What number a row stands for.
enum SampleSource {
  case one
  case lineBytes
  case unwrapped
}

/// One thread's reading of a range aggregation: rows to series and samples.
struct RangeReader<Sink: SampleSink> {
  private let leaf: RangeLeaf
  private let panes: PaneGrid
  private let sample: SampleSource
  /// Nothing looks at lines or metadata: a stream is a series.
  private let isPlain: Bool
  private var pipeline: LogPipeline
  private(set) var index: SeriesIndex
  private(set) var sink: Sink
  private(set) var passed = 0

  init(_ leaf: RangeLeaf, _ panes: PaneGrid, _ sample: SampleSource, _ sink: Sink)
    throws(QueryError)
  {
    self.leaf = leaf
    self.panes = panes
    self.sample = sample
    self.sink = sink
    let range = leaf.aggregation.range
    isPlain = range.selection.stages.isEmpty && range.unwrap == nil
    pipeline = try LogPipeline(
      running: range.selection.stages, unwrap: range.unwrap, need: leaf.need)
    index = SeriesIndex(leaf)
  }

  mutating func visit(_ rows: LogRows) throws(QueryError) {
    if isPlain, rows.hasNoMetadata {
      try visitPlain(rows)
      passed += rows.count
    } else {
      try visitProcessed(rows)
    }
  }

  /// Every row of a stream is of one series: rows of a pane are counted together.
  private mutating func visitPlain(_ rows: LogRows) throws(QueryError) {
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    for run in rows.runs {
      var row = run.rows.lowerBound
      guard
        let first = pipeline.process(
          line: nothing, at: rows.timestamps[row], stream: run.stream, metadata: [])
      else { continue }
      let place = try index.place(of: first.labels)
      while row < run.rows.upperBound {
        let pane = panes.pane(rows.timestamps[row])
        let next = rows.timestamps.firstIndex(
          after: panes.paneEnd(pane), in: row..<run.rows.upperBound)
        defer { row = next }
        guard panes.isCovered(pane) else { continue }
        if sample == .lineBytes {
          for one in row..<next {
            sink.add(
              Double(rows.lineLength(one)), at: rows.timestamps[one], pane: pane, to: place)
          }
        } else {
          sink.add(ones: next - row, pane: pane, to: place)
        }
      }
    }
  }

  private mutating func visitProcessed(_ rows: LogRows) throws(QueryError) {
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    for run in rows.runs {
      for row in run.rows {
        let pane = panes.pane(rows.timestamps[row])
        guard panes.isCovered(pane) else { continue }
        if pipeline.needsLine || sample == .lineBytes {
          try rows.withLine(row) { (line) throws(QueryError) in
            try take(row, line, of: run, pane, rows)
          }
        } else {
          try take(row, nothing, of: run, pane, rows)
        }
      }
    }
  }

  private mutating func take(
    _ row: Int, _ line: UnsafeRawBufferPointer, of run: LogRows.Run, _ pane: Int, _ rows: LogRows
  ) throws(QueryError) {
    let time = rows.timestamps[row]
    guard
      let processed = pipeline.process(
        line: line, at: time, stream: run.stream, metadata: rows.metadata(row))
    else { return }
    passed += 1
    let place = try index.place(of: processed.labels)
    switch sample {
    case .one: sink.add(ones: 1, pane: pane, to: place)
    case .lineBytes: sink.add(Double(processed.line.count), at: time, pane: pane, to: place)
    case .unwrapped: sink.add(processed.value, at: time, pane: pane, to: place)
    }
  }
}

extension [Timestamp] {
  /// The first row of `rows` behind `time`, or their end; the first is at or before it, and they
  /// are in order of time. Near ones are looked at first.
  func firstIndex(after time: Timestamp, in rows: Range<Int>) -> Int {
    var low = rows.lowerBound
    var step = 1
    while low + step < rows.upperBound, self[low + step] <= time {
      low += step
      step *= 2
    }
    // `low` is at or before `time`.
    var high = Swift.min(low + step, rows.upperBound)
    low += 1
    while low < high {
      let middle = (low + high) / 2
      if self[middle] <= time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

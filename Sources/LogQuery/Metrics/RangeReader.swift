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
  let panes: PaneGrid
  let sample: SampleSource
  /// Nothing looks at lines or metadata: a stream is a series.
  private let isPlain: Bool
  private let readsLine: Bool
  var pipeline: LogPipeline
  var index: SeriesIndex
  var sink: Sink
  /// Of rows that are read by columns.
  var known = KnownOutcomes()
  var counts = CodeCounts()
  /// Rows that passed the stages.
  var passed = 0

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
      running: range.selection.stages, unwrap: range.unwrap, need: leaf.need,
      hasLinesDecided: true)
    readsLine = pipeline.readsLine || sample == .lineBytes
    index = SeriesIndex(leaf)
  }

  mutating func visit(_ rows: LogRows) throws(QueryError) {
    if try visitColumns(rows) { return }
    if isPlain {
      if rows.hasNoMetadata { try visitPlain(rows) } else { try visitMetadata(rows) }
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
        passed += next - row
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

  /// Streams and metadata alone make the series; metadata is often the same on many rows.
  private mutating func visitMetadata(_ rows: LogRows) throws(QueryError) {
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    for run in rows.runs {
      var known: (metadata: [Label], place: Int)?
      for row in run.rows {
        let time = rows.timestamps[row]
        let pane = panes.pane(time)
        guard panes.isCovered(pane) else { continue }
        let metadata = rows.metadata(row)
        if known?.metadata != metadata {
          let processed = pipeline.process(
            line: nothing, at: time, stream: run.stream, metadata: metadata)
          guard let processed else { continue }
          known = (metadata, try index.place(of: processed.labels))
        }
        guard let place = known?.place else { continue }
        passed += 1
        if sample == .lineBytes {
          sink.add(Double(rows.lineLength(row)), at: time, pane: pane, to: place)
        } else {
          sink.add(ones: 1, pane: pane, to: place)
        }
      }
    }
  }

  /// Row by row, each from its line.
  private mutating func visitProcessed(_ rows: LogRows) throws(QueryError) {
    for run in rows.runs {
      for row in run.rows {
        let time = rows.timestamps[row]
        let pane = panes.pane(time)
        guard panes.isCovered(pane) else { continue }
        guard readsLine else {
          let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
          try take(row, of: run, nothing, rows, pane)
          continue
        }
        try rows.withLine(row) { (line) throws(QueryError) in
          try take(row, of: run, line, rows, pane)
        }
      }
    }
  }

  private mutating func take(
    _ row: Int, of run: LogRows.Run, _ line: UnsafeRawBufferPointer, _ rows: LogRows, _ pane: Int
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

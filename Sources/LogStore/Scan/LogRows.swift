package import TelemetryModel

/// One batch of rows that a scan hands to its visitor: rows of one block or of the head.
///
/// Rows are sorted by (stream, time), and each lies in the scan's range and in a stream that
/// matches, and all of the scan's line conditions hold for it. Valid during the visit, on the
/// visiting thread; a visitor copies what it keeps.
package struct LogRows {
  /// Consecutive rows of one stream.
  package struct Run {
    package let stream: StreamReference
    /// Indexes into the batch.
    package let rows: Range<Int>

    package init(stream: StreamReference, rows: Range<Int>) {
      self.stream = stream
      self.rows = rows
    }
  }

  /// Lines of a batch: at hand, or made when they are asked for.
  enum Lines {
    case text(bytes: [UInt8], starts: [UInt32], ends: [UInt32])
    /// Of the rows that the batch's places say.
    case lazy(LazyRows)
  }

  /// Structured metadata of a batch: at hand, or made when it is asked for.
  enum Metadata {
    case none
    /// One list for each row.
    case lists([[Label]])
    /// Of the rows that the batch's places say.
    case lazy(LazyRows)
  }

  /// The streams of this batch, each with its rows; together all rows in order, none empty.
  package private(set) var runs: [Run]
  /// The time of each row.
  package let timestamps: [Timestamp]
  /// Whether the scan's field conditions hold for all rows; else the visitor checks them.
  package let isDecided: Bool
  /// Rows of batches with a larger number came later into the store than other rows of their
  /// stream and time; within a batch ``place(_:)`` says so.
  package internal(set) var arrival = 0
  private let lines: Lines
  private let structuredMetadata: Metadata
  private let columns: [FieldColumn?]
  /// Where rows stand in their block or head batch.
  private let places: RowPlaces
  /// What the blocks of a segment have in common; see ``FieldColumn/Dictionary/numbers``.
  package private(set) var strings: AnyObject?

  /// Rows with their lines at hand.
  package init(
    runs: [Run], timestamps: [Timestamp], lineStarts: [UInt32], lineEnds: [UInt32],
    lineBytes: [UInt8], structuredMetadata: [[Label]]
  ) {
    self.init(
      runs: runs, timestamps: timestamps, places: RowPlaces(0..<timestamps.count),
      lines: .text(bytes: lineBytes, starts: lineStarts, ends: lineEnds),
      metadata: structuredMetadata.isEmpty ? .none : .lists(structuredMetadata))
  }

  init(
    runs: [Run], timestamps: [Timestamp], places: RowPlaces, lines: Lines, metadata: Metadata,
    columns: [FieldColumn?] = [], strings: AnyObject? = nil, isDecided: Bool = false
  ) {
    self.runs = runs
    self.timestamps = timestamps
    self.places = places
    self.lines = lines
    structuredMetadata = metadata
    self.columns = columns
    self.strings = strings
    self.isDecided = isDecided
  }

  /// The same rows under other streams; `runs` cover the same rows.
  package func named(_ runs: [Run]) -> LogRows {
    var rows = self
    rows.runs = runs
    return rows
  }

  @inlinable package var count: Int { timestamps.count }

  /// The stream of row `row`. Loops go over ``runs`` instead.
  package func streamOf(_ row: Int) -> StreamReference {
    var low = 0
    var high = runs.count - 1
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].rows.upperBound <= row { low = middle + 1 } else { high = middle }
    }
    return runs[low].stream
  }

  /// The values of the scan's field `field`, or nil when these rows must be parsed from the line.
  package func column(_ field: Int) -> FieldColumn? {
    columns.indices.contains(field) ? columns[field] : nil
  }

  /// Where row `row` stands among all rows of its block or head batch.
  package func place(_ row: Int) -> Int { places[row] }

  /// The length of row `row`'s line.
  package func lineLength(_ row: Int) -> Int {
    switch lines {
    case .text(_, let starts, let ends): Int(ends[row] - starts[row])
    case .lazy(let lazy): lazy.lineLength(places[row])
    }
  }

  /// Lends the line of row `row`, which is put together for the call where it is in columns.
  package func withLine<Result, Failure: Error>(
    _ row: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch lines {
    case .text(let bytes, let starts, let ends):
      let range = Int(starts[row])..<Int(ends[row])
      return try bytes.withUnsafeBufferPointer { (all) throws(Failure) -> Result in
        try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(all)[range]))
      }
    case .lazy(let lazy):
      return try lazy.line(places[row]).withUnsafeBufferPointer {
        (line) throws(Failure) -> Result in
        try body(UnsafeRawBufferPointer(line))
      }
    }
  }

  /// The structured metadata of row `row`, in the order stored: sorted by name.
  package func metadata(_ row: Int) -> [Label] {
    switch structuredMetadata {
    case .none: []
    case .lists(let lists): lists[row]
    case .lazy(let lazy): lazy.metadata(places[row])
    }
  }

  /// Whether no row has structured metadata, or it was not wanted.
  package var hasNoMetadata: Bool {
    if case .none = structuredMetadata { true } else { false }
  }

  /// Rows whose lines were made so far.
  var renderedCount: Int { if case .lazy(let lazy) = lines { lazy.renderedCount } else { 0 } }

  /// The first thing that could not be read of what was asked for: the visitor got an empty line or
  /// no metadata for it, and what it made of that is no answer.
  var failure: LogStoreError? {
    if case .lazy(let lazy) = lines, let failure = lazy.failure { return failure }
    if case .lazy(let lazy) = structuredMetadata { return lazy.failure }
    return nil
  }
}

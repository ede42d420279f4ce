package import TelemetryModel

/// One batch of rows that a scan hands to its visitor: rows of one block or of the head.
///
/// Rows are sorted by (stream, time), and each lies in the scan's range and in a stream that
/// matches. Valid during the visit; a visitor copies what it keeps.
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

  /// The streams of this batch, each with its rows; together all rows in order, none empty.
  package let runs: [Run]
  /// The time of each row.
  package let timestamps: [Timestamp]
  /// Where each row's line begins in `lineBytes`.
  @usableFromInline package let lineStarts: [UInt32]
  /// Where each row's line ends in `lineBytes`.
  @usableFromInline package let lineEnds: [UInt32]
  /// The lines, at least those of this batch.
  @usableFromInline package let lineBytes: [UInt8]
  /// Whether lines can be read; else ``lineRange(_:)`` still has the right length.
  package let hasLines: Bool
  /// One list of labels for each row, or empty when no row has any.
  package let structuredMetadata: [[Label]]

  package init(
    runs: [Run], timestamps: [Timestamp], lineStarts: [UInt32], lineEnds: [UInt32],
    lineBytes: [UInt8], structuredMetadata: [[Label]], hasLines: Bool = true
  ) {
    self.runs = runs
    self.timestamps = timestamps
    self.lineStarts = lineStarts
    self.lineEnds = lineEnds
    self.lineBytes = lineBytes
    self.structuredMetadata = structuredMetadata
    self.hasLines = hasLines
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

  /// Where row `row`'s line lies within the bytes of ``withLineBytes(_:)``.
  @inlinable
  package func lineRange(_ row: Int) -> Range<Int> {
    Int(lineStarts[row])..<Int(lineEnds[row])
  }

  /// Lends the line of row `row`; no bytes when the batch has no lines, see ``hasLines``.
  @inlinable
  package func withLine<Result, Failure: Error>(
    _ row: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let range = hasLines ? lineRange(row) : 0..<0
    return try withLineBytes { (all) throws(Failure) -> Result in
      try body(UnsafeRawBufferPointer(rebasing: all[range]))
    }
  }

  /// Lends all lines of the block at once, for loops over many rows with ``lineRange(_:)``.
  @inlinable
  package func withLineBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try lineBytes.withUnsafeBufferPointer { (all) throws(Failure) -> Result in
      try body(UnsafeRawBufferPointer(all))
    }
  }

  /// The structured metadata of row `row`, in the order stored: sorted by name.
  package func metadata(_ row: Int) -> [Label] {
    structuredMetadata.isEmpty ? [] : structuredMetadata[row]
  }
}

import Bytes
import TelemetryModel

/// Rows of a block or a head batch, decoded, before a scan's conditions are applied.
struct RowColumns {
  struct Run {
    let stream: StreamReference
    let rows: Range<Int>
  }

  /// The runs that are wanted; others of the block are left out here.
  var runs: [Run]
  var timestamps: [Timestamp]
  var lineStarts: [UInt32]
  var lineEnds: [UInt32]
  var lineBytes: [UInt8]
  /// `lineBytes` holds the lines; else there are their lengths alone.
  var hasLines = true
  /// Each line begins where the one before ends, so that many can be searched at once.
  var isContiguous: Bool
  /// May hold exact duplicates among its own rows.
  var mayRepeat: Bool
  var structuredMetadata: [[Label]]

  /// The column of starts that belongs to a column of ends.
  static func starts(of ends: [UInt32]) -> [UInt32] {
    var starts: [UInt32] = []
    starts.reserveCapacity(ends.count)
    var start: UInt32 = 0
    for end in ends {
      starts.append(start)
      start = end
    }
    return starts
  }

  /// A head batch, its rows brought into the order of time.
  init(_ batch: HeadBatch, stream: StreamReference) {
    runs = [Run(stream: stream, rows: 0..<batch.count)]
    lineBytes = batch.lineBytes
    mayRepeat = true
    let starts = Self.starts(of: batch.lineEnds)
    isContiguous = batch.isSorted
    if batch.isSorted {
      timestamps = batch.timestamps
      lineStarts = starts
      lineEnds = batch.lineEnds
      structuredMetadata = batch.structuredMetadata
    } else {
      let order = batch.order()
      timestamps = order.map { batch.timestamps[Int($0)] }
      lineStarts = order.map { starts[Int($0)] }
      lineEnds = order.map { batch.lineEnds[Int($0)] }
      structuredMetadata =
        batch.structuredMetadata.isEmpty ? [] : order.map { batch.structuredMetadata[Int($0)] }
    }
  }

  init(
    runs: [Run], timestamps: [Timestamp], lines: LineColumn, structuredMetadata: [[Label]]
  ) {
    self.runs = runs
    self.timestamps = timestamps
    lineStarts = Self.starts(of: lines.ends)
    lineEnds = lines.ends
    lineBytes = lines.bytes
    isContiguous = true
    mayRepeat = false
    self.structuredMetadata = structuredMetadata
  }

  func metadata(_ row: Int) -> [Label] {
    structuredMetadata.isEmpty ? [] : structuredMetadata[row]
  }

  /// The rows of `run` that lie in `range`; rows of a run are sorted by time.
  func rows(of run: Run, in range: Range<Timestamp>) -> Range<Int> {
    let low = firstRow(run.rows, notBefore: range.lowerBound)
    return low..<firstRow(low..<run.rows.upperBound, notBefore: range.upperBound)
  }

  private func firstRow(_ rows: Range<Int>, notBefore time: Timestamp) -> Int {
    var low = rows.lowerBound
    var high = rows.upperBound
    while low < high {
      let middle = (low + high) / 2
      if timestamps[middle] < time { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The rows of `rows` whose line holds `literal`, in order.
  func rows(_ rows: Range<Int>, holding literal: [UInt8]) -> [Int] {
    var found: [Int] = []
    guard !rows.isEmpty else { return found }
    lineBytes.withUnsafeBytes { bytes in
      literal.withUnsafeBytes { literal in
        guard isContiguous else {
          for row in rows {
            let line = UnsafeRawBufferPointer(
              rebasing: bytes[Int(lineStarts[row])..<Int(lineEnds[row])])
            if ByteSearch.firstIndex(of: literal, in: line) != nil { found.append(row) }
          }
          return
        }
        let window = UnsafeRawBufferPointer(
          rebasing: bytes[..<Int(lineEnds[rows.upperBound - 1])])
        var row = rows.lowerBound
        var at = Int(lineStarts[row])
        while let hit = ByteSearch.firstIndex(of: literal, in: window, from: at) {
          row = rowEnding(after: hit, from: row, before: rows.upperBound)
          let end = Int(lineEnds[row])
          if hit + literal.count <= end {
            found.append(row)
            at = end
          } else {
            // It lies across the end of a line.
            at = hit + 1
          }
          if at >= window.count { break }
        }
      }
    }
    return found
  }

  /// The first row at or after `from` whose line ends behind `position`: near ones first, since
  /// hits are often dense.
  private func rowEnding(after position: Int, from: Int, before end: Int) -> Int {
    var low = from
    var step = 1
    while low + step < end, Int(lineEnds[low + step - 1]) <= position {
      low += step
      step *= 2
    }
    var high = min(low + step, end - 1)
    while low < high {
      let middle = (low + high) / 2
      if Int(lineEnds[middle]) <= position { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

import Bytes
import TelemetryModel

/// Applies a scan's range, literals and the leaving out of duplicates to decoded rows.
struct RowSelection {
  var range: Range<Timestamp>
  /// The longest required literal first; empty ones are gone.
  let literals: [[UInt8]]

  init(range: Range<Timestamp>, requiredLiterals: [[UInt8]]) {
    self.range = range
    literals = requiredLiterals.filter { !$0.isEmpty }.sorted { $0.count > $1.count }
  }

  /// Whether all literals occur in a block's lines, before its other columns are decoded.
  func mayHold(_ lineBytes: [UInt8]) -> Bool {
    lineBytes.withUnsafeBytes { bytes in
      literals.allSatisfy { ByteSearch.firstIndex(of: $0, in: bytes) != nil }
    }
  }

  /// The rows that a visitor should see, or nil when there are none.
  func select(_ columns: RowColumns, _ duplicates: inout DuplicateFilter) -> LogRows? {
    var runs: [LogRows.Run] = []
    var selected: [Int] = []
    var isWhole = true
    var next = 0
    for run in columns.runs {
      let rows = columns.rows(of: run, in: range)
      var kept: [Int]?
      if let literal = literals.first {
        var holding = columns.rows(rows, holding: literal)
        for other in literals.dropFirst() {
          holding.removeAll { columns.rows($0..<($0 + 1), holding: other).isEmpty }
        }
        kept = holding
      }
      if duplicates.applies(to: run.stream, mayRepeat: columns.mayRepeat) {
        kept = duplicates.filter(kept ?? Array(rows), columns, run.stream)
      }
      let count = kept?.count ?? rows.count
      // While everything so far was taken, the columns can be handed on as they are.
      if isWhole, count == rows.count, rows.lowerBound == next {
        next = rows.upperBound
      } else {
        if isWhole {
          isWhole = false
          selected = Array(0..<next)
        }
        selected.append(contentsOf: kept ?? Array(rows))
      }
      guard count > 0 else { continue }
      let start = runs.last?.rows.upperBound ?? 0
      runs.append(LogRows.Run(stream: run.stream, rows: start..<(start + count)))
    }
    guard !runs.isEmpty else { return nil }
    if isWhole { return whole(columns, runs, next) }
    return LogRows(
      runs: runs, timestamps: selected.map { columns.timestamps[$0] },
      lineStarts: selected.map { columns.lineStarts[$0] },
      lineEnds: selected.map { columns.lineEnds[$0] }, lineBytes: columns.lineBytes,
      structuredMetadata: columns.structuredMetadata.isEmpty
        ? [] : selected.map { columns.structuredMetadata[$0] }, hasLines: columns.hasLines)
  }

  /// The first `count` rows, without a copy when these are all.
  private func whole(_ columns: RowColumns, _ runs: [LogRows.Run], _ count: Int) -> LogRows {
    guard count < columns.timestamps.count else {
      return LogRows(
        runs: runs, timestamps: columns.timestamps, lineStarts: columns.lineStarts,
        lineEnds: columns.lineEnds, lineBytes: columns.lineBytes,
        structuredMetadata: columns.structuredMetadata, hasLines: columns.hasLines)
    }
    return LogRows(
      runs: runs, timestamps: Array(columns.timestamps[..<count]),
      lineStarts: Array(columns.lineStarts[..<count]),
      lineEnds: Array(columns.lineEnds[..<count]), lineBytes: columns.lineBytes,
      structuredMetadata: columns.structuredMetadata.isEmpty
        ? [] : Array(columns.structuredMetadata[..<count]), hasLines: columns.hasLines)
  }
}

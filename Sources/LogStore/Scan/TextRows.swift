import Bytes
import TelemetryModel

/// Rows whose lines are kept as they came: of the head, or of a plain block.
final class TextRows: LoadedRows {
  private let times: [Timestamp]
  let mayRepeat: Bool
  private(set) var inflatedCount = 0
  let readCount: Int
  private var lineBytes: [UInt8]
  private let lineStarts: [UInt32]
  private let lineEnds: [UInt32]
  /// Each line begins where the one before ends, so that many can be searched at once.
  private let isContiguous: Bool
  /// What is still to be decoded.
  private var lazyLines: (() throws(LogStoreError) -> [UInt8])?
  private var lazyMetadata: (() throws(LogStoreError) -> [[Label]])?
  private var structuredMetadata: [[Label]] = []

  /// A head batch, its rows brought into the order of time.
  init(_ batch: HeadBatch) {
    lineBytes = batch.lineBytes
    mayRepeat = true
    readCount = 0
    let starts = Self.starts(of: batch.lineEnds)
    isContiguous = batch.isSorted
    if batch.isSorted {
      times = batch.timestamps
      lineStarts = starts
      lineEnds = batch.lineEnds
      structuredMetadata = batch.structuredMetadata
    } else {
      let order = batch.order()
      times = order.map { batch.timestamps[Int($0)] }
      lineStarts = order.map { starts[Int($0)] }
      lineEnds = order.map { batch.lineEnds[Int($0)] }
      structuredMetadata =
        batch.structuredMetadata.isEmpty ? [] : order.map { batch.structuredMetadata[Int($0)] }
    }
  }

  /// A plain block; lines and metadata are inflated when they are asked for.
  init(_ block: PlainBlock) throws(LogStoreError) {
    times = try block.timestamps()
    lineEnds = try block.lineEnds()
    lineStarts = Self.starts(of: lineEnds)
    lineBytes = []
    isContiguous = true
    mayRepeat = false
    readCount = block.byteCount
    lazyLines = { () throws(LogStoreError) in try block.lines().bytes }
    lazyMetadata = { () throws(LogStoreError) in try block.structuredMetadata() }
  }

  /// The column of starts that belongs to a column of ends.
  private static func starts(of ends: [UInt32]) -> [UInt32] {
    var starts: [UInt32] = []
    starts.reserveCapacity(ends.count)
    var start: UInt32 = 0
    for end in ends {
      starts.append(start)
      start = end
    }
    return starts
  }

  // MARK: parts

  func timestamps() throws(LogStoreError) -> [Timestamp] { times }

  private func loadLines() throws(LogStoreError) {
    guard let load = lazyLines else { return }
    lineBytes = try load()
    inflatedCount += lineBytes.count
    lazyLines = nil
  }

  func metadata(_ row: Int) throws(LogStoreError) -> [Label] {
    if let load = lazyMetadata {
      structuredMetadata = try load()
      lazyMetadata = nil
    }
    return structuredMetadata.isEmpty ? [] : structuredMetadata[row]
  }

  func lineLength(_ row: Int) -> Int { Int(lineEnds[row] - lineStarts[row]) }

  func appendLine(_ row: Int, to out: inout [UInt8]) throws(LogStoreError) {
    try loadLines()
    lineBytes.withUnsafeBytes {
      out.append(
        contentsOf: UnsafeRawBufferPointer(
          rebasing: $0[Int(lineStarts[row])..<Int(lineEnds[row])]))
    }
  }

  // MARK: choosing

  func select(_ runs: [ChosenRun], _ conditions: ScanConditions) throws(LogStoreError)
    -> [ChosenRun]
  {
    guard !conditions.isEmpty else { return runs }
    try loadLines()
    guard mayHold(conditions.literals) else { return [] }
    return runs.map { run in
      var run = run
      var decided: [UInt8]?
      if let literal = conditions.literals.first {
        run.rows = .list(rows(run.rows, holding: literal))
        decided = literal
      }
      for condition in conditions.conditions {
        if let only = condition.onlyLiteral, only == decided { continue }
        run.rows = filtered(run.rows, condition)
      }
      return run
    }.filter { $0.rows.count > 0 }
  }

  /// Whether all literals occur in some line.
  private func mayHold(_ literals: [[UInt8]]) -> Bool {
    lineBytes.withUnsafeBytes { bytes in
      literals.allSatisfy { ByteSearch.firstIndex(of: $0, in: bytes) != nil }
    }
  }

  private func filtered(_ rows: RowChoice, _ condition: LineCondition) -> RowChoice {
    lineBytes.withUnsafeBytes { bytes in
      rows.filtered { row in
        condition.holds(
          UnsafeRawBufferPointer(rebasing: bytes[Int(lineStarts[row])..<Int(lineEnds[row])]))
      }
    }
  }

  /// The rows whose line holds `literal`, in order.
  private func rows(_ rows: RowChoice, holding literal: [UInt8]) -> [UInt32] {
    guard case .range(let range) = rows, isContiguous, !range.isEmpty else {
      return filtered(rows, LineCondition([.contains(literal)])).rows
    }
    var found: [UInt32] = []
    lineBytes.withUnsafeBytes { bytes in
      literal.withUnsafeBytes { literal in
        let window = UnsafeRawBufferPointer(
          rebasing: bytes[..<Int(lineEnds[range.upperBound - 1])])
        var row = range.lowerBound
        var at = Int(lineStarts[row])
        while let hit = ByteSearch.firstIndex(of: literal, in: window, from: at) {
          row = rowEnding(after: hit, from: row, before: range.upperBound)
          let end = Int(lineEnds[row])
          if hit + literal.count <= end {
            found.append(UInt32(row))
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

  // MARK: handing on

  func batches(_ runs: [ChosenRun], _ scan: LogScan) throws(LogStoreError) -> [LogRows] {
    if scan.wants.contains(.lines) { try loadLines() }
    let made = BatchRuns(runs)
    guard made.count > 0 else { return [] }
    var lists: [[Label]] = []
    if scan.wants.contains(.metadata) {
      _ = try metadata(0)
      lists = structuredMetadata.isEmpty ? [] : made.pick(structuredMetadata)
    }
    let lines: LogRows.Lines =
      lazyLines == nil
      ? .text(bytes: lineBytes, starts: made.pick(lineStarts), ends: made.pick(lineEnds))
      : .lazy(LazyRows(self))
    return [
      LogRows(
        runs: made.runs, timestamps: made.pick(times), places: made.places, lines: lines,
        metadata: lists.isEmpty ? .none : .lists(lists),
        isDecided: scan.fieldConditions.isEmpty)
    ]
  }
}

/// Chosen rows laid side by side as the rows of a batch.
struct BatchRuns {
  let runs: [LogRows.Run]
  /// The source's rows in the order of the batch.
  let places: RowPlaces
  var count: Int { places.count }

  init(_ chosen: [ChosenRun]) {
    var runs: [LogRows.Run] = []
    var start = 0
    // As long as all rows follow each other.
    var range: Range<Int>?
    var isRange = true
    for run in chosen where run.rows.count > 0 {
      runs.append(LogRows.Run(stream: run.stream, rows: start..<(start + run.rows.count)))
      start += run.rows.count
      guard isRange, case .range(let rows) = run.rows,
        range.map({ $0.upperBound == rows.lowerBound }) ?? true
      else {
        isRange = false
        continue
      }
      range = (range?.lowerBound ?? rows.lowerBound)..<rows.upperBound
    }
    self.runs = runs
    if isRange {
      places = RowPlaces(range ?? 0..<0)
    } else {
      var rows: [UInt32] = []
      rows.reserveCapacity(start)
      for run in chosen { run.rows.forEach { rows.append(UInt32(truncatingIfNeeded: $0)) } }
      places = RowPlaces(rows)
    }
  }

  func pick<Value>(_ values: [Value]) -> [Value] { places.pick(values) }
}

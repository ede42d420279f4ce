import TelemetryModel

/// Which rows of a source are still wanted, in order.
enum RowChoice {
  case range(Range<Int>)
  case list([UInt32])

  var count: Int {
    switch self {
    case .range(let range): range.count
    case .list(let rows): rows.count
    }
  }

  @inline(__always)
  func forEach<Failure: Error>(_ body: (Int) throws(Failure) -> Void) throws(Failure) {
    switch self {
    case .range(let range): for row in range { try body(row) }
    case .list(let rows): for row in rows { try body(Int(row)) }
    }
  }

  /// The rows for which `isKept` holds.
  @inline(__always)
  func filtered<Failure: Error>(_ isKept: (Int) throws(Failure) -> Bool) throws(Failure)
    -> RowChoice
  {
    var kept: [UInt32] = []
    try forEach { (row) throws(Failure) in
      if try isKept(row) { kept.append(UInt32(truncatingIfNeeded: row)) }
    }
    return kept.count == count ? self : .list(kept)
  }

  var rows: [UInt32] {
    switch self {
    case .range(let range): range.map { UInt32(truncatingIfNeeded: $0) }
    case .list(let rows): rows
    }
  }
}

/// The wanted rows of one stream in a source.
struct ChosenRun {
  let stream: StreamReference
  var rows: RowChoice
  /// The times of all rows of the run, where an index knows them.
  var extent: ClosedRange<Timestamp>?
}

/// Rows of a block or a head batch while a scan looks at them. Used by one thread at a time.
///
/// What they are asked for may be read at that time, and everything throws that reads.
protocol LoadedRows: LineSource {
  /// The time of each row; rows of a run are sorted by it.
  func timestamps() throws(LogStoreError) -> [Timestamp]
  /// May hold exact duplicates among its own rows.
  var mayRepeat: Bool { get }
  /// Of the chosen rows, those for which all conditions hold; exact.
  func select(_ runs: [ChosenRun], _ conditions: ScanConditions) throws(LogStoreError)
    -> [ChosenRun]
  /// The chosen rows as a visitor sees them: one batch, or one in columns and one to be parsed.
  func batches(_ runs: [ChosenRun], _ scan: LogScan) throws(LogStoreError) -> [LogRows]
  /// Bytes that were inflated so far.
  var inflatedCount: Int { get }
  /// Bytes that were read from the segment's file so far.
  var readCount: Int { get }
}

extension LoadedRows {
  /// The rows of `rows`, which are a run's, that lie in `range`.
  func rows(_ rows: Range<Int>, in range: Range<Timestamp>) throws(LogStoreError) -> Range<Int> {
    try timestamps().withUnsafeBufferPointer { times in
      let low = Self.firstRow(times, rows, notBefore: range.lowerBound)
      return low..<Self.firstRow(times, low..<rows.upperBound, notBefore: range.upperBound)
    }
  }

  private static func firstRow(
    _ times: UnsafeBufferPointer<Timestamp>, _ rows: Range<Int>, notBefore time: Timestamp
  ) -> Int {
    var low = rows.lowerBound
    var high = rows.upperBound
    while low < high {
      let middle = (low + high) / 2
      if times[middle] < time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// A scan's line conditions, made ready once.
struct ScanConditions: Sendable {
  /// The cheapest to decide first.
  let conditions: [LineCondition]
  /// Every wanted line holds all of these; the longest first.
  let literals: [[UInt8]]
  /// Of the literals, those that no condition asks for: hints, which need not be looked at.
  let hints: [[UInt8]]
  let fields: [FieldRequest]
  let fieldConditions: [FieldCondition]

  var isEmpty: Bool { conditions.isEmpty && literals.isEmpty }

  init(_ scan: LogScan) {
    let real = scan.conditions.filter { condition in
      if !condition.isNegated, condition.anyOf.contains(where: \.isAlways) { return false }
      return true
    }
    conditions = real.sorted { $0.cost < $1.cost }
    fields = scan.fields
    fieldConditions = scan.fieldConditions
    hints = scan.requiredLiterals.filter { !$0.isEmpty }
    literals = (hints + real.compactMap(\.requiredLiteral)).sorted { $0.count > $1.count }
  }
}

extension LineCondition {
  fileprivate var cost: Int {
    var cost = 0
    for test in anyOf {
      switch test {
      case .contains, .equals: cost = max(cost, isNegated ? 1 : 0)
      case .matches: cost = 2
      case .holds: cost = 3
      }
    }
    return cost
  }
}

extension LineCondition.Test {
  /// Whether it holds for every line.
  var isAlways: Bool { if case .contains(let text) = self { text.isEmpty } else { false } }
}

import TelemetryModel

/// The order of time over a stream's batches; rows of one time stay in the order of arrival,
/// which is Loki's order of answers.
enum RowOrder {
  struct Position {
    var batch: Int
    var row: Int
  }

  /// All rows by time, or nil when that is how they lie, batch after batch.
  static func sorted(_ batches: [HeadBatch]) -> [Position]? {
    var reach = Timestamp.distantPast
    var isOrdered = true
    for batch in batches {
      isOrdered = isOrdered && batch.isSorted && batch.oldest >= reach
      reach = max(reach, batch.newest)
    }
    guard !isOrdered else { return nil }
    var positions: [Position] = []
    positions.reserveCapacity(batches.reduce(0) { $0 + $1.count })
    for (number, batch) in batches.enumerated() {
      for row in 0..<batch.count { positions.append(Position(batch: number, row: row)) }
    }
    positions.sort { a, b in
      let first = batches[a.batch].timestamps[a.row]
      let second = batches[b.batch].timestamps[b.row]
      if first != second { return first < second }
      return a.batch == b.batch ? a.row < b.row : a.batch < b.batch
    }
    return positions
  }
}

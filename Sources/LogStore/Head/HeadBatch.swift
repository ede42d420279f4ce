import TelemetryModel

/// Rows of one stream in the head, in the order of arrival.
///
/// A value: a scan takes a copy, which costs a reference, while rows are appended to the
/// stream's open batch.
struct HeadBatch: JoinedRows {
  private(set) var timestamps: [Timestamp]
  private(set) var lineBytes: [UInt8]
  private(set) var lineEnds: [UInt32]
  /// One list for each row, or empty when no row has any.
  private(set) var structuredMetadata: [[Label]]
  private(set) var oldest: Timestamp
  private(set) var newest: Timestamp
  /// Times never fall from row to row.
  private(set) var isSorted: Bool

  var count: Int { timestamps.count }

  /// Takes over the columns of `rows`, which are not empty and hold less than 4 GiB of lines.
  init(_ rows: StreamRows) {
    timestamps = rows.timestamps
    lineBytes = rows.lineBytes
    lineEnds = rows.lineEnds.map { UInt32(truncatingIfNeeded: $0) }
    structuredMetadata = rows.structuredMetadata
    (oldest, newest, isSorted) = Self.extent(rows.timestamps)
  }

  mutating func append(_ rows: StreamRows) {
    let extent = Self.extent(rows.timestamps)
    isSorted = isSorted && extent.isSorted && extent.oldest >= (timestamps.last ?? .distantPast)
    if !rows.structuredMetadata.isEmpty || !structuredMetadata.isEmpty {
      if structuredMetadata.isEmpty {
        structuredMetadata = Array(repeating: [], count: count)
      }
      if rows.structuredMetadata.isEmpty {
        structuredMetadata.append(contentsOf: repeatElement([], count: rows.count))
      } else {
        structuredMetadata.append(contentsOf: rows.structuredMetadata)
      }
    }
    let base = UInt32(lineBytes.count)
    lineEnds.append(contentsOf: rows.lineEnds.lazy.map { base + UInt32(truncatingIfNeeded: $0) })
    lineBytes.append(contentsOf: rows.lineBytes)
    timestamps.append(contentsOf: rows.timestamps)
    oldest = min(oldest, extent.oldest)
    newest = max(newest, extent.newest)
  }

  private static func extent(_ timestamps: [Timestamp])
    -> (oldest: Timestamp, newest: Timestamp, isSorted: Bool)
  {
    var oldest = Timestamp.distantFuture
    var newest = Timestamp.distantPast
    var previous = Timestamp.distantPast
    var isSorted = true
    for timestamp in timestamps {
      isSorted = isSorted && timestamp >= previous
      previous = timestamp
      oldest = min(oldest, timestamp)
      newest = max(newest, timestamp)
    }
    return (oldest, newest, isSorted)
  }

  /// The rows in the order of time, rows of one time in the order of arrival.
  func order() -> [UInt32] {
    let rows = 0..<UInt32(count)
    guard !isSorted else { return Array(rows) }
    return rows.sorted { a, b in
      let (first, second) = (timestamps[Int(a)], timestamps[Int(b)])
      return first == second ? a < b : first < second
    }
  }
}

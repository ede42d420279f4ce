import TelemetryModel

/// Turns a head into the blocks of a segment: rows sorted by (stream, time), exact duplicates
/// within a stream gone, small streams side by side in one block.
struct SegmentBuilder {
  /// A block is closed when its lines reach this, or more where lines compress very well: what is
  /// read for a question are pages, and what repeats from block to block is stored in each.
  static let blockLineBytes = 2 << 20
  static let blockLineBytesMax = 8 << 20
  /// The size of a page that larger blocks aim at.
  static let pageBytes = 128 << 10
  static let blockRowsMax = 1 << 16

  /// Takes a page of a type and gives its number in the segment.
  typealias PageWriter = (UInt16, [UInt8]) throws(LogStoreError) -> Int

  private var block = BlockRows()
  private var runs: [BlockEntry.Run] = []
  private var blocks: [BlockEntry] = []
  private var columns = ColumnBlockWriter()
  private var rowsOfTime = RowsOfTime()
  /// What the present block may hold, by how the one before compressed.
  private var lineBytesWanted = Self.blockLineBytes
  private(set) var rowCount = 0
  private(set) var lineByteCount = 0
  private(set) var duplicateCount = 0
  private let didWrite: ((Int) -> Void)?

  /// `didWrite` is told of the rows of each block.
  init(didWrite: ((Int) -> Void)? = nil) { self.didWrite = didWrite }

  /// Writes all rows of `streams`, block by block, and gives the index of the segment.
  mutating func write(_ streams: [LogHead.Stream], to writer: PageWriter)
    throws(LogStoreError) -> SegmentIndex
  {
    // Streams with like labels lie side by side, where their lines compress best.
    let sorted = streams.sorted { Self.isBefore($0.reference, $1.reference) }
    for (ordinal, stream) in sorted.enumerated() {
      let batches = stream.batches
      if let order = RowOrder.sorted(batches) {
        for position in order {
          try append(batches[position.batch], position.row, UInt32(ordinal), writer)
        }
      } else {
        for batch in batches {
          for row in 0..<batch.count { try append(batch, row, UInt32(ordinal), writer) }
        }
      }
    }
    return try finish(sorted.map(\.reference), writer)
  }

  /// The order of streams in a segment.
  static func isBefore(_ first: StreamReference, _ second: StreamReference) -> Bool {
    first.tenant == second.tenant
      ? first.labels.sorted.lexicographicallyPrecedes(second.labels.sorted)
      : first.tenant < second.tenant
  }

  /// Adds the stream's next row, streams and times in order.
  mutating func append(
    _ batch: HeadBatch, _ row: Int, _ stream: UInt32, _ writer: PageWriter
  ) throws(LogStoreError) {
    let time = batch.timestamps[row]
    let line = batch.lineRange(row)
    if repeats(batch, row, time, line, stream) {
      duplicateCount += 1
      return
    }
    if !block.runs.isEmpty,
      block.lineBytes.count + line.count > lineBytesWanted || block.count >= Self.blockRowsMax
    {
      try close(writer)
    }
    if runs.last?.stream == stream {
      block.runs[block.runs.count - 1].count += 1
      runs[runs.count - 1].rowCount += 1
      runs[runs.count - 1].newest = time
    } else {
      block.runs.append(BlockRows.Run(stream: stream, count: 1))
      runs.append(BlockEntry.Run(stream: stream, rowCount: 1, oldest: time, newest: time))
    }
    block.timestamps.append(time)
    batch.lineBytes.withUnsafeBytes {
      block.lineBytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[line]))
    }
    block.lineEnds.append(UInt32(block.lineBytes.count))
    let metadata = batch.metadata(row)
    if !metadata.isEmpty, block.structuredMetadata.isEmpty {
      block.structuredMetadata = Array(repeating: [], count: block.count - 1)
    }
    if !metadata.isEmpty || !block.structuredMetadata.isEmpty {
      block.structuredMetadata.append(metadata)
    }
    rowCount += 1
    lineByteCount += line.count
  }

  /// Whether the block's last rows hold the row already. Rows of one time stand together, and
  /// only duplicates that a block's end parts are missed; the scan leaves these out.
  private mutating func repeats(
    _ batch: HeadBatch, _ row: Int, _ time: Timestamp, _ line: Range<Int>, _ stream: UInt32
  ) -> Bool {
    guard runs.last?.stream == stream, runs.last?.newest == time else {
      rowsOfTime.begin(at: block.count)
      return false
    }
    let metadata = batch.metadata(row)
    return batch.lineBytes.withUnsafeBytes {
      rowsOfTime.holds(UnsafeRawBufferPointer(rebasing: $0[line]), metadata, in: block)
    }
  }

  /// Writes what is left and what the blocks share, and gives the index; `streams` are those that
  /// rows were appended for.
  mutating func finish(_ streams: [StreamReference], _ writer: PageWriter)
    throws(LogStoreError) -> SegmentIndex
  {
    try close(writer)
    let hasColumns = columns.blocks.contains { !$0.shapes.isEmpty }
    guard hasColumns else { return SegmentIndex(streams: streams, blocks: blocks) }
    let columnsPage = try writer(LogPageType.columnIndex, columns.columnsPage())
    let filtersPage =
      columns.filters.isEmpty ? nil : try writer(LogPageType.filters, columns.filters)
    return SegmentIndex(
      streams: streams, blocks: blocks, columnsPage: columnsPage, filtersPage: filtersPage)
  }

  private mutating func close(_ writer: PageWriter) throws(LogStoreError) {
    guard block.count > 0 else { return }
    let bytes = columns.page(of: block)
    let page = try writer(LogPageType.block, bytes)
    let wanted = Self.pageBytes * (block.lineBytes.count / max(1, bytes.count))
    lineBytesWanted = min(Self.blockLineBytesMax, max(Self.blockLineBytes, wanted))
    didWrite?(block.count)
    blocks.append(BlockEntry(page: page, lineByteCount: block.lineBytes.count, runs: runs))
    block.removeAll()
    runs.removeAll(keepingCapacity: true)
    rowsOfTime.begin(at: 0)
  }
}

extension BlockRows {
  /// Empties all columns and keeps their memory.
  fileprivate mutating func removeAll() {
    runs.removeAll(keepingCapacity: true)
    timestamps.removeAll(keepingCapacity: true)
    lineBytes.removeAll(keepingCapacity: true)
    lineEnds.removeAll(keepingCapacity: true)
    structuredMetadata.removeAll(keepingCapacity: true)
  }
}

import Bytes
import Compression
import TelemetryModel

/// Where a block lies in its segment and what it holds.
struct BlockEntry {
  struct Run {
    /// Ordinal in the segment.
    var stream: UInt32
    var rowCount: Int
    var oldest: Timestamp
    var newest: Timestamp
  }

  /// Number of the block's page in its segment file.
  var page: Int
  /// Bytes of the lines.
  var lineByteCount: Int
  /// In order of streams; a stream has one run in a block.
  var runs: [Run]

  var rowCount: Int { runs.reduce(0) { $0 + $1.rowCount } }

  /// Where among ``runs`` a stream's is, nil when the block has no row of it.
  func place(of stream: Int) -> Int? {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if Int(runs[middle].stream) < stream { low = middle + 1 } else { high = middle }
    }
    return low < runs.count && Int(runs[low].stream) == stream ? low : nil
  }
}

/// The stream index of a segment: its streams with their labels, and for each block which
/// streams it holds and from when to when. One page:
///
///     version 2: 1 byte | bytes of the rest, inflated: varint | kind, length, bytes
///     tenants: varint | names
///     pairs: varint | each: name, value
///     streams: varint | each: tenant: varint, pairs: varint, pair numbers: varints
///     blocks: varint | each: page: varint, line bytes: varint, runs: varint
///       each run: stream (difference): varint, rows: varint, oldest: zigzag varint
///       (difference to the run before), newest - oldest: varint
///     column index: number of its page and 1: varint, 0 when there is none
///     filters: likewise
///
/// Version 1 ends with the blocks.
///
/// Postings are not stored: they are the streams' pairs turned round, which takes no longer
/// than to read them.
final class SegmentIndex: Sendable {
  let streams: [StreamReference]
  let labels: LabelIndex
  let blocks: [BlockEntry]
  /// The extent of each stream over all blocks.
  let extents: [ClosedRange<Timestamp>]
  /// Blocks of each stream, by their place in `blocks`.
  let blocksOf: [[UInt32]]
  let oldest: Timestamp
  let newest: Timestamp
  /// The page of what column blocks share, and the page of their filters.
  let columnsPage: Int?
  let filtersPage: Int?
  /// The former, while it is kept.
  let columns = ColumnIndexCache.Slot()

  init(
    streams: [StreamReference], blocks: [BlockEntry], columnsPage: Int? = nil,
    filtersPage: Int? = nil
  ) {
    self.streams = streams
    self.columnsPage = columnsPage
    self.filtersPage = filtersPage
    self.blocks = blocks
    var labels = LabelIndex()
    for stream in streams { labels.append(stream) }
    self.labels = labels
    var extents = Array(repeating: nil as ClosedRange<Timestamp>?, count: streams.count)
    var blocksOf = Array(repeating: [UInt32](), count: streams.count)
    var oldest = Timestamp.distantFuture
    var newest = Timestamp.distantPast
    for (number, block) in blocks.enumerated() {
      for run in block.runs {
        let known = extents[Int(run.stream)]
        extents[Int(run.stream)] =
          min(
            known?.lowerBound ?? run.oldest, run.oldest)...max(
            known?.upperBound ?? run.newest, run.newest)
        blocksOf[Int(run.stream)].append(UInt32(number))
        oldest = min(oldest, run.oldest)
        newest = max(newest, run.newest)
      }
    }
    self.extents = extents.map { $0 ?? Timestamp.zero...Timestamp.zero }
    self.blocksOf = blocksOf
    self.oldest = oldest
    self.newest = newest
  }

  /// Rows of a stream over all blocks.
  func rowCount(of ordinal: Int) -> Int {
    blocksOf[ordinal].reduce(0) { sum, number in
      let block = blocks[Int(number)]
      return block.place(of: ordinal).map { sum + block.runs[$0].rowCount } ?? sum
    }
  }

  // MARK: writing

  func encode() -> [UInt8] {
    var body: [UInt8] = []
    func append(_ text: String) {
      body.appendVarint(UInt64(text.utf8.count))
      body.append(utf8: text)
    }
    let tenants = Set(streams.map(\.tenant)).sorted()
    let tenantNumbers = Dictionary(uniqueKeysWithValues: zip(tenants, 0...))
    let pairs = Set(streams.flatMap(\.labels.sorted)).sorted()
    let pairNumbers = Dictionary(uniqueKeysWithValues: zip(pairs, 0...))
    body.appendVarint(UInt64(tenants.count))
    for tenant in tenants { append(tenant.name) }
    body.appendVarint(UInt64(pairs.count))
    for pair in pairs {
      append(pair.name)
      append(pair.value)
    }
    body.appendVarint(UInt64(streams.count))
    for stream in streams {
      body.appendVarint(UInt64(tenantNumbers[stream.tenant] ?? 0))
      body.appendVarint(UInt64(stream.labels.count))
      for label in stream.labels.sorted { body.appendVarint(UInt64(pairNumbers[label] ?? 0)) }
    }
    appendBlocks(to: &body)
    body.appendVarint(UInt64((columnsPage ?? -1) + 1))
    body.appendVarint(UInt64((filtersPage ?? -1) + 1))
    var page: [UInt8] = [2]
    page.appendVarint(UInt64(body.count))
    CompressedBytes.append(body, to: &page)
    return page
  }

  private func appendBlocks(to body: inout [UInt8]) {
    body.appendVarint(UInt64(blocks.count))
    for block in blocks {
      body.appendVarint(UInt64(block.page))
      body.appendVarint(UInt64(block.lineByteCount))
      body.appendVarint(UInt64(block.runs.count))
      var stream: UInt32 = 0
      var time: Int64 = 0
      for run in block.runs {
        body.appendVarint(UInt64(run.stream - stream))
        body.appendVarint(UInt64(run.rowCount))
        body.appendZigZag(run.oldest.nanoseconds &- time)
        body.appendVarint(UInt64(bitPattern: run.newest.nanoseconds &- run.oldest.nanoseconds))
        stream = run.stream
        time = run.oldest.nanoseconds
      }
    }
  }

  // MARK: reading

  static func decode(_ page: [UInt8], _ table: StreamTable) throws(LogStoreError) -> SegmentIndex {
    let version = page.first ?? 0
    let body = try page.withUnsafeBufferPointer { (page) throws(LogStoreError) -> [UInt8] in
      var reader = BlockReader(UnsafeRawBufferPointer(page))
      _ = try reader.byte()
      guard version == 1 || version == 2 else {
        throw LogStoreError(
          .corrupt, "stream index of version \(version); this version reads 1 and 2")
      }
      return try CompressedBytes.read(count: try reader.varint(max: 1 << 30), &reader)
    }
    return try body.withUnsafeBufferPointer { (body) throws(LogStoreError) -> SegmentIndex in
      var reader = BlockReader(UnsafeRawBufferPointer(body))
      let streams = try readStreams(&reader, table)
      let blocks = try readBlocks(&reader, streams.count)
      guard version == 2 else { return SegmentIndex(streams: streams, blocks: blocks) }
      let columns = try reader.varint(max: Int(Int32.max))
      let filters = try reader.varint(max: Int(Int32.max))
      return SegmentIndex(
        streams: streams, blocks: blocks, columnsPage: columns == 0 ? nil : columns - 1,
        filtersPage: filters == 0 ? nil : filters - 1)
    }
  }

  private static func readStreams(_ reader: inout BlockReader, _ table: StreamTable)
    throws(LogStoreError) -> [StreamReference]
  {
    var tenants: [TenantID] = []
    for _ in 0..<(try reader.count()) {
      let name = try reader.text()
      guard let tenant = TenantID(name) else {
        throw BlockReader.malformed("\(quoted(name)) is no tenant")
      }
      tenants.append(tenant)
    }
    var pairs: [Label] = []
    for _ in 0..<(try reader.count()) { pairs.append(Label(try reader.text(), try reader.text())) }
    var streams: [StreamReference] = []
    for _ in 0..<(try reader.count()) {
      let tenant = try reader.varint(max: tenants.count - 1)
      var labels: [Label] = []
      for _ in 0..<(try reader.count()) {
        labels.append(pairs[try reader.varint(max: pairs.count - 1)])
      }
      streams.append(table.reference(StreamKey(tenant: tenants[tenant], labels: Labels(labels))))
    }
    return streams
  }

  private static func readBlocks(_ reader: inout BlockReader, _ streamCount: Int)
    throws(LogStoreError) -> [BlockEntry]
  {
    var blocks: [BlockEntry] = []
    for _ in 0..<(try reader.count()) {
      let page = try reader.varint(max: Int(Int32.max))
      let lineByteCount = try reader.varint(max: LogBlocks.lineByteCountMax)
      var runs: [BlockEntry.Run] = []
      var stream = 0
      var time: Int64 = 0
      for _ in 0..<(try reader.count()) {
        let step = try reader.varint(max: streamCount - 1 - stream)
        guard step > 0 || runs.isEmpty else {
          throw BlockReader.malformed("a stream has two runs in a block")
        }
        stream += step
        let rows = try reader.varint(max: LogBlocks.rowCountMax)
        time &+= decodeZigZag(try reader.varint())
        let newest = time &+ Int64(bitPattern: try reader.varint())
        guard newest >= time else { throw BlockReader.malformed("a run ends before it begins") }
        runs.append(
          BlockEntry.Run(
            stream: UInt32(stream), rowCount: rows, oldest: Timestamp(nanoseconds: time),
            newest: Timestamp(nanoseconds: newest)))
      }
      blocks.append(BlockEntry(page: page, lineByteCount: lineByteCount, runs: runs))
    }
    return blocks
  }
}

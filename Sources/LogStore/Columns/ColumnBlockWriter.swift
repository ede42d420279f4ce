import Bytes
import TelemetryModel

/// Writes the column blocks of one segment; keeps what they share.
///
///     kind 3: 1 byte | rows: varint | line bytes: varint
///     runs: varint | each: stream (difference to the one before): varint, rows: varint
///     header, inflated: varint | kind, length, bytes | streams
///
/// The header:
///
///     times, see ``BlockTimes``
///     shapes of lines: varint, each: varint | codes: 0 to 2 streams
///     shapes of metadata: varint, each: varint | codes; 0 when no row has any
///     columns: varint | each: number (difference): zigzag, description
struct ColumnBlockWriter {
  /// A block may be this much before its values' places would not fit.
  static let lineByteCountMax = 1 << 30

  private(set) var strings = SegmentStrings()
  private(set) var shapes = SegmentShapes()
  private(set) var blocks: [BlockSummary] = []
  /// The filters of all blocks, one after another.
  private(set) var filters: [UInt8] = []
  private var lines = ShapedLines()

  init() {
    // The shape of lines that are kept whole always has room.
    _ = shapes.number(.text, [LineShape.clean])
  }

  /// The page of a block of `rows`: in columns, or plain when its rows have more kinds of
  /// metadata than a segment takes or a line of extraordinary length.
  mutating func page(of rows: BlockRows) -> [UInt8] {
    if rows.lineBytes.count <= Self.lineByteCountMax, let page = columnPage(of: rows) {
      return page
    }
    blocks.append(BlockSummary())
    return PlainBlock.encode(rows)
  }

  private mutating func columnPage(of rows: BlockRows) -> [UInt8]? {
    var writer = ColumnWriter()
    let times = rows.timestamps.map(\.nanoseconds)
    BlockTimes.append(times, rows.runs, to: &writer)
    guard let metadata = metadataShapes(rows) else { return nil }
    var summary = BlockSummary()
    rows.lineBytes.withUnsafeBytes { bytes in
      times.withUnsafeBufferPointer { times in
        lines.split(bytes, rows.lineEnds, &shapes)
        summary.shapes = appendCodes(lines.shapes, to: &writer)
        let texts = MetadataTexts(rows.structuredMetadata)
        _ = appendCodes(metadata, to: &writer)
        texts.bytes.withUnsafeBytes { metadataBytes in
          let columns = gather(bytes, metadataBytes, metadata, texts)
          write(columns, times, &writer)
        }
      }
    }
    summary.columns = writer.summaries
    if let filter = writer.filterKeys.isEmpty ? nil : FuseFilter(writer.filterKeys) {
      let start = filters.count
      filter.append(to: &filters)
      summary.filterByteCount = filters.count - start
    }
    blocks.append(summary)
    return page(rows, writer)
  }

  private func page(_ rows: BlockRows, _ writer: ColumnWriter) -> [UInt8] {
    var out: [UInt8] = []
    BlockHead.append(.columnsByRun, rows, to: &out)
    out.appendVarint(UInt64(writer.header.count))
    CompressedBytes.append(writer.header, to: &out)
    writer.streams.append(to: &out)
    return out
  }

  /// Writes the distinct numbers of `values` and which each row has; gives the distinct ones.
  private func appendCodes(_ values: [UInt32], to writer: inout ColumnWriter) -> [UInt32] {
    var distinct: [UInt32] = []
    var codeOf: [UInt32: UInt16] = [:]
    var codes: [UInt16] = []
    codes.reserveCapacity(values.count)
    var last: (UInt32, UInt16)?
    for value in values {
      if let last, last.0 == value {
        codes.append(last.1)
        continue
      }
      let code = codeOf[value] ?? UInt16(truncatingIfNeeded: distinct.count)
      if Int(code) == distinct.count {
        codeOf[value] = code
        distinct.append(value)
      }
      codes.append(code)
      last = (value, code)
    }
    writer.header.appendVarint(UInt64(distinct.count))
    for value in distinct { writer.header.appendVarint(UInt64(value)) }
    CodeColumn.append(codes, limit: distinct.count, to: &writer.streams)
    return distinct
  }

  // MARK: metadata

  /// The values of all rows' metadata as bytes.
  private struct MetadataTexts {
    var bytes: [UInt8] = []
    /// Start and end of each value, row after row.
    var slots: [UInt32] = []

    init(_ lists: [[Label]]) {
      // Enrichment gives many rows the same value: its bytes are kept once in a row.
      var last: (value: String, slot: (UInt32, UInt32))?
      for list in lists {
        for pair in list {
          if let last, last.value.hasSameBytes(as: pair.value) {
            slots.append(last.slot.0)
            slots.append(last.slot.1)
            continue
          }
          let start = UInt32(bytes.count)
          bytes.append(contentsOf: pair.value.utf8)
          slots.append(start)
          slots.append(UInt32(bytes.count))
          last = (pair.value, (start, UInt32(bytes.count)))
        }
      }
    }
  }

  /// The shape of each row's metadata, none when no row has any; nil when there are too many, or
  /// a list names a label twice.
  private mutating func metadataShapes(_ rows: BlockRows) -> [UInt32]? {
    var found: [UInt32] = []
    found.reserveCapacity(rows.structuredMetadata.count)
    var last: (names: [String], shape: UInt32)?
    for list in rows.structuredMetadata {
      if let last, last.names.count == list.count,
        zip(last.names, list).allSatisfy({ $0.hasSameBytes(as: $1.name) })
      {
        found.append(last.shape)
        continue
      }
      let names = list.map(\.name)
      guard names.count <= 256, Set(names).count == names.count,
        let shape = shapes.metadata(names)
      else { return nil }
      last = (names, shape)
      found.append(shape)
    }
    return found
  }

  // MARK: columns

  private func gather(
    _ lineBytes: UnsafeRawBufferPointer, _ metadataBytes: UnsafeRawBufferPointer,
    _ metadata: [UInt32], _ texts: MetadataTexts
  ) -> [(UInt32, ColumnValues)] {
    var places = [Int32](repeating: -1, count: shapes.columns.count)
    var columns: [(UInt32, ColumnValues)] = []
    add(lines.shapes, lines.slots, lineBytes, &places, &columns)
    if !metadata.isEmpty { add(metadata, texts.slots, metadataBytes, &places, &columns) }
    return columns
  }

  private func add(
    _ rowShapes: [UInt32], _ slots: [UInt32], _ bytes: UnsafeRawBufferPointer,
    _ places: inout [Int32], _ columns: inout [(UInt32, ColumnValues)]
  ) {
    // Rows of each shape, so that each column is filled in one go.
    var placesOf: [UInt32: [Int]] = [:]
    var at = 0
    var last: (UInt32, [Int])?
    for (row, shape) in rowShapes.enumerated() {
      let own: [Int]
      if let last, last.0 == shape {
        own = last.1
      } else {
        own =
          placesOf[shape]
          ?? shapes.shapes[Int(shape)].columns.map { column in
            if places[Int(column)] < 0 {
              places[Int(column)] = Int32(columns.count)
              columns.append((column, ColumnValues(bytes: bytes)))
            }
            return Int(places[Int(column)])
          }
        placesOf[shape] = own
        last = (shape, own)
      }
      for place in own {
        columns[place].1.starts.append(slots[at])
        columns[place].1.ends.append(slots[at + 1])
        columns[place].1.rows.append(UInt32(truncatingIfNeeded: row))
        at += 2
      }
    }
  }

  private mutating func write(
    _ columns: [(UInt32, ColumnValues)], _ times: UnsafeBufferPointer<Int64>,
    _ writer: inout ColumnWriter
  ) {
    let sorted = columns.sorted { $0.0 < $1.0 }
    writer.header.appendVarint(UInt64(sorted.count))
    var previous: UInt32 = 0
    for (column, values) in sorted {
      writer.header.appendZigZag(Int64(column) - Int64(previous))
      previous = column
      let form = writer.write(
        column, values, times, shapes.lastKinds[Int(column)], &strings)
      shapes.lastKinds[Int(column)] = form.rawValue
    }
  }

  // MARK: ends

  /// The page of what the blocks share.
  func columnsPage() -> [UInt8] { SegmentColumns.encode(strings, shapes, blocks) }
}

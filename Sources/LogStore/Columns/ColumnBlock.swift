import Bytes
import TelemetryModel

/// The second kind of block: lines as shapes and typed columns; see ``ColumnBlockWriter``.
struct ColumnBlock: LogBlock {
  let runs: [BlockRows.Run]
  let rowCount: Int
  let lineByteCount: Int
  let kind: LogBlockKind
  let segment: SegmentColumns
  /// What the block says of its columns.
  let header: [UInt8]
  /// Nothing of them is inflated yet.
  let streams: ByteStreamReader

  init(_ page: [UInt8], _ segment: SegmentColumns) throws(LogStoreError) {
    try self.init(PageBytes(page), segment)
  }

  init(_ page: PageBytes, _ segment: SegmentColumns) throws(LogStoreError) {
    self.segment = segment
    let (head, header, streams) = try page.beginning.withUnsafeBufferPointer {
      (bytes) throws(LogStoreError) -> (BlockHead, [UInt8], ByteStreamReader) in
      var reader = BlockReader(UnsafeRawBufferPointer(bytes))
      let head = try BlockHead(&reader)
      let count = try reader.varint(max: ByteStreamReader.byteCountMax)
      let header = try CompressedBytes.read(count: count, &reader)
      return (head, header, try ByteStreamReader(page, &reader))
    }
    runs = head.runs
    rowCount = head.rowCount
    lineByteCount = head.lineByteCount
    kind = head.kind
    self.header = header
    self.streams = streams
  }

  func load() throws(LogStoreError) -> any LoadedRows { try ColumnRows(self) }
}

/// What all kinds of blocks begin with.
struct BlockHead {
  let kind: LogBlockKind
  let rowCount: Int
  let lineByteCount: Int
  private(set) var runs: [BlockRows.Run] = []

  static func append(_ kind: LogBlockKind, _ rows: BlockRows, to out: inout [UInt8]) {
    out.append(kind.rawValue)
    out.appendVarint(UInt64(rows.count))
    out.appendVarint(UInt64(rows.lineBytes.count))
    out.appendVarint(UInt64(rows.runs.count))
    var previous: UInt32 = 0
    for run in rows.runs {
      out.appendVarint(UInt64(run.stream - previous))
      out.appendVarint(UInt64(run.count))
      previous = run.stream
    }
  }

  init(_ reader: inout BlockReader) throws(LogStoreError) {
    guard let kind = LogBlockKind(rawValue: try reader.byte()) else {
      throw BlockReader.malformed("its kind is not known to this version")
    }
    self.kind = kind
    rowCount = try reader.varint(max: LogBlocks.rowCountMax)
    lineByteCount = try reader.varint(max: LogBlocks.lineByteCountMax)
    let runCount = try reader.count()
    guard runCount <= rowCount else { throw BlockReader.malformed("more streams than rows") }
    runs.reserveCapacity(runCount)
    var stream: UInt64 = 0
    var rows = 0
    for _ in 0..<runCount {
      stream &+= try reader.varint()
      guard let ordinal = UInt32(exactly: stream) else {
        throw BlockReader.malformed("a stream's ordinal is too large")
      }
      let count = try reader.varint(max: rowCount - rows)
      rows += count
      runs.append(BlockRows.Run(stream: ordinal, count: count))
    }
    guard rows == rowCount else { throw BlockReader.malformed("streams do not hold all rows") }
  }
}

/// Shapes of rows: the distinct ones, and the place of each row's.
struct ShapeCodes {
  var shapes: [UInt32] = []
  /// Of each row; empty where all rows have the first shape.
  var codes: [UInt16] = []

  @inline(__always)
  func code(_ row: Int) -> Int { codes.isEmpty ? 0 : Int(codes[row]) }
}

/// The columns of a block as it is read: parts of the header and values once they are asked for.
/// Used by one thread.
struct BlockColumns {
  private let block: ColumnBlock
  private var streams: ByteStreamReader
  /// Distinct shapes of lines and of metadata.
  let lineShapes: [UInt32]
  let metadataShapes: [UInt32]
  private let parts: Parts
  private var lineCodes: ShapeCodes?
  private var metadataCodes: ShapeCodes?
  private var known: [UInt32: ColumnDescription]?

  var inflatedCount: Int { streams.inflatedCount }
  var readCount: Int { streams.readCount }

  init(_ block: ColumnBlock) throws(LogStoreError) {
    self.block = block
    streams = block.streams
    let segment = block.segment
    parts = try block.header.withUnsafeBufferPointer {
      (header) throws(LogStoreError) -> Parts in
      var reader = BlockReader(UnsafeRawBufferPointer(header))
      return try Parts(&reader, segment, block.kind)
    }
    lineShapes = parts.lineShapes
    metadataShapes = parts.metadataShapes
  }

  /// What the header begins with.
  private struct Parts {
    let times: BlockTimes
    let lineShapes: [UInt32]
    /// The numbers of streams.
    let lineCodes: Int
    let metadataShapes: [UInt32]
    let metadataCodes: Int
    /// Where columns are described, and the first of their streams.
    let columnsStart: Int
    let columnStreams: Int

    init(_ reader: inout BlockReader, _ segment: SegmentColumns, _ kind: LogBlockKind)
      throws(LogStoreError)
    {
      times = try BlockTimes(&reader, kind)
      var stream = times.streamCount
      lineShapes = try Self.shapes(&reader, segment)
      lineCodes = stream
      stream += CodeColumn.streamCount(limit: lineShapes.count)
      metadataShapes = try Self.shapes(&reader, segment)
      metadataCodes = stream
      stream += CodeColumn.streamCount(limit: metadataShapes.count)
      guard lineShapes.allSatisfy({ segment.shapes[Int($0)].kind != .metadata }),
        metadataShapes.allSatisfy({ segment.shapes[Int($0)].kind == .metadata })
      else { throw BlockReader.malformed("a row has a shape of the wrong kind") }
      columnsStart = reader.position
      columnStreams = stream
    }

    private static func shapes(_ reader: inout BlockReader, _ segment: SegmentColumns)
      throws(LogStoreError) -> [UInt32]
    {
      var shapes: [UInt32] = []
      for _ in 0..<(try reader.count()) {
        shapes.append(UInt32(try reader.varint(max: segment.shapes.count - 1)))
      }
      return shapes
    }
  }

  // MARK: header

  mutating func lines() throws(LogStoreError) -> ShapeCodes {
    if let lineCodes { return lineCodes }
    let made = try codes(lineShapes, parts.lineCodes)
    lineCodes = made
    return made
  }

  mutating func metadata() throws(LogStoreError) -> ShapeCodes {
    if let metadataCodes { return metadataCodes }
    let made =
      metadataShapes.isEmpty ? ShapeCodes() : try codes(metadataShapes, parts.metadataCodes)
    metadataCodes = made
    return made
  }

  private mutating func codes(_ shapes: [UInt32], _ first: Int) throws(LogStoreError)
    -> ShapeCodes
  {
    guard shapes.count != 1 else { return ShapeCodes(shapes: shapes) }
    return ShapeCodes(
      shapes: shapes,
      codes: try CodeColumn.read(
        &streams, first: first, count: block.rowCount, limit: shapes.count))
  }

  private mutating func descriptions() throws(LogStoreError) -> [UInt32: ColumnDescription] {
    if let known { return known }
    let (segment, parts) = (block.segment, parts)
    let made = try block.header.withUnsafeBufferPointer {
      (header) throws(LogStoreError) -> [UInt32: ColumnDescription] in
      var reader = BlockReader(UnsafeRawBufferPointer(header))
      _ = try reader.bytes(parts.columnsStart)
      var found: [UInt32: ColumnDescription] = [:]
      var stream = parts.columnStreams
      var column: Int64 = 0
      for _ in 0..<(try reader.count()) {
        column &+= decodeZigZag(try reader.varint())
        guard column >= 0, column < Int64(segment.columns.count) else {
          throw BlockReader.malformed("a column is unknown to the segment")
        }
        found[UInt32(column)] = try ColumnDescription(&reader, &stream, segment.stringCount)
      }
      return found
    }
    guard
      (lineShapes + metadataShapes).allSatisfy({ shape in
        segment.shapes[Int(shape)].columns.allSatisfy { made[$0] != nil }
      })
    else { throw BlockReader.malformed("a column of its shapes is absent") }
    known = made
    return made
  }

  // MARK: decoding

  mutating func timestamps() throws(LogStoreError) -> [Timestamp] {
    try parts.times.timestamps(block.runs, count: block.rowCount, &streams)
  }

  mutating func description(_ column: UInt32) throws(LogStoreError) -> ColumnDescription? {
    try descriptions()[column]
  }

  /// The values of a column, `count` of them; `times` are those of their rows.
  mutating func data(_ column: UInt32, count: Int, times: [Int64]) throws(LogStoreError)
    -> ColumnData
  {
    guard let description = try descriptions()[column] else {
      throw BlockReader.malformed("a column is absent")
    }
    if case .rowTime(let layout) = description { return RowTimeData(layout, times) }
    return try data(description, count)
  }

  private mutating func data(_ description: ColumnDescription, _ count: Int)
    throws(LogStoreError) -> ColumnData
  {
    switch description {
    case .rowTime: throw BlockReader.malformed("a time lies in a pattern")
    case .constant(let number):
      return ConstantData(number, block.segment.string(number), count: count)
    case .dictionary(let numbers, let first):
      return DictionaryData(
        SegmentTexts(numbers, block.segment),
        try CodeColumn.read(&streams, first: first, count: count, limit: numbers.count))
    case .numbers(let numbers): return try self.numbers(numbers, count)
    case .hexadecimal(let style, let stream):
      return HexadecimalData(
        style, try streams.bytes(stream, expected: count * style.byteCount), count: count)
    case .raw(let width, let lengths, let stream):
      let bytes = try streams.bytes(stream)
      return RawData(
        bytes, ends: try ends(width, lengths, count, total: bytes.count))
    case .words(let numbers, let width, let lengths, let wordCount, let codes):
      let made = WordData(
        SegmentTexts(numbers, block.segment),
        try CodeColumn.read(&streams, first: codes, count: wordCount, limit: numbers.count),
        ends: try ends(width, lengths, count, total: wordCount))
      guard let made else { throw BlockReader.malformed("a value has no words") }
      return made
    case .patterns(let numbers, let first, let columns):
      let patterns = numbers.map { block.segment.string($0) }
      let codes = try CodeColumn.read(&streams, first: first, count: count, limit: patterns.count)
      var places: [[UInt32]] = []
      var data: [ColumnData] = []
      for (index, place) in PatternData.places(patterns, codes, columns: columns.count)
        .enumerated()
      {
        places.append(place.places)
        data.append(try self.data(columns[index], place.count))
      }
      guard let made = PatternData(patterns, codes, data, places: places) else {
        throw BlockReader.malformed("a pattern has more marks than columns")
      }
      return made
    }
  }

  private mutating func numbers(_ numbers: ColumnDescription.Numbers, _ count: Int)
    throws(LogStoreError) -> ColumnData
  {
    let planes = try streams.values(planes: numbers.width, first: numbers.first, count: count)
    var value = numbers.base
    var (least, most) = (Int64.max, Int64.min)
    let values = [Int64](unsafeUninitializedCapacity: count) { out, filled in
      planes.withUnsafeBufferPointer { planes in
        if numbers.isDelta {
          for index in 0..<count {
            value &+= decodeZigZag(planes[index])
            out[index] = value
          }
        } else {
          for index in 0..<count { out[index] = value &+ Int64(bitPattern: planes[index]) }
        }
        for index in 0..<count {
          least = min(least, out[index])
          most = max(most, out[index])
        }
      }
      filled = count
    }
    // Questions are answered by the extent where it is enough.
    guard count == 0 || numbers.least <= least && most <= numbers.most else {
      throw BlockReader.malformed("a number is outside of its column's extent")
    }
    return NumberData(numbers.style, values, least: numbers.least, most: numbers.most)
  }

  /// Where parts of these lengths end, which make up `total` together.
  private mutating func ends(_ width: Int, _ first: Int, _ count: Int, total: Int)
    throws(LogStoreError) -> [UInt32]
  {
    let lengths = try streams.values(planes: width, first: first, count: count)
    var ends: [UInt32] = []
    ends.reserveCapacity(count)
    var end: UInt64 = 0
    for length in lengths {
      end &+= length
      guard length <= UInt64(total), end <= UInt64(total) else {
        throw BlockReader.malformed("values are longer than their column")
      }
      ends.append(UInt32(end))
    }
    guard end == UInt64(total) else {
      throw BlockReader.malformed("values are shorter than their column")
    }
    return ends
  }
}

import Bytes
import TelemetryModel

/// The second kind of block: lines as shapes and typed columns; see ``ColumnBlockWriter``.
struct ColumnBlock: LogBlock {
  let runs: [BlockRows.Run]
  let rowCount: Int
  let lineByteCount: Int
  let page: [UInt8]
  /// Where the header begins in the page.
  let bodyStart: Int
  let segment: SegmentColumns

  init(_ page: [UInt8], _ segment: SegmentColumns) throws(LogStoreError) {
    self.page = page
    self.segment = segment
    let head = try page.withUnsafeBufferPointer { (page) throws(LogStoreError) in
      var reader = BlockReader(UnsafeRawBufferPointer(page))
      return try BlockHead(&reader)
    }
    runs = head.runs
    rowCount = head.rowCount
    lineByteCount = head.lineByteCount
    bodyStart = head.end
  }

  func load() throws(LogStoreError) -> any LoadedRows { try ColumnRows(self) }
}

/// What all kinds of blocks begin with.
struct BlockHead {
  let rowCount: Int
  let lineByteCount: Int
  private(set) var runs: [BlockRows.Run] = []
  private(set) var end = 0

  init(_ reader: inout BlockReader) throws(LogStoreError) {
    _ = try reader.byte()
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
    end = reader.position
  }
}

/// The columns of a block as it is read: the header, and the values once they are asked for.
/// Used by one thread.
struct BlockColumns {
  /// Shapes of rows: the distinct ones, and the place of each row's.
  struct ShapeCodes {
    var shapes: [UInt32] = []
    var codes: [UInt16] = []

    /// Rows of a column that the shapes with `has` have.
    func rows(_ has: [Bool]) -> Int {
      if has.allSatisfy({ $0 }) { return codes.count }
      return codes.reduce(0) { $0 + (has[Int($1)] ? 1 : 0) }
    }
  }

  private let block: ColumnBlock
  private var streams: ByteStreamReader
  private(set) var lines = ShapeCodes()
  private(set) var metadata = ShapeCodes()
  private let timeBase: Int64
  private let timeUnit: UInt64
  private let timeWidth: Int
  private var descriptions: [UInt32: ColumnDescription] = [:]

  var inflatedCount: Int { streams.inflatedCount }

  init(_ block: ColumnBlock) throws(LogStoreError) {
    self.block = block
    let page = block.page
    let (header, streams) = try page.withUnsafeBufferPointer {
      (bytes) throws(LogStoreError) -> ([UInt8], ByteStreamReader) in
      var reader = BlockReader(UnsafeRawBufferPointer(bytes))
      _ = try reader.bytes(block.bodyStart)
      let count = try reader.varint(max: ByteStreamReader.byteCountMax)
      let header = try CompressedBytes.read(count: count, &reader)
      return (header, try ByteStreamReader(page, &reader))
    }
    self.streams = streams
    let segment = block.segment
    let parts = try header.withUnsafeBufferPointer { (header) throws(LogStoreError) -> Parts in
      var reader = BlockReader(UnsafeRawBufferPointer(header))
      return try Parts(&reader, segment)
    }
    timeBase = parts.timeBase
    timeUnit = parts.timeUnit
    timeWidth = parts.timeWidth
    descriptions = parts.descriptions
    lines = ShapeCodes(
      shapes: parts.lineShapes,
      codes: try CodeColumn.read(
        &self.streams, first: parts.lineCodes, count: block.rowCount,
        limit: parts.lineShapes.count))
    if !parts.metadataShapes.isEmpty {
      metadata = ShapeCodes(
        shapes: parts.metadataShapes,
        codes: try CodeColumn.read(
          &self.streams, first: parts.metadataCodes, count: block.rowCount,
          limit: parts.metadataShapes.count))
    }
    guard
      (lines.shapes + metadata.shapes).allSatisfy({ shape in
        segment.shapes[Int(shape)].columns.allSatisfy { descriptions[$0] != nil }
      })
    else { throw BlockReader.malformed("a column of its shapes is absent") }
  }

  private struct Parts {
    var timeBase: Int64
    var timeUnit: UInt64
    var timeWidth: Int
    var lineShapes: [UInt32] = []
    var lineCodes: Int
    var metadataShapes: [UInt32] = []
    var metadataCodes: Int
    var descriptions: [UInt32: ColumnDescription] = [:]

    init(_ reader: inout BlockReader, _ segment: SegmentColumns) throws(LogStoreError) {
      timeBase = decodeZigZag(try reader.varint())
      timeUnit = try reader.varint()
      timeWidth = try reader.varint(max: 8)
      var stream = timeWidth
      lineShapes = try Self.shapes(&reader, segment)
      lineCodes = stream
      stream += CodeColumn.streamCount(limit: lineShapes.count)
      metadataShapes = try Self.shapes(&reader, segment)
      metadataCodes = stream
      stream += CodeColumn.streamCount(limit: metadataShapes.count)
      guard lineShapes.allSatisfy({ segment.shapes[Int($0)].kind != .metadata }),
        metadataShapes.allSatisfy({ segment.shapes[Int($0)].kind == .metadata })
      else { throw BlockReader.malformed("a row has a shape of the wrong kind") }
      var column: Int64 = 0
      for _ in 0..<(try reader.count()) {
        column &+= decodeZigZag(try reader.varint())
        guard column >= 0, column < Int64(segment.columns.count) else {
          throw BlockReader.malformed("a column is unknown to the segment")
        }
        descriptions[UInt32(column)] = try ColumnDescription(
          &reader, &stream, segment.stringCount)
      }
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

  // MARK: decoding

  mutating func timestamps() throws(LogStoreError) -> [Timestamp] {
    let count = block.rowCount
    let differences = try streams.values(planes: timeWidth, first: 0, count: count)
    let (base, unit) = (timeBase, timeUnit)
    return [Timestamp](unsafeUninitializedCapacity: count) { times, filled in
      var value: UInt64 = 0
      differences.withUnsafeBufferPointer { differences in
        for index in 0..<count {
          value &+= UInt64(bitPattern: decodeZigZag(differences[index]))
          times.initializeElement(
            at: index, to: Timestamp(nanoseconds: Int64(bitPattern: value &* unit) &+ base))
        }
      }
      filled = count
    }
  }

  func description(_ column: UInt32) -> ColumnDescription? { descriptions[column] }

  /// The values of a column, `count` of them; `times` are those of their rows.
  mutating func data(_ column: UInt32, count: Int, times: [Int64]) throws(LogStoreError)
    -> ColumnData
  {
    guard let description = descriptions[column] else {
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
    case .constant(let number): return ConstantData(block.segment.string(number), count: count)
    case .dictionary(let numbers, let first):
      return DictionaryData(
        numbers.map { block.segment.string($0) },
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
      return WordData(
        numbers.map { block.segment.string($0) },
        try CodeColumn.read(&streams, first: codes, count: wordCount, limit: numbers.count),
        ends: try ends(width, lengths, count, total: wordCount))
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
      }
      filled = count
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

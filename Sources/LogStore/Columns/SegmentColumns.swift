import Bytes

/// What the column blocks of a segment share: strings, shapes, columns, and a summary of each
/// block. One page:
///
///     version 1: 1 byte | bytes of the rest, inflated: varint | kind, length, bytes
///     strings: varint | bytes: varint | lengths: varints | uses: 1 byte each | bytes
///     columns: varint | each: kind: 1 byte, name: length, bytes
///                       of a slot: shape, ordinal: varints
///     shapes: varint | each: kind: 1 byte, text: length, bytes; slots: varint, columns: varints
///     blocks: varint | each: shapes: varint, their numbers | columns: varint, their summaries
///                      | bytes of its filter: varint
final class SegmentColumns: Sendable {
  let stringBytes: [UInt8]
  private let stringEnds: [UInt32]
  let stringUses: [UInt8]
  let columns: [ColumnKey]
  let shapes: [LineShape]
  let blocks: [BlockSummary]
  /// Of JSON shapes, what they say of paths; nil for other shapes.
  private let paths: [JSONShapePaths?]

  var stringCount: Int { stringEnds.count }

  /// About how much memory it takes.
  var memoryByteCount: Int {
    let headerBytes = 32
    var bytes = stringBytes.count + stringEnds.count * 4 + stringUses.count
    for column in columns {
      bytes += MemoryLayout<ColumnKey>.size + headerBytes + column.name.count
    }
    for shape in shapes {
      // Paths of a JSON shape hold each key again, in arrays of their own.
      let slots = shape.constants.count + shape.columns.count
      bytes += 256 + shape.text.count * (shape.kind == .json ? 5 : 1) + slots * 16
    }
    for block in blocks {
      bytes += 128 + block.shapes.count * 4
      bytes += block.columns.count * MemoryLayout<ColumnSummary>.stride
    }
    return bytes
  }

  func stringRange(_ number: Int) -> Range<Int> {
    (number == 0 ? 0 : Int(stringEnds[number - 1]))..<Int(stringEnds[number])
  }

  func string(_ number: UInt32) -> [UInt8] { Array(stringBytes[stringRange(Int(number))]) }

  /// The string that ends behind `position` of the strings' bytes.
  func stringHolding(_ position: Int) -> Int {
    var low = 0
    var high = stringEnds.count
    while low < high {
      let middle = (low + high) / 2
      if Int(stringEnds[middle]) <= position { low = middle + 1 } else { high = middle }
    }
    return low
  }

  func paths(ofShape number: Int) -> JSONShapePaths? { paths[number] }

  // MARK: writing

  /// It is one page for many blocks, and much of it is text: an eighth is saved by what costs a
  /// hundredth of writing the blocks.
  private static let compressionLevel: Int32 = 8

  static func encode(
    _ strings: SegmentStrings, _ shapes: SegmentShapes, _ blocks: [BlockSummary]
  ) -> [UInt8] {
    var body: [UInt8] = []
    body.appendVarint(UInt64(strings.count))
    body.appendVarint(UInt64(strings.bytes.count))
    var start: UInt32 = 0
    for end in strings.ends {
      body.appendVarint(UInt64(end - start))
      start = end
    }
    body.append(contentsOf: strings.uses)
    body.append(contentsOf: strings.bytes)
    body.appendVarint(UInt64(shapes.columns.count))
    for key in shapes.columns {
      body.append(key.kind.rawValue)
      body.appendVarint(UInt64(key.name.count))
      body.append(contentsOf: key.name)
      if key.kind == .slot {
        body.appendVarint(UInt64(key.shape))
        body.appendVarint(UInt64(key.ordinal))
      }
    }
    body.appendVarint(UInt64(shapes.shapes.count))
    for shape in shapes.shapes {
      body.append(shape.kind.rawValue)
      body.appendVarint(UInt64(shape.text.count))
      body.append(contentsOf: shape.text)
      body.appendVarint(UInt64(shape.columns.count))
      for column in shape.columns { body.appendVarint(UInt64(column)) }
    }
    body.appendVarint(UInt64(blocks.count))
    for block in blocks { append(block, to: &body) }
    var page: [UInt8] = [1]
    page.appendVarint(UInt64(body.count))
    CompressedBytes.append(body, level: compressionLevel, to: &page)
    return page
  }

  private static func append(_ block: BlockSummary, to body: inout [UInt8]) {
    body.appendVarint(UInt64(block.shapes.count))
    for shape in block.shapes { body.appendVarint(UInt64(shape)) }
    body.appendVarint(UInt64(block.columns.count))
    var previous: UInt32 = 0
    for column in block.columns {
      column.append(to: &body, after: previous)
      previous = column.column
    }
    body.appendVarint(UInt64(block.filterByteCount))
  }

  // MARK: reading

  static let byteCountMax = 1 << 28

  convenience init(_ page: [UInt8]) throws(LogStoreError) {
    let body = try page.withUnsafeBufferPointer { (page) throws(LogStoreError) -> [UInt8] in
      var reader = BlockReader(UnsafeRawBufferPointer(page))
      let version = try reader.byte()
      guard version == 1 else {
        throw LogStoreError(.corrupt, "column index of version \(version); this version reads 1")
      }
      return try CompressedBytes.read(
        count: try reader.varint(max: Self.byteCountMax), &reader)
    }
    try self.init(body: body)
  }

  private init(body: [UInt8]) throws(LogStoreError) {
    var parts = Parts()
    try body.withUnsafeBufferPointer { (body) throws(LogStoreError) in
      var reader = BlockReader(UnsafeRawBufferPointer(body))
      try parts.readStrings(&reader)
      try parts.readColumns(&reader)
      try parts.readShapes(&reader)
      try parts.readBlocks(&reader)
    }
    stringBytes = parts.bytes
    stringEnds = parts.ends
    stringUses = parts.uses
    columns = parts.columns
    shapes = parts.shapes
    blocks = parts.blocks
    paths = parts.shapes.map { $0.kind == .json ? JSONShapePaths($0.text) : nil }
  }

  private struct Parts {
    var bytes: [UInt8] = []
    var ends: [UInt32] = []
    var uses: [UInt8] = []
    var columns: [ColumnKey] = []
    var shapes: [LineShape] = []
    var blocks: [BlockSummary] = []

    mutating func readStrings(_ reader: inout BlockReader) throws(LogStoreError) {
      let count = try reader.count()
      let byteCount = try reader.count()
      ends.reserveCapacity(count)
      var end = 0
      for _ in 0..<count {
        end += try reader.varint(max: byteCount - end)
        ends.append(UInt32(end))
      }
      guard end == byteCount else { throw BlockReader.malformed("strings are cut short") }
      uses = Array(try reader.bytes(count))
      bytes = Array(try reader.bytes(byteCount))
    }

    mutating func readColumns(_ reader: inout BlockReader) throws(LogStoreError) {
      for _ in 0..<(try reader.count()) {
        guard let kind = ColumnKey.Kind(rawValue: try reader.byte()) else {
          throw BlockReader.malformed("a column is of an unknown kind")
        }
        var key = ColumnKey(kind: kind, name: Array(try reader.bytes(try reader.count())))
        if kind == .slot {
          key.shape = UInt32(try reader.varint(max: SegmentShapes.countMax))
          key.ordinal = UInt32(try reader.varint(max: 1 << 20))
        }
        columns.append(key)
      }
    }

    mutating func readShapes(_ reader: inout BlockReader) throws(LogStoreError) {
      for _ in 0..<(try reader.count()) {
        guard let kind = LineShape.Kind(rawValue: try reader.byte()) else {
          throw BlockReader.malformed("a shape is of an unknown kind")
        }
        let text = Array(try reader.bytes(try reader.count()))
        var own: [UInt32] = []
        for _ in 0..<(try reader.count()) {
          own.append(UInt32(try reader.varint(max: columns.count - 1)))
        }
        let shape = LineShape(kind: kind, text: text, columns: own)
        guard kind == .metadata || shape.constants.count == own.count + 1,
          Set(own).count == own.count
        else { throw BlockReader.malformed("a shape has other columns than slots") }
        shapes.append(shape)
      }
    }

    mutating func readBlocks(_ reader: inout BlockReader) throws(LogStoreError) {
      var filterStart = 0
      for _ in 0..<(try reader.count()) {
        var block = BlockSummary()
        for _ in 0..<(try reader.count()) {
          block.shapes.append(UInt32(try reader.varint(max: shapes.count - 1)))
        }
        var previous: UInt32 = 0
        for _ in 0..<(try reader.count()) {
          let summary = try ColumnSummary(&reader, after: previous, columns: columns.count)
          previous = summary.column
          block.columns.append(summary)
        }
        block.filterByteCount = try reader.varint(max: SegmentColumns.byteCountMax)
        block.filterStart = filterStart
        filterStart += block.filterByteCount
        blocks.append(block)
      }
    }
  }
}

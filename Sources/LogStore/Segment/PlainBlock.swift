import Bytes
import TelemetryModel

/// The first kind of block: whole lines in one zstd frame, other columns beside it.
///
///     kind 1: 1 byte | rows: varint | line bytes: varint
///     runs: varint | each: stream (difference to the one before): varint, rows: varint
///     timestamps: base zigzag varint, unit varint, column of zigzag differences
///     line lengths: column
///     lines: kind, length, bytes
///     metadata: lists: varint | each: pairs: varint, name, value ... | column of list numbers
///
/// Metadata begins with 0 lists when no row has any; list 0 is then not stored.
struct PlainBlock: LogBlock {
  private let page: [UInt8]
  let runs: [BlockRows.Run]
  let rowCount: Int
  var byteCount: Int { page.count }
  private let lineByteCount: Int
  /// Where the parts begin in `page`.
  private let timestampsStart: Int
  private let lengthsStart: Int
  private let linesStart: Int
  private let metadataStart: Int

  // MARK: writing

  static func encode(_ rows: BlockRows) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(rows.lineBytes.count / 4 + rows.count * 4 + 256)
    BlockHead.append(.plain, rows, to: &out)
    // The parts after the header can be skipped: each is preceded by its length.
    appendPart(to: &out) { appendTimestamps(rows.timestamps, to: &$0) }
    appendPart(to: &out) { appendLengths(rows.lineEnds, to: &$0) }
    appendPart(to: &out) { CompressedBytes.append(rows.lineBytes, to: &$0) }
    appendPart(to: &out) { appendMetadata(rows.structuredMetadata, to: &$0) }
    return out
  }

  private static func appendPart(to out: inout [UInt8], _ write: (inout [UInt8]) -> Void) {
    var part: [UInt8] = []
    write(&part)
    out.appendVarint(UInt64(part.count))
    out.append(contentsOf: part)
  }

  private static func appendTimestamps(_ timestamps: [Timestamp], to out: inout [UInt8]) {
    let base = timestamps.min()?.nanoseconds ?? 0
    var unit: UInt64 = 0
    for timestamp in timestamps {
      unit = greatestDivisor(unit, UInt64(bitPattern: timestamp.nanoseconds &- base))
      if unit == 1 { break }
    }
    unit = max(unit, 1)
    out.appendZigZag(base)
    out.appendVarint(unit)
    var previous: UInt64 = 0
    var differences: [UInt64] = []
    differences.reserveCapacity(timestamps.count)
    for timestamp in timestamps {
      let value = UInt64(bitPattern: timestamp.nanoseconds &- base) / unit
      let difference = Int64(bitPattern: value &- previous)
      differences.append(UInt64(bitPattern: (difference << 1) ^ (difference >> 63)))
      previous = value
    }
    IntegerColumn.append(differences, to: &out)
  }

  private static func greatestDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
  }

  private static func appendLengths(_ ends: [UInt32], to out: inout [UInt8]) {
    var start: UInt32 = 0
    var lengths: [UInt64] = []
    lengths.reserveCapacity(ends.count)
    for end in ends {
      lengths.append(UInt64(end - start))
      start = end
    }
    IntegerColumn.append(lengths, to: &out)
  }

  private static func appendMetadata(_ metadata: [[Label]], to out: inout [UInt8]) {
    guard !metadata.isEmpty else {
      out.append(0)
      return
    }
    var lists: [[Label]] = []
    var numbers: [[Label]: UInt64] = [:]
    var column: [UInt64] = []
    column.reserveCapacity(metadata.count)
    var previous: [Label]?
    var previousNumber: UInt64 = 0
    for list in metadata {
      if previous.map({ isSame($0, list) }) != true {
        if let known = numbers[list] {
          previousNumber = known
        } else {
          previousNumber = UInt64(lists.count)
          numbers[list] = previousNumber
          lists.append(list)
        }
        previous = list
      }
      column.append(previousNumber)
    }
    var texts: [UInt8] = []
    for list in lists {
      texts.appendVarint(UInt64(list.count))
      for pair in list {
        texts.appendVarint(UInt64(pair.name.utf8.count))
        texts.append(utf8: pair.name)
        texts.appendVarint(UInt64(pair.value.utf8.count))
        texts.append(utf8: pair.value)
      }
    }
    out.appendVarint(UInt64(lists.count))
    out.appendVarint(UInt64(texts.count))
    CompressedBytes.append(texts, to: &out)
    IntegerColumn.append(column, to: &out)
  }

  /// Whether two lists are one and the same storage or equal.
  private static func isSame(_ a: [Label], _ b: [Label]) -> Bool {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in a.baseAddress == b.baseAddress && a.count == b.count }
    }
  }

  // MARK: reading

  init(_ page: [UInt8]) throws(LogStoreError) {
    self.page = page
    let header = try page.withUnsafeBufferPointer { (page) throws(LogStoreError) -> Header in
      try Header(UnsafeRawBufferPointer(page))
    }
    runs = header.head.runs
    rowCount = header.head.rowCount
    lineByteCount = header.head.lineByteCount
    (timestampsStart, lengthsStart) = (header.starts[0], header.starts[1])
    (linesStart, metadataStart) = (header.starts[2], header.starts[3])
  }

  private struct Header {
    let head: BlockHead
    var starts: [Int] = []

    init(_ page: UnsafeRawBufferPointer) throws(LogStoreError) {
      var reader = BlockReader(page)
      head = try BlockHead(&reader)
      for _ in 0..<4 {
        let length = try reader.count()
        starts.append(reader.position)
        _ = try reader.bytes(length)
      }
    }
  }

  private func read<Value>(
    from start: Int, _ body: (inout BlockReader) throws(LogStoreError) -> Value
  ) throws(LogStoreError) -> Value {
    try page.withUnsafeBufferPointer { (page) throws(LogStoreError) -> Value in
      var reader = BlockReader(
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(page)[start...]))
      return try body(&reader)
    }
  }

  func load() throws(LogStoreError) -> any LoadedRows { try TextRows(self) }

  func timestamps() throws(LogStoreError) -> [Timestamp] {
    try read(from: timestampsStart) { (reader) throws(LogStoreError) in
      let base = decodeZigZag(try reader.varint())
      let unit = try reader.varint()
      let differences = try IntegerColumn.read(count: rowCount, &reader)
      var value: UInt64 = 0
      return differences.map { difference in
        value &+= UInt64(bitPattern: decodeZigZag(difference))
        return Timestamp(nanoseconds: Int64(bitPattern: value &* unit) &+ base)
      }
    }
  }

  func lineEnds() throws(LogStoreError) -> [UInt32] {
    let lengths = try read(from: lengthsStart) { (reader) throws(LogStoreError) in
      try IntegerColumn.read(count: rowCount, &reader)
    }
    var ends: [UInt32] = []
    ends.reserveCapacity(rowCount)
    var end: UInt64 = 0
    for length in lengths {
      end &+= length
      guard length <= UInt64(lineByteCount), end <= UInt64(lineByteCount) else {
        throw BlockReader.malformed("lines are longer than the block")
      }
      ends.append(UInt32(end))
    }
    guard end == UInt64(lineByteCount) else {
      throw BlockReader.malformed("lines are shorter than the block")
    }
    return ends
  }

  func lines() throws(LogStoreError) -> LineColumn {
    let ends = try lineEnds()
    let bytes = try read(from: linesStart) { (reader) throws(LogStoreError) in
      try CompressedBytes.read(count: lineByteCount, &reader)
    }
    return LineColumn(bytes: bytes, ends: ends)
  }

  func structuredMetadata() throws(LogStoreError) -> [[Label]] {
    try read(from: metadataStart) { (reader) throws(LogStoreError) in
      let listCount = try reader.varint(max: rowCount)
      guard listCount > 0 else { return [] }
      let textCount = try reader.varint(max: LogBlocks.lineByteCountMax)
      let texts = try CompressedBytes.read(count: textCount, &reader)
      let lists = try texts.withUnsafeBufferPointer { (texts) throws(LogStoreError) in
        var inner = BlockReader(UnsafeRawBufferPointer(texts))
        return try Self.readLists(listCount, &inner)
      }
      let numbers = try IntegerColumn.read(count: rowCount, &reader)
      guard numbers.allSatisfy({ $0 < UInt64(listCount) }) else {
        throw BlockReader.malformed("a row's metadata is not in the block")
      }
      return numbers.map { lists[Int($0)] }
    }
  }

  private static func readLists(_ count: Int, _ reader: inout BlockReader) throws(LogStoreError)
    -> [[Label]]
  {
    var lists: [[Label]] = []
    lists.reserveCapacity(count)
    for _ in 0..<count {
      var list: [Label] = []
      for _ in 0..<(try reader.count()) { list.append(Label(try reader.text(), try reader.text())) }
      lists.append(list)
    }
    return lists
  }
}

import Bytes
import Compression
import TelemetryModel

/// A block of a segment: rows of one tenant as columns, read as far as they are asked for.
///
/// Everything throws on bytes that are no block, or that name what the index does not have.
struct SpanBlock {
  /// Columns that every block has.
  enum CoreColumn: Int {
    /// 16 bytes for each trace.
    case trace = 0
    /// How many rows each trace has.
    case run = 1
    /// The first start of each trace, and of each row the difference to it.
    case base = 2
    case delta = 3
    /// End minus start.
    case length = 4
    /// 8 bytes for each row.
    case span = 5
    case name = 6
    case resource = 7
    case scope = 8
    case kind = 9
    case status = 10
    case shape = 11
    /// For each row that tells a parent: how many rows before it that stands, or 0.
    case parent = 12
    /// The ids of parents that stand elsewhere.
    case foreignParent = 13
    /// Messages of rows of shape 0.
    case whole = 14
    /// ``CallColumn``; not in blocks of earlier versions.
    case calls = 15
  }

  /// The id of a value column.
  static func valueColumn(_ column: Int) -> Int { 16 + column }

  let part: SegmentPart
  let page: [UInt8]
  let rowCount: Int
  private var ranges: [Int: Range<Int>] = [:]

  init(_ page: [UInt8], _ part: SegmentPart) throws(ByteError) {
    self.part = part
    self.page = page
    var cursor = ByteCursor(page.span.bytes)
    rowCount = Int(clamping: try cursor.readVarint())
    // Each row takes eight bytes at least, its span's id.
    guard rowCount <= page.count / 8 else { throw .truncated }
    var lengths: [(Int, Int)] = []
    for _ in 0..<(try cursor.readLength()) {
      lengths.append(
        (Int(clamping: try cursor.readVarint()), Int(clamping: try cursor.readVarint())))
    }
    var at = cursor.position
    for (id, length) in lengths {
      guard length <= page.count - at else { throw .truncated }
      ranges[id] = at..<(at + length)
      at += length
    }
  }

  /// Where a core column stands in the page.
  func range(of core: CoreColumn) -> Range<Int>? { ranges[core.rawValue] }

  func hasColumn(_ id: Int) -> Bool { ranges[id] != nil }

  func reader(_ id: Int) throws(ByteError) -> NumberColumn.Reader {
    guard let range = ranges[id] else { throw .truncated }
    return try NumberColumn.Reader(page, range)
  }

  /// The numbers of rows of a core column.
  func numbers(_ core: CoreColumn, _ rows: Range<Int>) throws(ByteError) -> [Int64] {
    try reader(core.rawValue).values(rows, of: page)
  }

  func spanID(_ row: Int) throws(ByteError) -> UInt64 {
    guard let range = ranges[CoreColumn.span.rawValue], range.count == rowCount * 8,
      row < rowCount
    else { throw .truncated }
    return page.withUnsafeBytes {
      UInt64(
        littleEndian: $0.loadUnaligned(
          fromByteOffset: range.lowerBound + row * 8, as: UInt64.self))
    }
  }

  // MARK: traces

  var traceCount: Int { (ranges[CoreColumn.trace.rawValue]?.count ?? 0) / 16 }

  func trace(_ number: Int) throws(ByteError) -> TraceID {
    guard let range = ranges[CoreColumn.trace.rawValue], number < traceCount else {
      throw .truncated
    }
    return page.withUnsafeBytes { bytes in
      let at = range.lowerBound + number * 16
      return TraceID(
        high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)),
        low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self)))
    }
  }

  /// How many rows each trace has; together all rows.
  func runs() throws(ByteError) -> [Int64] {
    let runs = try reader(CoreColumn.run.rawValue).values(of: page)
    var sum = 0
    for run in runs {
      guard run > 0, run <= Int64(rowCount - sum) else { throw .malformedText }
      sum += Int(run)
    }
    guard sum == rowCount, runs.count == traceCount else { throw .malformedText }
    return runs
  }

  /// Which of the block's traces it is; nil when it is not in the block.
  func runNumber(of id: TraceID) throws(ByteError) -> Int? {
    var low = 0
    var high = traceCount
    while low < high {
      let middle = (low + high) / 2
      if try trace(middle) < id { low = middle + 1 } else { high = middle }
    }
    guard low < traceCount, try trace(low) == id else { return nil }
    return low
  }

  /// The rows of a trace; nil when it is not in the block.
  func rows(of id: TraceID) throws(ByteError) -> Range<Int>? {
    guard let number = try runNumber(of: id) else { return nil }
    var start = 0
    let runs = try runs()
    for run in runs[..<number] { start += Int(run) }
    return start..<(start + Int(runs[number]))
  }

  // MARK: texts

  /// The form of a text column and where what follows it stands.
  private func textColumn(_ id: Int) throws(ByteError) -> (TextForm, Range<Int>) {
    guard let place = ranges[id], let first = page[place].first,
      let form = TextForm(rawValue: first)
    else { throw .truncated }
    return (form, (place.lowerBound + 1)..<place.upperBound)
  }

  /// The lengths of a plain column's texts, and where its bytes stand.
  private func lengths(
    _ place: Range<Int>
  ) throws(ByteError) -> (NumberColumn.Reader, Range<Int>) {
    var cursor = ByteCursor(page.span.bytes.extracting(place))
    let count = try cursor.readLength()
    let start = place.lowerBound + cursor.position
    return (
      try NumberColumn.Reader(page, start..<(start + count)), (start + count)..<place.upperBound
    )
  }

  /// How many values a text column has.
  func valueCount(_ id: Int) throws(ByteError) -> Int {
    let (form, place) = try textColumn(id)
    switch form {
    case .codes: return try NumberColumn.Reader(page, place).count
    case .plain: return try lengths(place).0.count
    }
  }

  /// The texts of a column's values in `range`: codes and their dictionary, or the texts.
  func texts(_ id: Int, _ range: Range<Int>) throws -> TextValues {
    let (form, place) = try textColumn(id)
    if form == .codes {
      guard let dictionary = try part.dictionary(id) else { throw ByteError.truncated }
      let codes = try NumberColumn.Reader(page, place).values(range, of: page)
      guard codes.allSatisfy({ $0 >= 0 && $0 < dictionary.count }) else {
        throw ByteError.malformedText
      }
      return .codes(codes, dictionary)
    }
    let (reader, content) = try lengths(place)
    let bytes = try Zstd.decompress(Array(page[content]), bytesMax: TextDictionary.bytesMax)
    var ends: [Int] = []
    var end = 0
    for length in try reader.values(of: page) {
      guard length >= 0, length <= Int64(bytes.count - end) else { throw ByteError.truncated }
      end += Int(length)
      ends.append(end)
    }
    guard range.upperBound <= ends.count else { throw ByteError.truncated }
    return .plain(bytes, ends, from: range.lowerBound)
  }
}

/// Texts of a range of a column's values.
enum TextValues {
  case codes([Int64], TextDictionary)
  /// All texts of the column, where each ends, and which is the first of the range.
  case plain([UInt8], [Int], from: Int)

  func withText<Result>(
    _ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    switch self {
    case .codes(let codes, let dictionary):
      return try dictionary.withText(Int(codes[index]), body)
    case .plain(let bytes, let ends, let first):
      let number = first + index
      let range = (number == 0 ? 0 : ends[number - 1])..<ends[number]
      return try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
  }
}

extension TextValues {
  /// Those of `rows` whose text is `wanted`; the values must be those of all rows.
  func filter(_ rows: [Int], equal wanted: [UInt8]) -> [Int] {
    guard case .codes(let codes, let dictionary) = self else {
      return rows.filter { withText($0) { $0.count == wanted.count && $0.elementsEqual(wanted) } }
    }
    guard let code = dictionary.code(of: wanted) else { return [] }
    return rows.filter { codes[$0] == Int64(code) }
  }
}

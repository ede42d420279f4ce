import Bytes
import Storage
import TelemetryModel

/// Writes one tenant's rows as blocks of columns, holding one block at a time.
///
/// Used by one thread: ``add(_:name:_:to:)`` every row in the order of ``SpanRowOrder``, then
/// ``finish(_:to:)``.
struct SpanSegmentBuilder {
  /// Bytes of messages at which a block is closed, once its last trace is whole.
  static let blockBytes = 1 << 20
  /// Rows at which a block is closed, once its last trace is whole.
  static let blockRows = 8192

  private var shapeReader = SpanShapeReader()
  private var names = TextColumnBuilder()
  private var wholes = TextColumnBuilder()
  /// By column; of each the kind that it is not stays empty.
  private var numbers: [[Int64]] = []
  private var texts: [TextColumnBuilder] = []
  /// Of the block at hand.
  private var rows: [SpanRow] = []
  private var shapeNumbers: [Int64] = []
  /// For each row that tells a parent: how many rows before it that stands, or 0.
  private var parents: [Int64] = []
  private var foreignParents: [Int64] = []
  private var bytes = 0
  private var blocks: [SpanIndex.Block] = []
  private let tables: SpanTables
  private var calls: CallRecorder

  /// `tables` are those whose numbers the rows have.
  init(_ tables: SpanTables) {
    self.tables = tables
    calls = CallRecorder(tables)
  }

  var columns: [SpanColumn] { shapeReader.columns }
  var shapes: [[UInt8]] {
    (0..<UInt32(shapeReader.shapes.count)).map { shapeReader.shapes.array($0) }
  }

  /// Adds a row; `messages` are the bytes that its message is a range of.
  mutating func add(
    _ row: SpanRow, name: UnsafeRawBufferPointer, _ messages: UnsafeRawBufferPointer,
    to writer: SegmentWriter
  ) throws(StorageError) {
    if let last = rows.last, last.trace != row.trace,
      bytes >= Self.blockBytes || rows.count >= Self.blockRows
    {
      try closeBlock(to: writer)
    }
    let message = WireCursor(WireCursor(messages).base, row.message)
    let shape = shapeReader.read(message, row)
    shapeNumbers.append(Int64(shape ?? 0))
    rows.append(row)
    bytes += row.message.count
    names.append(name)
    calls.add(row, message, shapeReader, isWhole: shape == nil)
    guard shape != nil else {
      wholes.append(message.buffer(row.message))
      return
    }
    for value in shapeReader.values { add(value, message) }
    if let parent = shapeReader.parent { addParent(parent) }
  }

  private mutating func add(_ value: SpanShapeReader.Value, _ message: WireCursor) {
    while value.column >= numbers.count {
      numbers.append([])
      texts.append(TextColumnBuilder())
    }
    let kind = shapeReader.columns[value.column].kind
    if kind.isText {
      texts[value.column].append(message.buffer(value.text))
    } else if kind.isNumber {
      numbers[value.column].append(value.number)
    }
  }

  /// The parent is mostly a span a little before this one in the same trace.
  private mutating func addParent(_ parent: UInt64) {
    let row = rows.count - 1
    var at = row - 1
    while at >= 0, row - at <= 64, rows[at].trace == rows[row].trace {
      if rows[at].span == parent {
        parents.append(Int64(row - at))
        return
      }
      at -= 1
    }
    parents.append(0)
    foreignParents.append(Int64(bitPattern: parent))
  }

  private mutating func closeBlock(to output: SegmentWriter) throws(StorageError) {
    guard !rows.isEmpty else { return }
    var writer = SpanBlockWriter(rowCount: rows.count)
    writer.addCore(rows)
    writer.add(.shape) { NumberColumn.encode(shapeNumbers[...], to: &$0) }
    writer.add(.name) { names.closeBlock(to: &$0) }
    let hasWholes = wholes.count > 0
    if hasWholes { writer.add(.whole) { wholes.closeBlock(to: &$0) } }
    writer.add(.parent) { NumberColumn.encode(parents[...], to: &$0) }
    writer.add(.foreignParent) { NumberColumn.encode(foreignParents[...], to: &$0) }
    writer.add(.calls) { calls.closeBlock(to: &$0) }
    var used: [Int] = []
    var plain: [Int] = []
    for column in numbers.indices {
      let id = SpanBlock.valueColumn(column)
      if texts[column].count > 0 {
        used.append(column)
        var isPlain = false
        writer.add(id) { out in
          texts[column].closeBlock(to: &out)
          isPlain = out.first == TextForm.plain.rawValue
        }
        if isPlain { plain.append(column) }
      } else if !numbers[column].isEmpty {
        used.append(column)
        writer.add(id) { NumberColumn.encode(numbers[column][...], to: &$0) }
        numbers[column].removeAll(keepingCapacity: true)
      }
    }
    // Columns without values are known by the shapes alone.
    used += columns.indices.filter { !columns[$0].kind.isText && !columns[$0].kind.isNumber }
    var entry = SpanIndex.Block(
      rows, columns: used.sorted(), plainColumns: plain, hasWholes: hasWholes)
    entry.page = try output.append(SpanPage.block, writer.finish())
    blocks.append(entry)
    rows.removeAll(keepingCapacity: true)
    shapeNumbers.removeAll(keepingCapacity: true)
    parents.removeAll(keepingCapacity: true)
    foreignParents.removeAll(keepingCapacity: true)
    bytes = 0
  }

  /// Writes what is left and the dictionaries; returns the tenant's part of the index.
  mutating func finish(
    _ tenant: TenantID, to writer: SegmentWriter
  ) throws(StorageError) -> [UInt8] {
    try closeBlock(to: writer)
    var pages: [Int: Int] = [:]
    func add(_ id: Int, _ column: TextColumnBuilder) throws(StorageError) {
      guard let page = column.dictionary() else { return }
      pages[id] = try writer.append(SpanPage.dictionary, page)
    }
    try add(SpanBlock.CoreColumn.name.rawValue, names)
    try add(SpanBlock.CoreColumn.whole.rawValue, wholes)
    for column in texts.indices { try add(SpanBlock.valueColumn(column), texts[column]) }
    return SpanIndexCoding.encodePart(
      tenant, tables, self, dictionaryPages: pages, blocks: blocks)
  }
}

/// The order of rows in a segment: by trace, then start, then as they came.
enum SpanRowOrder {
  private struct Key {
    var trace: TraceID
    var start: Int64
    var chunk: Int32
    var row: Int32
  }

  /// Calls `visit` with chunk and row of all rows, in order.
  static func forEach(
    _ chunks: [SpanChunk], _ visit: (Int, Int) throws(StorageError) -> Void
  ) throws(StorageError) {
    var keys: [Key] = []
    keys.reserveCapacity(chunks.reduce(0) { $0 + $1.rows.count })
    for (chunk, rows) in chunks.enumerated() {
      for (row, columns) in rows.rows.enumerated() {
        keys.append(
          Key(
            trace: columns.trace, start: columns.start, chunk: Int32(chunk), row: Int32(row)))
      }
    }
    keys.sort { a, b in
      if a.trace.high != b.trace.high { return a.trace.high < b.trace.high }
      if a.trace.low != b.trace.low { return a.trace.low < b.trace.low }
      if a.start != b.start { return a.start < b.start }
      return a.chunk == b.chunk ? a.row < b.row : a.chunk < b.chunk
    }
    for key in keys { try visit(Int(key.chunk), Int(key.row)) }
  }
}

import Bytes
import TelemetryModel
import WireFormats

/// Putting messages together again.
extension SpanBlock {
  /// Calls `visit` with the resource's and scope's numbers and the `Span` message of each row.
  ///
  /// The messages are equal to those that were stored, byte for byte.
  func messages(_ rows: Range<Int>, _ visit: (Int, Int, [UInt8]) -> Void) throws {
    let assembler = try MessageAssembler(self, rows)
    let resources = try numbers(.resource, rows)
    let scopes = try numbers(.scope, rows)
    for index in 0..<rows.count {
      let (resource, scope) = (Int(resources[index]), Int(scopes[index]))
      guard part.index.resources.indices.contains(resource),
        part.index.scopes.indices.contains(scope)
      else { throw ByteError.malformedText }
      visit(resource, scope, try assembler.next())
    }
  }

  /// Calls `visit` with each of some rows, ascending, its resource's and scope's numbers and its
  /// `Span` message.
  func messages(at rows: [Int], _ visit: (Int, Int, Int, [UInt8]) -> Void) throws {
    guard rows.count * 16 >= rowCount else {
      for row in rows { try messages(row..<(row + 1)) { visit(row, $0, $1, $2) } }
      return
    }
    var next = 0
    var row = 0
    try messages(0..<rowCount) { resource, scope, message in
      if next < rows.count, rows[next] == row {
        visit(row, resource, scope, message)
        next += 1
      }
      row += 1
    }
  }

  /// For each column how many of its values stand before `row`; -1 for one that no shape has.
  ///
  /// `shapes` are those of all rows.
  func valueStarts(before row: Int, _ shapes: [Int64]) throws(ByteError) -> [Int] {
    var rowsOfShape = [Int](repeating: 0, count: part.index.shapes.count)
    for shape in shapes[..<row] {
      guard shape >= 0, shape < rowsOfShape.count else { throw .malformedText }
      rowsOfShape[Int(shape)] += 1
    }
    var out = [Int](repeating: 0, count: part.index.columns.count)
    for (shape, count) in rowsOfShape.enumerated() where count > 0 {
      for case .value(let column) in part.index.shapes[shape].steps { out[column] += count }
    }
    return out
  }
}

/// Puts the messages of some rows of a block together, one after another.
private final class MessageAssembler {
  private enum Values {
    case none
    case numbers([Int64])
    case texts(TextValues)
  }

  private let block: SpanBlock
  private let index: SpanIndex
  private let rows: Range<Int>
  private let shapes: [Int64]
  private let names: TextValues
  private let kinds: [Int64]
  private let statuses: [Int64]
  private let lengths: [Int64]
  private let starts: [Int64]
  private let traces: [TraceID]
  private let parents: [Int64]
  private let foreignParents: [Int64]
  private var columns: [Int: Values] = [:]
  private var wholes: TextValues?
  private var row = 0
  private var nextValue: [Int: Int] = [:]
  private var nextParent = 0
  private var nextForeign = 0
  private var nextWhole = 0

  init(_ block: SpanBlock, _ rows: Range<Int>) throws {
    self.block = block
    self.rows = rows
    index = block.part.index
    let allShapes = try block.numbers(.shape, 0..<rows.upperBound)
    let before = try block.valueStarts(before: rows.lowerBound, allShapes)
    shapes = Array(allShapes[rows])
    names = try block.texts(SpanBlock.CoreColumn.name.rawValue, rows)
    kinds = try block.numbers(.kind, rows)
    statuses = try block.numbers(.status, rows)
    lengths = try block.numbers(.length, rows)
    (traces, starts) = try block.tracesAndStarts(rows)
    let hasParent = index.shapes.map(\.hasParent)
    var parentsBefore = 0
    var wholesBefore = 0
    for shape in allShapes[..<rows.lowerBound] {
      if shape == 0 { wholesBefore += 1 }
      if hasParent[Int(shape)] { parentsBefore += 1 }
    }
    var counts: [Int: Int] = [:]
    var parentCount = 0
    var wholeCount = 0
    for shape in shapes {
      guard index.shapes.indices.contains(Int(shape)) else { throw ByteError.malformedText }
      if shape == 0 { wholeCount += 1 }
      for step in index.shapes[Int(shape)].steps {
        if case .value(let column) = step { counts[column, default: 0] += 1 }
        if step == .parent { parentCount += 1 }
      }
    }
    let parentReader = try block.reader(SpanBlock.CoreColumn.parent.rawValue)
    let leading = try parentReader.values(0..<parentsBefore, of: block.page)
    parents = try parentReader.values(
      parentsBefore..<(parentsBefore + parentCount), of: block.page)
    let foreign = try block.reader(SpanBlock.CoreColumn.foreignParent.rawValue)
    let foreignBefore = leading.count { $0 == 0 }
    foreignParents = try foreign.values(
      foreignBefore..<(foreignBefore + parents.count { $0 == 0 }), of: block.page)
    if wholeCount > 0 {
      wholes = try block.texts(
        SpanBlock.CoreColumn.whole.rawValue, wholesBefore..<(wholesBefore + wholeCount))
    }
    for (column, count) in counts {
      let range = before[column]..<(before[column] + count)
      let id = SpanBlock.valueColumn(column)
      switch index.columns[column].kind {
      case let kind where kind.isText: columns[column] = .texts(try block.texts(id, range))
      case let kind where kind.isNumber:
        columns[column] = .numbers(try block.reader(id).values(range, of: block.page))
      default: columns[column] = Values.none
      }
    }
  }

  /// The message of the next row.
  func next() throws -> [UInt8] {
    defer { row += 1 }
    let shape = index.shapes[Int(shapes[row])]
    guard shapes[row] != 0 else {
      guard let wholes else { throw ByteError.truncated }
      defer { nextWhole += 1 }
      return wholes.withText(nextWhole) { Array($0) }
    }
    var writer = ProtobufWriter(reserving: 256)
    var at = 0
    while at < shape.steps.count {
      let step = shape.steps[at]
      switch step {
      case .beginEvent, .beginLink, .beginStatus:
        let end = shape.steps[at...].firstIndex(of: .endMessage) ?? shape.steps.count
        let field = step == .beginEvent ? 11 : step == .beginLink ? 13 : 15
        try writer.message(field) { (inner) throws in
          for step in shape.steps[(at + 1)..<end] { try write(step, to: &inner) }
        }
        at = end
      default: try write(step, to: &writer)
      }
      at += 1
    }
    return writer.bytes
  }

  private func write(_ step: SpanShape.Step, to writer: inout ProtobufWriter) throws {
    switch step {
    case .trace:
      writer.bytes += [0x0a, 16]
      writer.bytes.appendBigEndian(traces[row].high)
      writer.bytes.appendBigEndian(traces[row].low)
    case .span:
      writer.bytes += [0x12, 8]
      writer.bytes.appendBigEndian(try block.spanID(rows.lowerBound + row))
    case .parent:
      writer.bytes += [0x22, 8]
      writer.bytes.appendBigEndian(try parent())
    case .name: names.withText(row) { Self.write(5, $0, to: &writer) }
    case .kind: writer.int64(6, kinds[row])
    case .start: writer.fixed64(7, UInt64(bitPattern: starts[row]))
    case .end: writer.fixed64(8, UInt64(bitPattern: starts[row] &+ lengths[row]))
    case .statusCode: writer.int64(3, statuses[row])
    case .value(let column): try writeValue(column, to: &writer)
    case .beginStatus, .beginEvent, .beginLink, .endMessage: break
    }
  }

  private func parent() throws -> UInt64 {
    defer { nextParent += 1 }
    let distance = parents[nextParent]
    if distance == 0 {
      defer { nextForeign += 1 }
      return UInt64(bitPattern: foreignParents[nextForeign])
    }
    let place = rows.lowerBound + row
    guard distance > 0, distance <= place else { throw ByteError.malformedText }
    return try block.spanID(place - Int(distance))
  }

  private static func write(
    _ field: Int, _ bytes: UnsafeRawBufferPointer, to writer: inout ProtobufWriter
  ) {
    writer.bytes(field, bytes)
  }

  private func writeValue(_ number: Int, to writer: inout ProtobufWriter) throws {
    let column = index.columns[number]
    let at = nextValue[number, default: 0]
    nextValue[number] = at + 1
    let field = Int(column.field)
    guard column.kind.isAttribute else {
      switch (column.kind, columns[number]) {
      case (.data, .texts(let texts)): texts.withText(at) { writer.bytes(field, $0) }
      case (.varint, .numbers(let numbers)): writer.int64(field, numbers[at])
      case (.fixed64, .numbers(let numbers)):
        writer.fixed64(field, UInt64(bitPattern: numbers[at]))
      case (.time, .numbers(let numbers)):
        writer.fixed64(field, UInt64(bitPattern: starts[row] &+ numbers[at]))
      case (.fixed32, .numbers(let numbers)):
        writer.fixed32(field, UInt32(truncatingIfNeeded: numbers[at]))
      default: throw ByteError.malformedText
      }
      return
    }
    try writer.message(field) { (attribute) throws in
      attribute.bytes(1, column.key)
      if column.kind == .noValue { return }
      try attribute.message(2) { (value) throws in
        switch (column.kind, columns[number]) {
        case (.emptyValue, _): break
        case (.bool, .numbers(let numbers)): value.int64(2, numbers[at])
        case (.int, .numbers(let numbers)): value.int64(3, numbers[at])
        case (.double, .numbers(let numbers)):
          value.fixed64(4, UInt64(bitPattern: numbers[at]))
        case (let kind, .texts(let texts)):
          texts.withText(at) { value.bytes(Int(kind.rawValue), $0) }
        default: throw ByteError.malformedText
        }
      }
    }
  }
}

extension SpanBlock {
  /// The trace and start of each row of a range.
  func tracesAndStarts(_ rows: Range<Int>) throws(ByteError) -> ([TraceID], [Int64]) {
    let runs = try runs()
    let bases = try reader(CoreColumn.base.rawValue).values(of: page)
    guard bases.count == runs.count else { throw .malformedText }
    let deltas = try numbers(.delta, rows)
    var traces: [TraceID] = []
    var starts: [Int64] = []
    var runStart = 0
    for (number, run) in runs.enumerated() {
      let runRows = (runStart..<(runStart + Int(run))).clamped(to: rows)
      runStart += Int(run)
      if runRows.isEmpty { continue }
      let id = try trace(number)
      for row in runRows {
        traces.append(id)
        starts.append(bases[number] &+ deltas[row - rows.lowerBound])
      }
    }
    guard starts.count == rows.count else { throw .malformedText }
    return (traces, starts)
  }
}

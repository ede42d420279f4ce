import Bytes
import TelemetryModel
import TraceFormats

/// A condition in the terms of one tenant's part of a segment.
final class PartCondition {
  let condition: SpanCondition
  private let part: SegmentPart
  /// Columns whose values are to be looked at, with the place of their messages.
  private var columns: [Int] = []
  /// Codes that hold, where a test for one text could be decided on the dictionary.
  private var codes: [Int: Int] = [:]
  private var resources: [Bool] = []
  private var scopes: [Bool] = []
  /// Shapes whose spans are read whole.
  private let hidden: [Bool]
  private let hasHidden: Bool

  init(_ condition: SpanCondition, _ part: SegmentPart) throws {
    self.condition = condition
    self.part = part
    hidden = part.index.shapes.map(\.hidesAttributes)
    hasHidden = hidden.contains(true)
    guard case .attribute(let key, let places) = condition.subject else { return }
    let index = part.index
    if places.contains(.resource) {
      resources = index.resources.map { fields in
        let told = try? OTLPTraceProtobuf.decodeResourceSpans(fields.span.bytes)
        return told?.resource.attributes.value(of: key).map(condition.holds) ?? false
      }
    }
    if places.contains(.scope) {
      scopes = index.scopes.map { fields in
        let told = try? OTLPTraceProtobuf.decodeScopeSpans(fields.span.bytes)
        return told?.scope.attributes.value(of: key).map(condition.holds) ?? false
      }
    }
    let bytes = Array(key.utf8)
    if places.contains(.span) { columns += index.columns(of: bytes, in: .span) }
    if places.contains(.event) { columns += index.columns(of: bytes, in: .event) }
    if places.contains(.link) { columns += index.columns(of: bytes, in: .link) }
    guard case .text(let text) = condition.test else { return }
    let wanted = Array(text.utf8)
    for column in columns where index.columns[column].kind == .string {
      guard let dictionary = try part.dictionary(SpanBlock.valueColumn(column)) else { continue }
      // A block that has the column plain is looked through all the same.
      codes[column] = dictionary.code(of: wanted) ?? -1
    }
  }

  /// Whether a row of the block can hold.
  func mayHold(_ block: SpanIndex.Block) -> Bool {
    switch condition.subject {
    case .kind: return true
    case .statusCode:
      if block.statuses & 8 != 0 { return true }
      return (0...2).contains { code in
        block.statuses & SpanIndex.Block.statusBit(Int32(code)) != 0
          && condition.holds(.int(Int64(code)))
      }
    case .attribute:
      return block.hasWholes || hasHidden || scopes.contains(true)
        || block.resources.contains { Int($0) < resources.count && resources[Int($0)] }
        || columns.contains { column in
          block.columns.contains(column)
            && (codes[column] != -1 || block.plainColumns.contains(column))
        }
    }
  }

  /// Those of `rows` for which it holds.
  func filter(_ rows: [Int], of block: BlockRows) throws -> [Int] {
    switch condition.subject {
    case .kind: return try filter(rows, numbers: block.numbers(.kind))
    case .statusCode: return try filter(rows, numbers: block.numbers(.status))
    case .attribute(let key, let places):
      let flags = try flags(of: block)
      let rowResources = resources.contains(true) ? try block.numbers(.resource) : []
      let rowScopes = scopes.contains(true) ? try block.numbers(.scope) : []
      let shapes = try block.numbers(.shape)
      var found: [Int] = []
      // Rows whose message must be looked at, read together.
      var unknown: [Int] = []
      for row in rows {
        if !rowResources.isEmpty, resources[Int(rowResources[row])] {
          found.append(row)
        } else if !rowScopes.isEmpty, scopes[Int(rowScopes[row])] {
          found.append(row)
        } else if shapes[row] == 0 || hidden[Int(shapes[row])] {
          unknown.append(row)
        } else if !flags.isEmpty, flags[row] {
          found.append(row)
        }
      }
      guard !unknown.isEmpty else { return found }
      try block.block.messages(at: unknown) { row, _, _, message in
        let holds = message.withUnsafeBytes {
          SpanMessage.holds(key, places, condition, WireCursor($0))
        }
        if holds { found.append(row) }
      }
      return found.sorted()
    }
  }

  private func filter(_ rows: [Int], numbers: [Int64]) -> [Int] {
    var known: [Int64: Bool] = [:]
    return rows.filter { row in
      if let holds = known[numbers[row]] { return holds }
      let holds = condition.holds(.int(numbers[row]))
      known[numbers[row]] = holds
      return holds
    }
  }

  /// One flag for each row: whether a value of one of the columns holds. Empty when none does.
  private func flags(of block: BlockRows) throws -> [Bool] {
    var flags: [Bool] = []
    for column in columns {
      let kind = part.index.columns[column].kind
      let counts = part.index.shapes.map { $0.count(of: column) }
      let values: [Bool]?
      switch kind {
      case .emptyValue, .noValue: values = condition.holds(.empty) ? nil : []
      default:
        guard block.block.hasColumn(SpanBlock.valueColumn(column)) else { continue }
        let found = try valueFlags(column, kind, block)
        values = found.contains(true) ? found : []
      }
      if let values, values.isEmpty { continue }
      if flags.isEmpty { flags = [Bool](repeating: false, count: block.block.rowCount) }
      var next = 0
      for (row, shape) in try block.numbers(.shape).enumerated() {
        let count = counts[Int(shape)]
        guard count > 0 else { continue }
        if let values {
          guard next + count <= values.count else { throw ByteError.malformedText }
          if values[next..<(next + count)].contains(true) { flags[row] = true }
        } else {
          flags[row] = true
        }
        next += count
      }
    }
    return flags
  }

  private func valueFlags(
    _ column: Int, _ kind: SpanColumn.Kind, _ rows: BlockRows
  ) throws -> [Bool] {
    let id = SpanBlock.valueColumn(column)
    let block = rows.block
    guard kind.isText else { return try numberFlags(block.reader(id).values(of: block.page), kind) }
    let texts = try block.texts(id, 0..<block.valueCount(id))
    guard case .codes(let values, let dictionary) = texts else {
      return (0..<(try block.valueCount(id))).map { index in
        texts.withText(index) { holds($0, kind) }
      }
    }
    if let code = codes[column] { return values.map { $0 == Int64(code) } }
    var known = [UInt8](repeating: 0, count: dictionary.count)
    return values.map { value in
      let code = Int(value)
      if known[code] == 0 {
        known[code] = dictionary.withText(code) { holds($0, kind) } ? 1 : 2
      }
      return known[code] == 1
    }
  }

  private func numberFlags(_ values: [Int64], _ kind: SpanColumn.Kind) -> [Bool] {
    var last: Int64 = 0
    var lastHolds: Bool?
    return values.map { value in
      if value == last, let lastHolds { return lastHolds }
      let told: AttributeValue =
        switch kind {
        case .bool: .bool(value != 0)
        case .double: .double(Double(bitPattern: UInt64(bitPattern: value)))
        default: .int(value)
        }
      last = value
      let holds = condition.holds(told)
      lastHolds = holds
      return holds
    }
  }

  private func holds(_ text: UnsafeRawBufferPointer, _ kind: SpanColumn.Kind) -> Bool {
    switch kind {
    case .string:
      if case .text(let wanted) = condition.test {
        return text.count == wanted.utf8.count && text.elementsEqual(wanted.utf8)
      }
      return condition.holds(.string(String(decoding: text, as: UTF8.self)))
    case .bytes: return condition.holds(.bytes(Array(text)))
    default:
      // Arrays and maps are the bytes of their message, which `AnyValue` has in a field.
      var value: [UInt8] = [kind.rawValue << 3 | 2]
      value.appendVarint(UInt64(text.count))
      value.append(contentsOf: text)
      return value.withUnsafeBytes { SpanMessage.holds($0, condition) }
    }
  }
}

/// The rows of one block while a search looks at them; each column is read once.
final class BlockRows {
  let block: SpanBlock
  private var columns: [SpanBlock.CoreColumn: [Int64]] = [:]

  init(_ block: SpanBlock) { self.block = block }

  func numbers(_ core: SpanBlock.CoreColumn) throws -> [Int64] {
    if let known = columns[core] { return known }
    let read = try block.numbers(core, 0..<block.rowCount)
    guard try isKnown(core, read) else { throw ByteError.malformedText }
    columns[core] = read
    return read
  }

  /// Numbers must name what the index has.
  private func isKnown(_ core: SpanBlock.CoreColumn, _ values: [Int64]) throws -> Bool {
    let count =
      switch core {
      case .shape: block.part.index.shapes.count
      case .resource: block.part.index.resources.count
      case .scope: block.part.index.scopes.count
      default: Int.max
      }
    return count == .max || values.allSatisfy { $0 >= 0 && $0 < Int64(count) }
  }
}

/// When rows of a block begin and of which trace they are; asked for rows in their order.
struct RowPlaces {
  /// The trace of the row that was asked for last, by its number in the block.
  private(set) var run = 0
  /// Where the rows of each trace end.
  private var ends: [Int] = []
  private let bases: [Int64]
  private let deltas: [Int64]

  init(_ block: SpanBlock) throws(ByteError) {
    var end = 0
    for count in try block.runs() {
      end += Int(count)
      ends.append(end)
    }
    bases = try block.reader(SpanBlock.CoreColumn.base.rawValue).values(of: block.page)
    deltas = try block.numbers(.delta, 0..<block.rowCount)
    guard bases.count == ends.count else { throw .malformedText }
  }

  /// When the row begins; `row` is not before the one that was asked for last.
  mutating func start(of row: Int) -> Int64 {
    while row >= ends[run] { run += 1 }
    return bases[run] &+ deltas[row]
  }
}

import Bytes
import TraceFormats

/// Takes `Span` messages apart into their shape and the values of columns.
///
/// A message that is not in protobuf's shortest form, or has a field twice that the columns keep
/// once, has no shape: it is kept as it came. So has one of a shape too many.
struct SpanShapeReader {
  /// More different shapes than a segment's spans usually have; the rest are kept whole.
  static let shapesMax = 4096
  static let columnsMax = 4096

  /// A value of the message at hand: a number, or where a text stands.
  struct Value {
    var column: Int
    var number: Int64
    var text: Range<Int>
  }

  private var columnTable = ByteTable()
  private(set) var columns: [SpanColumn] = []
  private(set) var shapes = ByteTable()
  /// Of the message that was read last.
  private(set) var values: [Value] = []
  private(set) var parent: UInt64?
  private var steps: [UInt8] = []
  private var descriptor: [UInt8] = []
  /// One bit for each of the fields that a row has once.
  private var seen: UInt32 = 0
  private var start: Int64 = 0

  init() {
    // Number 0 is the shape of messages that are kept whole.
    _ = shapes.number(of: [])
  }

  /// Reads a message whose row is `row`; its shape's number, or nil when it has to be kept whole.
  mutating func read(_ message: WireCursor, _ row: SpanRow) -> Int? {
    values.removeAll(keepingCapacity: true)
    steps.removeAll(keepingCapacity: true)
    parent = nil
    seen = 0
    start = row.start
    guard (try? readSpan(message)) == true else { return nil }
    if let known = steps.withUnsafeBytes({ shapes.existingNumber(of: $0) }) {
      return known == 0 ? nil : Int(known)
    }
    guard shapes.count < Self.shapesMax else { return nil }
    return Int(shapes.number(of: steps))
  }

  private mutating func once(_ step: SpanShape.Step) -> Bool {
    let code = SpanShape.code(step)
    guard seen & 1 << UInt32(code) == 0 else { return false }
    seen |= 1 << UInt32(code)
    steps.append(code)
    return true
  }

  /// Whether a varint that ends before `end` took more bytes than it had to.
  @inline(__always)
  private static func isLong(_ reader: WireCursor, from start: Int) -> Bool {
    reader.at - start > 1 && reader.base.load(fromByteOffset: reader.at - 1, as: UInt8.self) == 0
  }

  private mutating func readSpan(_ message: WireCursor) throws(TraceFormatError) -> Bool {
    var reader = message
    while true {
      let tagAt = reader.at
      let tag = try reader.nextTag()
      if tag == 0 { return true }
      if Self.isLong(reader, from: tagAt) { return false }
      switch tag {
      case 0x0a:
        guard try Self.length(&reader)?.count == 16, once(.trace) else { return false }
      case 0x12:
        guard try Self.length(&reader)?.count == 8, once(.span) else { return false }
      case 0x22:
        guard let id = try Self.length(&reader), id.count == 8, once(.parent) else { return false }
        parent = reader.bigEndian(at: id.lowerBound)
      case 0x2a: guard try Self.length(&reader) != nil, once(.name) else { return false }
      case 0x30:
        guard let kind = try Self.number(&reader), Int64(Int32(truncatingIfNeeded: kind)) == kind,
          once(.kind)
        else { return false }
      case 0x39:
        _ = try reader.fixed64()
        guard once(.start) else { return false }
      case 0x41:
        _ = try reader.fixed64()
        guard once(.end) else { return false }
      case 0x4a: guard try attribute(&reader, .span, 9) else { return false }
      case 0x5a: guard try nested(&reader, .event, .beginEvent) else { return false }
      case 0x6a: guard try nested(&reader, .link, .beginLink) else { return false }
      case 0x7a: guard try nested(&reader, .status, .beginStatus) else { return false }
      default: guard try field(&reader, tag, .span) else { return false }
      }
    }
  }

  /// The bytes of a length-delimited field; nil when the length is not in its shortest form.
  @inline(__always)
  private static func length(_ reader: inout WireCursor) throws(TraceFormatError) -> Range<Int>? {
    let start = reader.at
    let bytes = try reader.bytes()
    let last = bytes.lowerBound - 1
    if last > start, reader.base.load(fromByteOffset: last, as: UInt8.self) == 0 { return nil }
    return bytes
  }

  private static func number(_ reader: inout WireCursor) throws(TraceFormatError) -> Int64? {
    let start = reader.at
    let value = try reader.varint()
    return isLong(reader, from: start) ? nil : Int64(bitPattern: value)
  }

  private mutating func nested(
    _ reader: inout WireCursor, _ place: SpanColumn.Place, _ begin: SpanShape.Step
  ) throws(TraceFormatError) -> Bool {
    guard let bytes = try Self.length(&reader) else { return false }
    steps.append(SpanShape.code(begin))
    var inner = WireCursor(reader.base, bytes)
    while true {
      let tagAt = inner.at
      let tag = try inner.nextTag()
      if tag == 0 { break }
      if Self.isLong(inner, from: tagAt) { return false }
      switch (place, tag) {
      case (.status, 0x18):
        guard let code = try Self.number(&inner), Int64(Int32(truncatingIfNeeded: code)) == code,
          once(.statusCode)
        else { return false }
      case (.event, 0x1a): guard try attribute(&inner, .event, 3) else { return false }
      case (.link, 0x22): guard try attribute(&inner, .link, 4) else { return false }
      default: guard try field(&inner, tag, place) else { return false }
      }
    }
    steps.append(SpanShape.code(.endMessage))
    return true
  }

  /// Any other field, as it is.
  private mutating func field(
    _ reader: inout WireCursor, _ tag: UInt32, _ place: SpanColumn.Place
  ) throws(TraceFormatError) -> Bool {
    let field = tag >> 3
    var number: Int64 = 0
    var text = 0..<0
    let kind: SpanColumn.Kind
    switch tag & 7 {
    case 0:
      guard let value = try Self.number(&reader) else { return false }
      number = value
      kind = .varint
    case 1:
      number = Int64(bitPattern: try reader.fixed64())
      kind = place == .event && field == 1 ? .time : .fixed64
      if kind == .time { number = number &- start }
    case 2:
      guard let value = try Self.length(&reader) else { return false }
      text = value
      kind = .data
    default:
      number = Int64(try reader.fixed32())
      kind = .fixed32
    }
    return add(place, field, kind, key: nil, number, text, reader)
  }

  private mutating func add(
    _ place: SpanColumn.Place, _ field: UInt32, _ kind: SpanColumn.Kind, key: Range<Int>?,
    _ number: Int64, _ text: Range<Int>, _ reader: WireCursor
  ) -> Bool {
    descriptor.removeAll(keepingCapacity: true)
    descriptor.append(place.rawValue)
    descriptor.append(kind.rawValue)
    descriptor.appendVarint(UInt64(field))
    if let key { descriptor.append(contentsOf: reader.buffer(key)) }
    let column = Int(columnTable.number(of: descriptor))
    if column == columns.count {
      guard columns.count < Self.columnsMax,
        let known = try? SpanColumn(encoded: descriptor)
      else { return false }
      columns.append(known)
    } else if column > columns.count {
      return false
    }
    steps.append(SpanShape.valueCode)
    steps.appendVarint(UInt64(column))
    values.append(Value(column: column, number: number, text: text))
    return true
  }

  /// A `KeyValue` as every client writes it: the key, then the value with one field; anything else
  /// is kept as the field's bytes.
  private mutating func attribute(
    _ reader: inout WireCursor, _ place: SpanColumn.Place, _ field: UInt32
  ) throws(TraceFormatError) -> Bool {
    guard let bytes = try Self.length(&reader) else { return false }
    var inner = WireCursor(reader.base, bytes)
    if bytes.count > 2, inner.buffer(bytes)[0] == 0x0a {
      _ = try inner.nextTag()
      if let key = try Self.length(&inner) {
        if inner.at == bytes.upperBound {
          return add(place, field, .noValue, key: key, 0, 0..<0, reader)
        }
        let tagAt = inner.at
        if try inner.nextTag() == 0x12, !Self.isLong(inner, from: tagAt),
          let value = try Self.length(&inner), inner.at == bytes.upperBound,
          let isAdded = try anyValue(WireCursor(reader.base, value), place, field, key)
        {
          return isAdded
        }
      }
    }
    return add(place, field, .data, key: nil, 0, bytes, reader)
  }

  /// nil when the value is not one field in its shortest form.
  private mutating func anyValue(
    _ value: WireCursor, _ place: SpanColumn.Place, _ field: UInt32, _ key: Range<Int>
  ) throws(TraceFormatError) -> Bool? {
    var reader = value
    let tag = try reader.nextTag()
    if Self.isLong(reader, from: value.at) { return nil }
    var number: Int64 = 0
    var text = 0..<0
    let kind: SpanColumn.Kind
    switch tag {
    case 0: kind = .emptyValue
    case 0x0a, 0x2a, 0x32, 0x3a:
      guard let found = try Self.length(&reader) else { return nil }
      text = found
      kind = tag == 0x0a ? .string : tag == 0x2a ? .array : tag == 0x32 ? .map : .bytes
    case 0x10, 0x18:
      guard let found = try Self.number(&reader) else { return nil }
      number = found
      kind = tag == 0x10 ? .bool : .int
    case 0x21:
      number = Int64(bitPattern: try reader.fixed64())
      kind = .double
    default: return nil
    }
    guard reader.at == value.end else { return nil }
    return add(place, field, kind, key: key, number, text, reader)
  }
}

import Bytes
import TelemetryModel
import WireFormats

/// Reads OTLP's JSON and writes the same messages as protobuf, field by field as they come.
///
/// Nothing is held but what is written: members may stand in any order, since a message's fields
/// are put in the order of their numbers when they came in another, so that equal spans are equal
/// bytes; members that ``OTLPJSONMessage`` does not name are left out. What is `null` is as good as
/// absent, but in a list or a `oneof`, where it is there and holds nothing.
struct OTLPJSONTranscoder {
  private var scanner: JSONScanner
  private var budget: DecodingBudget
  private var bytes: [UInt8] = []
  private var recordCount = 0
  /// How many arrays and maps of an attribute's value are open.
  private var level = 0
  /// Of the message that is being written: its last field, and whether none came before a
  /// lower one.
  private var lastField: UInt8 = 0
  private var isInOrder = true
  private let table = OTLPJSONTable.shared

  init(_ text: UnsafeRawBufferPointer, _ limits: TraceDecodingLimits) {
    // One level of an attribute's array or map is four of JSON; the rest is what stands above.
    scanner = JSONScanner(text, depthMax: limits.depthMax * 4 + 64)
    budget = DecodingBudget(limits)
    bytes.reserveCapacity(text.count / 2)
  }

  /// Reads the whole text as `message`.
  mutating func body(_ message: OTLPJSONMessage) throws -> TranscodedSpans {
    if try beginsObject(try scanner.next()) { try members(of: message) }
    try scanner.finish()
    return TranscodedSpans(request: bytes, spanCount: recordCount)
  }

  // MARK: - Containers

  /// False for `null`.
  private func beginsObject(_ token: JSONToken) throws -> Bool {
    switch token {
    case .beginObject: return true
    case .null: return false
    default: throw scanner.error("an object was expected")
    }
  }

  private mutating func members(of message: OTLPJSONMessage) throws {
    let places = table.places(of: message)
    // Senders mostly write members in one order.
    var next = places.lowerBound
    while case .key(let key) = try scanner.next() {
      guard let place = table.find(key, scanner, in: places, from: next) else {
        try scanner.skipValue()
        continue
      }
      next = place + 1 == places.upperBound ? places.lowerBound : place + 1
      try member(table.fields[place], of: message)
    }
  }

  private mutating func member(
    _ field: OTLPJSONMessage.Field, of message: OTLPJSONMessage
  ) throws {
    let keeps = message.keepsDefaults
    if field.number < lastField { isInOrder = false }
    lastField = field.number
    switch field.kind {
    case .text: try text(field.number, keeps)
    case .bytes: try base64(field.number)
    case .traceID: try identifier(field.number, byteCount: 16)
    case .spanID: try identifier(field.number, byteCount: 8)
    case .bool: varint(field.number, try bool() ? 1 : 0, keeps)
    case .int64:
      varint(field.number, UInt64(bitPattern: try wholeNumber(Int64.self)), keeps)
    case .uint32: varint(field.number, UInt64(try wholeNumber(UInt32.self)), keeps)
    case .enumeration(let names):
      varint(field.number, UInt64(bitPattern: Int64(try enumeration(names))), keeps)
    case .fixed32: fixed(field.number, try wholeNumber(UInt32.self))
    case .fixed64: fixed(field.number, try wholeNumber(UInt64.self))
    case .double:
      tag(field.number, .fixed64)
      bytes.appendLittleEndian(try double().bitPattern)
    case .same:
      if try beginsObject(try scanner.next()) { try members(of: message) }
    case .message(let inner):
      let token = try scanner.next()
      if case .null = token, !keeps { return }
      try self.message(inner, field.number, token)
    case .messages(let inner): try items(inner, field.number)
    }
  }

  /// Writes the message that begins with `token`; an empty one for `null`.
  private mutating func message(
    _ message: OTLPJSONMessage, _ number: UInt8, _ token: JSONToken
  ) throws {
    let start = begin(number)
    if message.isLevel {
      level += 1
      try budget.checkDepth(level)
    }
    let outer = (lastField, isInOrder)
    (lastField, isInOrder) = (0, true)
    if try beginsObject(token) { try members(of: message) }
    // Of a value's members, all of one `oneof`, the last counts.
    if !isInOrder, message != .value { try sortFields(from: start) }
    (lastField, isInOrder) = outer
    if message.isLevel { level -= 1 }
    end(start)
  }

  /// Puts the fields that were written from `start` on in the order of their numbers; those of one
  /// number stay as they are.
  private mutating func sortFields(from start: Int) throws {
    let content = Array(bytes[start...])
    var fields: [(number: Int, range: Range<Int>)] = []
    var reader = ProtobufReader(content.span.bytes)
    while !reader.isAtEnd {
      let begin = reader.position
      guard try reader.nextField() else { break }
      try reader.skip()
      fields.append((reader.field, begin..<reader.position))
    }
    bytes.removeSubrange(start...)
    fields.sort { ($0.number, $0.range.lowerBound) < ($1.number, $1.range.lowerBound) }
    for field in fields { bytes += content[field.range] }
  }

  private mutating func items(_ message: OTLPJSONMessage, _ number: UInt8) throws {
    switch try scanner.next() {
    case .beginArray: break
    case .null: return
    default: throw scanner.error("an array was expected")
    }
    while true {
      let token = try scanner.next()
      if case .endArray = token { return }
      if message.isValue {
        try budget.countValue()
      } else if message.isRecord {
        try budget.countSpan()
        recordCount += 1
      }
      try self.message(message, number, token)
    }
  }
}

/// Reading scalars of protobuf's JSON mapping.
extension OTLPJSONTranscoder {
  private mutating func bool() throws -> Bool {
    switch try scanner.next() {
    case .bool(let flag): return flag
    case .null: return false
    default: throw scanner.error("true or false was expected")
    }
  }

  /// A whole number, written as number or as text; zero for `null`.
  private mutating func wholeNumber<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    let written: String
    switch try scanner.next() {
    case .string(let text):
      if let plain = Self.digits(scanner.bytes(text.range)), let number = T(exactly: plain) {
        return number
      }
      written = scanner.string(text)
    case .number(let range):
      if let plain = Self.digits(scanner.bytes(range)), let number = T(exactly: plain) {
        return number
      }
      written = scanner.string(range)
    case .null: return 0
    default: throw scanner.error("a number was expected")
    }
    if let number = T(written) { return number }
    // Some writers put an exponent or a point even into whole numbers.
    guard let number = Double(written), let exact = T(exactly: number) else {
      throw scanner.error("\"\(written.prefix(40))\" is not a whole number of \(T.bitWidth) bits")
    }
    return exact
  }

  /// The number that up to 19 digits and nothing else make; they fit 64 bits.
  private static func digits(_ text: UnsafeRawBufferPointer) -> UInt64? {
    guard (1...19).contains(text.count) else { return nil }
    var number: UInt64 = 0
    for byte in text {
      let digit = byte &- 0x30
      guard digit < 10 else { return nil }
      number = number &* 10 &+ UInt64(digit)
    }
    return number
  }

  private mutating func double() throws -> Double {
    let written: String
    switch try scanner.next() {
    case .number(let range): written = scanner.string(range)
    case .string(let text): written = scanner.string(text)
    case .null: return 0
    default: throw scanner.error("a number was expected")
    }
    switch written {
    case "NaN": return .nan
    case "Infinity": return .infinity
    case "-Infinity": return -.infinity
    default:
      guard let number = Double(written), number.isFinite else {
        throw scanner.error("\"\(written.prefix(40))\" is not a number")
      }
      return number
    }
  }

  /// An enumeration's value, by number or by name.
  private mutating func enumeration(_ names: OTLPJSONMessage.Names) throws -> Int32 {
    switch try scanner.next() {
    case .null: return 0
    case .number(let range):
      guard let number = Int32(scanner.string(range)) else {
        throw scanner.error("an enumeration's number was expected")
      }
      return number
    case .string(let text):
      let name = scanner.string(text)
      guard let index = names.list.firstIndex(of: name) else {
        throw scanner.error(
          "\"\(name.prefix(40))\" is none of \(names.list.joined(separator: ", "))")
      }
      return Int32(index)
    default: throw scanner.error("an enumeration's number or name was expected")
    }
  }
}

/// Writing fields.
extension OTLPJSONTranscoder {
  private mutating func tag(_ number: UInt8, _ type: ProtobufWireType) {
    if number < 16 {
      bytes.append(number << 3 | type.rawValue)
    } else {
      bytes.appendVarint(UInt64(number) << 3 | UInt64(type.rawValue))
    }
  }

  private mutating func varint(_ number: UInt8, _ value: UInt64, _ keepsDefault: Bool) {
    guard value != 0 || keepsDefault else { return }
    tag(number, .varint)
    bytes.appendVarint(value)
  }

  private mutating func fixed(_ number: UInt8, _ value: UInt64) {
    guard value != 0 else { return }
    tag(number, .fixed64)
    bytes.appendLittleEndian(value)
  }

  private mutating func fixed(_ number: UInt8, _ value: UInt32) {
    guard value != 0 else { return }
    tag(number, .fixed32)
    bytes.appendLittleEndian(value)
  }

  private mutating func text(_ number: UInt8, _ keepsDefault: Bool) throws {
    switch try scanner.next() {
    case .string(let text):
      guard text.hasEscapes else {
        append(scanner.bytes(text.range), number, keepsDefault)
        return
      }
      var out: [UInt8] = []
      scanner.unescape(text, into: &out)
      out.withUnsafeBytes { append($0, number, keepsDefault) }
    case .null: append(UnsafeRawBufferPointer(start: nil, count: 0), number, keepsDefault)
    default: throw scanner.error("a string was expected")
    }
  }

  /// Writes a text; what is not UTF-8 in it becomes U+FFFD.
  private mutating func append(
    _ text: UnsafeRawBufferPointer, _ number: UInt8, _ keepsDefault: Bool
  ) {
    guard !text.isEmpty || keepsDefault else { return }
    tag(number, .bytes)
    if UTF8Check.isValid(text) {
      bytes.appendVarint(UInt64(text.count))
      bytes.append(contentsOf: text)
    } else {
      let repaired = String(decoding: text, as: UTF8.self).utf8
      bytes.appendVarint(UInt64(repaired.count))
      bytes.append(contentsOf: repaired)
    }
  }

  private mutating func base64(_ number: UInt8) throws {
    let written: String
    switch try scanner.next() {
    case .string(let text): written = scanner.string(text)
    case .null: written = ""
    default: throw scanner.error("a string was expected")
    }
    let value: [UInt8]
    do { value = try Base64.decode(written.utf8) } catch {
      throw scanner.error("the text is not base64")
    }
    tag(number, .bytes)
    bytes.appendVarint(UInt64(value.count))
    bytes += value
  }

  /// An identifier of `byteCount` bytes in hexadecimal digits of any case; no digits, or zeros
  /// alone, are none.
  private mutating func identifier(_ number: UInt8, byteCount: Int) throws {
    let text: JSONText
    switch try scanner.next() {
    case .string(let found): text = found
    case .null: return
    default: throw scanner.error("a string was expected")
    }
    if text.range.isEmpty { return }
    let digits = scanner.bytes(text.range)
    guard digits.count == 2 * byteCount else { throw wrongIdentifier(byteCount) }
    let start = bytes.count
    tag(number, .bytes)
    bytes.append(UInt8(byteCount))
    var isZero = true
    for place in 0..<byteCount {
      guard let high = Hex.value(digits[2 * place]), let low = Hex.value(digits[2 * place + 1])
      else { throw wrongIdentifier(byteCount) }
      let byte = high << 4 | low
      if byte != 0 { isZero = false }
      bytes.append(byte)
    }
    if isZero { bytes.removeSubrange(start...) }
  }

  private func wrongIdentifier(_ byteCount: Int) -> JSONError {
    scanner.error(
      "a \(byteCount == 16 ? "trace" : "span") id has \(2 * byteCount) hexadecimal digits, or none"
    )
  }

  /// Begins a message in a field; its length gets one byte for now.
  private mutating func begin(_ number: UInt8) -> Int {
    tag(number, .bytes)
    bytes.append(0)
    return bytes.count
  }

  /// Ends the message whose content begins at `start`: it moves on when its length takes more.
  private mutating func end(_ start: Int) {
    let count = bytes.count - start
    guard count >= 0x80 else {
      bytes[start - 1] = UInt8(count)
      return
    }
    let width = (Int.bitWidth - count.leadingZeroBitCount + 6) / 7
    bytes.append(contentsOf: repeatElement(0, count: width - 1))
    bytes.withUnsafeMutableBytes { all in
      // In bounds: the array has just grown by what the content moves.
      guard let content = all.baseAddress?.advanced(by: start) else { return }
      content.advanced(by: width - 1).copyMemory(from: content, byteCount: count)
      var rest = count
      for place in 0..<width {
        all[start - 1 + place] = UInt8(rest & 0x7f) | (place < width - 1 ? 0x80 : 0)
        rest >>= 7
      }
    }
  }
}

/// Reads one JSON value (RFC 8259) token by token, without allocating for a token.
///
/// As strict as Go's encoding/json: control characters in strings, unknown escapes, numbers such
/// as `01`, `+1` or `.5`, trailing commas, comments and anything behind the value are refused.
/// As lenient as it is, too: bytes that are not UTF-8 are let through inside strings (whoever
/// makes text of them repairs them), a lone surrogate's escape means U+FFFD, keys may repeat.
///
/// The bytes are borrowed: they must stay as they are while the scanner is used.
package struct JSONScanner {
  /// The whole text.
  package let text: UnsafeRawBufferPointer
  /// How many objects and arrays may be open at once.
  package let depthMax: Int
  /// The index of the next byte to look at.
  package internal(set) var position = 0
  /// How many objects and arrays are open.
  package private(set) var depth = 0

  private enum Expectation { case value, valueOrEnd, keyOrEnd, commaOrEnd, nothing }
  private var expected = Expectation.value
  /// One bit for each open container, the innermost lowest, 1 for an object.
  private var kinds: UInt64 = 0
  /// The bits of the containers 64 and more levels out.
  private var outerKinds: [UInt64] = []

  /// Begins at the first byte of `text`; containers deeper than `depthMax` are an error.
  package init(_ text: UnsafeRawBufferPointer, depthMax: Int = 10_000) {
    self.text = text
    self.depthMax = depthMax
  }

  /// Begins anew at `position`, where a value must stand.
  package mutating func move(to position: Int) {
    self.position = min(max(position, 0), text.count)
    depth = 0
    expected = .value
    kinds = 0
    outerKinds = []
  }

  private var isInObject: Bool { depth > 0 && kinds & 1 == 1 }

  /// The next token; after the last one ``JSONToken/end`` again and again.
  package mutating func next() throws(JSONError) -> JSONToken {
    var byte = skipSpace()
    switch expected {
    case .nothing:
      guard byte == nil else { throw invalid("after top-level value") }
      return .end
    case .commaOrEnd:
      let isObject = isInObject
      if byte == UInt8(ascii: ",") {
        position += 1
        byte = skipSpace()
        return isObject ? try readKey(byte) : try readValue(byte)
      }
      let closing = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
      guard byte == closing else {
        throw invalid(isObject ? "after object key:value pair" : "after array element")
      }
      return close()
    case .keyOrEnd:
      return byte == UInt8(ascii: "}") ? close() : try readKey(byte)
    case .valueOrEnd:
      return byte == UInt8(ascii: "]") ? close() : try readValue(byte)
    case .value:
      return try readValue(byte)
    }
  }

  /// Reads the value that comes next whole, checked like any other.
  ///
  /// To be called where a value is due: at the start, behind a key, or in an array; at an array's
  /// end that end is read instead and the range is empty.
  /// - Returns: where the value stands in the text.
  @discardableResult
  package mutating func skipValue() throws(JSONError) -> Range<Int> {
    let outside = depth
    let token = try next()
    let start: Int
    switch token {
    case .beginObject, .beginArray:
      start = position - 1
      while depth > outside { _ = try next() }
    case .string(let value): start = value.range.lowerBound - 1
    case .number(let range): start = range.lowerBound
    case .bool(let value): start = position - (value ? 4 : 5)
    case .null: start = position - 4
    case .endArray, .endObject, .key, .end: return position..<position
    }
    return start..<position
  }

  /// Checks that nothing but white space is left behind the top-level value.
  package mutating func finish() throws(JSONError) {
    guard try next() == .end else { throw error("value was not read to its end") }
  }

  /// An error at `offset`, or at the current position.
  package func error(_ message: String, at offset: Int? = nil) -> JSONError {
    JSONError(message, at: offset ?? position, in: text)
  }
}

extension JSONScanner {
  /// The next byte that is not white space, not read; nil at the end.
  @inline(__always)
  private mutating func skipSpace() -> UInt8? {
    while position < text.count {
      let byte = text[position]
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
        position += 1
      default:
        return byte
      }
    }
    return nil
  }

  private mutating func readKey(_ byte: UInt8?) throws(JSONError) -> JSONToken {
    guard byte == UInt8(ascii: "\"") else {
      throw invalid("looking for beginning of object key string")
    }
    let key = try readString()
    guard skipSpace() == UInt8(ascii: ":") else { throw invalid("after object key") }
    position += 1
    expected = .value
    return .key(key)
  }

  private mutating func readValue(_ byte: UInt8?) throws(JSONError) -> JSONToken {
    guard let byte else { throw error("unexpected end of JSON input") }
    let token: JSONToken
    switch byte {
    case UInt8(ascii: "\""): token = .string(try readString())
    case UInt8(ascii: "{"):
      try open(isObject: true)
      return .beginObject
    case UInt8(ascii: "["):
      try open(isObject: false)
      return .beginArray
    case UInt8(ascii: "t"):
      try readLiteral("true")
      token = .bool(true)
    case UInt8(ascii: "f"):
      try readLiteral("false")
      token = .bool(false)
    case UInt8(ascii: "n"):
      try readLiteral("null")
      token = .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      token = .number(try readNumber())
    default: throw invalid("looking for beginning of value")
    }
    expected = depth == 0 ? .nothing : .commaOrEnd
    return token
  }

  private mutating func open(isObject: Bool) throws(JSONError) {
    guard depth < depthMax else { throw error("exceeded max depth of \(depthMax)") }
    if depth > 0, depth.isMultiple(of: 64) { outerKinds.append(kinds) }
    kinds = kinds << 1 | (isObject ? 1 : 0)
    depth += 1
    position += 1
    expected = isObject ? .keyOrEnd : .valueOrEnd
  }

  private mutating func close() -> JSONToken {
    let token = isInObject ? JSONToken.endObject : .endArray
    depth -= 1
    kinds >>= 1
    if depth > 0, depth.isMultiple(of: 64), let outer = outerKinds.popLast() { kinds = outer }
    position += 1
    expected = depth == 0 ? .nothing : .commaOrEnd
    return token
  }

  /// The error for the byte at the position, or for the end of the text.
  func invalid(_ context: String) -> JSONError {
    guard position < text.count else { return error("unexpected end of JSON input") }
    return error("invalid character \(JSONError.shown(text[position])) \(context)")
  }
}

/// A forward reader of JSON bytes for the push path: slices and unescaped strings, no tree.
///
/// In bounds: every access is guarded by `position < bytes.count`. Skipping uses a counter and
/// not the stack, so that nesting of any depth is harmless.
struct JSONBytes {
  let bytes: UnsafeRawBufferPointer
  private(set) var position: Int

  init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  /// What begins at the cursor.
  enum Kind {
    case object, array, string, other, end
  }

  enum Fault: Error {
    /// The input ends within a value.
    case end
    /// Another character than the grammar has.
    case syntax
  }

  /// The next byte that is no blank, not consumed; nil at the end.
  @inline(__always)
  mutating func peek() -> UInt8? {
    while position < bytes.count {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return byte }
      position += 1
    }
    return nil
  }

  mutating func kind() -> Kind {
    switch peek() {
    case nil: .end
    case UInt8(ascii: "{"): .object
    case UInt8(ascii: "["): .array
    case UInt8(ascii: "\""): .string
    default: .other
    }
  }

  /// Consumes `byte` if it comes next.
  mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  mutating func expect(_ byte: UInt8) throws(Fault) {
    guard let found = peek() else { throw .end }
    guard found == byte else { throw .syntax }
    position += 1
  }

  /// Passes one value of any kind; where it lies, quotes of a string included.
  mutating func skipValue() throws(Fault) -> Range<Int> {
    guard let first = peek() else { throw .end }
    let start = position
    switch first {
    case UInt8(ascii: "\""): _ = try stringRange()
    case UInt8(ascii: "{"), UInt8(ascii: "["): try skipNested()
    case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","), UInt8(ascii: ":"): throw .syntax
    default:
      while position < bytes.count, !Self.endsScalar(bytes[position]) { position += 1 }
    }
    return start..<position
  }

  private static func endsScalar(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x0a, 0x0d, 0x09: true
    default: false
    }
  }

  private mutating func skipNested() throws(Fault) {
    var depth = 0
    repeat {
      guard position < bytes.count else { throw .end }
      switch bytes[position] {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        position += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        position += 1
      case UInt8(ascii: "\""): _ = try stringRange()
      default: position += 1
      }
    } while depth > 0
  }

  /// Passes a string; where its content lies, without quotes and still escaped.
  @inline(__always)
  mutating func stringRange() throws(Fault) -> Range<Int> {
    try expect(UInt8(ascii: "\""))
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        position += 1
        return start..<(position - 1)
      }
      position += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    position = bytes.count
    throw .end
  }

  /// Appends a string's content without its escapes; false when an escape is malformed.
  func appendUnescaped(_ range: Range<Int>, to out: inout [UInt8]) -> Bool {
    let slice = UnsafeRawBufferPointer(rebasing: bytes[range])
    guard slice.contains(UInt8(ascii: "\\")) else {
      out.append(contentsOf: slice)
      return true
    }
    var at = 0
    while at < slice.count {
      let byte = slice[at]
      guard byte == UInt8(ascii: "\\") else {
        out.append(byte)
        at += 1
        continue
      }
      guard at + 1 < slice.count else { return false }
      let letter = slice[at + 1]
      at += 2
      switch letter {
      case UInt8(ascii: "n"): out.append(0x0a)
      case UInt8(ascii: "t"): out.append(0x09)
      case UInt8(ascii: "r"): out.append(0x0d)
      case UInt8(ascii: "b"): out.append(0x08)
      case UInt8(ascii: "f"): out.append(0x0c)
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(letter)
      case UInt8(ascii: "u"):
        guard let scalar = Self.scalar(slice, &at) else { return false }
        out.append(contentsOf: String(scalar).utf8)
      default: return false
      }
    }
    return true
  }

  /// The scalar of a `\u` escape whose digits begin at `at`; surrogates without a partner become
  /// U+FFFD.
  private static func scalar(_ slice: UnsafeRawBufferPointer, _ at: inout Int) -> Unicode.Scalar? {
    guard let first = unit(slice, at) else { return nil }
    at += 4
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xdc00, at + 1 < slice.count, slice[at] == UInt8(ascii: "\\"),
      slice[at + 1] == UInt8(ascii: "u"), let second = unit(slice, at + 2),
      second >= 0xdc00, second < 0xe000
    else { return "\u{fffd}" }
    at += 6
    return Unicode.Scalar(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
  }

  private static func unit(_ slice: UnsafeRawBufferPointer, _ at: Int) -> UInt32? {
    guard at + 4 <= slice.count else { return nil }
    var value: UInt32 = 0
    for index in at..<(at + 4) {
      guard let digit = HexDigit.value(slice[index]) else { return nil }
      value = value << 4 | digit
    }
    return value
  }

  /// A string's content as text; not valid UTF-8 becomes U+FFFD. nil when an escape is malformed.
  func text(_ range: Range<Int>) -> String? {
    var out: [UInt8] = []
    guard appendUnescaped(range, to: &out) else { return nil }
    return String(decoding: out, as: UTF8.self)
  }

  /// Whether the bytes at `range` are exactly `text`.
  func equals(_ range: Range<Int>, _ text: StaticString) -> Bool {
    range.count == text.utf8CodeUnitCount
      && UnsafeRawBufferPointer(rebasing: bytes[range]).elementsEqual(
        UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}

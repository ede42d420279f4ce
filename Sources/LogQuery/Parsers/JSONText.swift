/// What is wrong with a JSON line, in the words of the parser that Loki uses.
enum JSONFailure: String, Error {
  case malformed = "Malformed JSON error"
  case string = "Value is string, but can't find closing '\"' symbol"
  case array = "Value is array, but can't find closing ']' symbol"
  case object = "Value looks like object, but can't find closing '}' symbol"
  case escape = "Encountered an invalid escape sequence in a string"
  case unknownType = "Unknown value type"
}

/// A view of JSON that is read without a check of the whole: what a stage doesn't look at may be
/// anything. As lenient as the parser that Loki uses (grafana/jsonparser), so that the same lines
/// are errors.
struct JSONText {
  enum Kind {
    case string, number, boolean, null, array, object
  }

  /// A value's bytes (of a string those between the quotes), and where the text goes on.
  struct Value {
    var kind: Kind
    var bytes: Range<Int>
    var end: Int
    /// Whether a string has a backslash.
    var hasEscape = false
  }

  let bytes: UnsafeRawBufferPointer

  @inline(__always)
  func skipBlanks(_ start: Int, _ end: Int) -> Int {
    var at = start
    while at < end {
      switch bytes[at] {
      case 0x20, 0x0a, 0x0d, 0x09: at += 1
      default: return at
      }
    }
    return end
  }

  /// From behind the opening quote: where the closing one stands, and whether there was a
  /// backslash.
  @inline(__always)
  func stringEnd(_ start: Int, _ end: Int) -> (at: Int, hasEscape: Bool)? {
    var at = start
    var hasEscape = false
    while at < end {
      if at + 8 <= end {
        // Eight bytes at once while none of them is a quote or a backslash.
        let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        let quotes = word ^ 0x2222_2222_2222_2222
        let slashes = word ^ 0x5c5c_5c5c_5c5c_5c5c
        let low: UInt64 = 0x0101_0101_0101_0101
        let found =
          ((quotes &- low) & ~quotes) | ((slashes &- low) & ~slashes)
        let high = found & 0x8080_8080_8080_8080
        if high == 0 {
          at += 8
          continue
        }
        at += UInt64(littleEndian: high).trailingZeroBitCount >> 3
      }
      switch bytes[at] {
      case UInt8(ascii: "\""): return (at, hasEscape)
      case UInt8(ascii: "\\"):
        hasEscape = true
        at += 2
      default: at += 1
      }
    }
    return nil
  }

  /// Where the array or object that opens at `start` is closed: behind the last bracket. Brackets
  /// of the other kind are not looked at.
  func blockEnd(_ start: Int, _ end: Int, _ open: UInt8, _ close: UInt8) -> Int? {
    var level = 0
    var at = start
    while at < end {
      let byte = bytes[at]
      if byte == UInt8(ascii: "\"") {
        guard let (stop, _) = stringEnd(at + 1, end) else { return nil }
        at = stop
      } else if byte == open {
        level += 1
      } else if byte == close {
        level -= 1
        if level == 0 { return at + 1 }
      }
      at += 1
    }
    return nil
  }

  /// The value that starts at `start` or behind blanks there.
  func value(_ start: Int, _ end: Int) throws(JSONFailure) -> Value {
    let at = skipBlanks(start, end)
    guard at < end else { throw .malformed }
    switch bytes[at] {
    case UInt8(ascii: "\""):
      guard let (stop, hasEscape) = stringEnd(at + 1, end) else { throw .string }
      return Value(kind: .string, bytes: (at + 1)..<stop, end: stop + 1, hasEscape: hasEscape)
    case UInt8(ascii: "["):
      guard let stop = blockEnd(at, end, UInt8(ascii: "["), UInt8(ascii: "]")) else {
        throw .array
      }
      return Value(kind: .array, bytes: at..<stop, end: stop)
    case UInt8(ascii: "{"):
      guard let stop = blockEnd(at, end, UInt8(ascii: "{"), UInt8(ascii: "}")) else {
        throw .object
      }
      return Value(kind: .object, bytes: at..<stop, end: stop)
    default:
      return try word(at, end)
    }
  }

  /// A number, `true`, `false` or `null`; of a number only the first byte is looked at.
  private func word(_ at: Int, _ end: Int) throws(JSONFailure) -> Value {
    var stop = at
    scan: while stop < end {
      switch bytes[stop] {
      case 0x20, 0x0a, 0x0d, 0x09, UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"):
        break scan
      default: stop += 1
      }
    }
    let text = bytes[at..<stop]
    switch bytes[at] {
    case UInt8(ascii: "t"), UInt8(ascii: "f"):
      guard text.elementsEqual("true".utf8) || text.elementsEqual("false".utf8) else {
        throw .unknownType
      }
      return Value(kind: .boolean, bytes: at..<stop, end: stop)
    case UInt8(ascii: "u"), UInt8(ascii: "n"):
      guard text.elementsEqual("null".utf8) else { throw .unknownType }
      return Value(kind: .null, bytes: at..<stop, end: stop)
    case 0x30...0x39, UInt8(ascii: "-"):
      return Value(kind: .number, bytes: at..<stop, end: stop)
    default: throw .unknownType
    }
  }

  func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[range])
  }
}

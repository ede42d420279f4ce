import WireFormats

/// Reads the members of a JSON object that holds no objects or lists, in one pass without tokens.
///
/// It knows the usual form only, and gives up on all else: nested values, escapes, numbers with an
/// exponent, and whatever is malformed. Who calls it reads such texts as any other.
struct FlatJSONObject {
  /// A member's value, where it stands in the text.
  enum Value {
    case null
    case bool(Bool)
    case number(Range<Int>)
    /// Without its quotes; UTF-8 if all of it is ASCII, unknown otherwise.
    case string(Range<Int>, isASCII: Bool)
  }

  private let text: UnsafeRawBufferPointer
  private var at = 0

  init(_ text: UnsafeRawBufferPointer) { self.text = text }

  /// Calls `member` with each member in order; false when the text is not of the usual form, or
  /// `member` gave false.
  @inline(__always)
  mutating func read(_ member: (_ name: Range<Int>, _ value: Value) -> Bool) -> Bool {
    guard take(UInt8(ascii: "{")) else { return false }
    skipSpace()
    guard at < text.count else { return false }
    if text[at] == UInt8(ascii: "}") {
      at += 1
      skipSpace()
      return at == text.count
    }
    while true {
      skipSpace()
      guard let name = string(), take(UInt8(ascii: ":")) else { return false }
      skipSpace()
      guard let value = value(), member(name.range, value) else { return false }
      skipSpace()
      guard at < text.count else { return false }
      let byte = text[at]
      at += 1
      if byte == UInt8(ascii: ",") { continue }
      guard byte == UInt8(ascii: "}") else { return false }
      skipSpace()
      return at == text.count
    }
  }

  @inline(__always)
  private mutating func skipSpace() {
    while at < text.count {
      let byte = text[at]
      guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
      at += 1
    }
  }

  @inline(__always)
  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard at < text.count, text[at] == byte else { return false }
    at += 1
    return true
  }

  @inline(__always)
  private mutating func value() -> Value? {
    guard at < text.count else { return nil }
    switch text[at] {
    case UInt8(ascii: "\""):
      guard let string = string() else { return nil }
      return .string(string.range, isASCII: string.isASCII)
    case UInt8(ascii: "t"): return word(0x6575_7274, 4) ? .bool(true) : nil
    case UInt8(ascii: "f"):
      at += 1
      return word(0x6573_6c61, 4) ? .bool(false) : nil
    case UInt8(ascii: "n"): return word(0x6c6c_756e, 4) ? .null : nil
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return number().map { .number($0) }
    default: return nil
    }
  }

  /// Four letters at once, the first lowest.
  @inline(__always)
  private mutating func word(_ letters: UInt32, _ count: Int) -> Bool {
    guard at + count <= text.count,
      UInt32(littleEndian: text.loadUnaligned(fromByteOffset: at, as: UInt32.self)) == letters
    else { return false }
    at += count
    return true
  }

  /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?`.
  @inline(__always)
  private mutating func number() -> Range<Int>? {
    let start = at
    if text[at] == UInt8(ascii: "-") { at += 1 }
    let whole = digits()
    guard whole > 0, whole == 1 || text[at - whole] != UInt8(ascii: "0") else { return nil }
    if at < text.count, text[at] == UInt8(ascii: ".") {
      at += 1
      guard digits() > 0 else { return nil }
    }
    return start..<at
  }

  /// Passes over digits and counts them.
  @inline(__always)
  private mutating func digits() -> Int {
    let start = at
    while at < text.count, text[at] &- UInt8(ascii: "0") < 10 { at += 1 }
    return at - start
  }

  /// A string without escapes, from its quote on.
  @inline(__always)
  private mutating func string() -> (range: Range<Int>, isASCII: Bool)? {
    guard at < text.count, text[at] == UInt8(ascii: "\"") else { return nil }
    at += 1
    let start = at
    let (ones, highs): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
    var seen: UInt64 = 0
    // In bounds: at + 8 is compared with the count before eight bytes are read.
    while at + 8 <= text.count {
      let bytes = UInt64(littleEndian: text.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      let quotes = bytes ^ (ones &* 0x22)
      let backslashes = bytes ^ (ones &* 0x5c)
      // The lowest bit that is set is right: a quote, a backslash, or a control character.
      let ends =
        ((quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes
          | (bytes &- ones &* 0x20) & ~bytes) & highs
      if ends == 0 {
        seen |= bytes
        at += 8
        continue
      }
      let count = ends.trailingZeroBitCount >> 3
      if count > 0 { seen |= bytes << UInt64(64 - count * 8) }
      at += count
      guard text[at] == UInt8(ascii: "\"") else { return nil }
      at += 1
      return (start..<(at - 1), seen & highs == 0)
    }
    while at < text.count {
      let byte = text[at]
      if byte == UInt8(ascii: "\"") {
        at += 1
        return (start..<(at - 1), seen & highs == 0)
      }
      guard byte >= 0x20, byte != UInt8(ascii: "\\") else { return nil }
      seen |= UInt64(byte)
      at += 1
    }
    return nil
  }
}

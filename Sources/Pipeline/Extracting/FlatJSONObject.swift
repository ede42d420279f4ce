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

  init(_ text: UnsafeRawBufferPointer) { self.text = text }

  /// Calls `member` with each member in order; false when the text is not of the usual form, or
  /// `member` gave false.
  @inline(__always)
  func read(_ member: (_ name: Range<Int>, _ value: Value) -> Bool) -> Bool {
    var at = 0
    guard byte(after: &at) == UInt8(ascii: "{") else { return false }
    at += 1
    var next = byte(after: &at)
    if next == UInt8(ascii: "}") { return isEnd(at + 1) }
    while true {
      guard next == UInt8(ascii: "\"") else { return false }
      let nameStart = at + 1
      var seen: UInt64 = 0
      at = plainEnd(nameStart, &seen)
      guard at < text.count, text[at] == UInt8(ascii: "\"") else { return false }
      let name = nameStart..<at
      at += 1
      guard byte(after: &at) == UInt8(ascii: ":") else { return false }
      at += 1
      if byte(after: &at) == UInt8(ascii: "\"") {
        let start = at + 1
        seen = 0
        at = plainEnd(start, &seen)
        guard at < text.count, text[at] == UInt8(ascii: "\"") else { return false }
        guard member(name, .string(start..<at, isASCII: seen & 0x8080_8080_8080_8080 == 0)) else {
          return false
        }
        at += 1
      } else {
        guard let value = bareValue(&at), member(name, value) else { return false }
      }
      next = byte(after: &at)
      guard next == UInt8(ascii: ",") else { break }
      at += 1
      next = byte(after: &at)
    }
    return next == UInt8(ascii: "}") && isEnd(at + 1)
  }

  /// The first byte from `at` on that is no space, and its place; 0 at the end.
  @inline(__always)
  private func byte(after at: inout Int) -> UInt8 {
    while at < text.count {
      let byte = text[at]
      guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return byte }
      at += 1
    }
    return 0
  }

  private func isEnd(_ start: Int) -> Bool {
    var at = start
    _ = byte(after: &at)
    return at == text.count
  }

  /// Where a string's plain text ends that goes on at `start`: its quote, or a backslash or control
  /// character; `seen` gets the bits of all bytes before that.
  @inline(__always)
  private func plainEnd(_ start: Int, _ seen: inout UInt64) -> Int {
    var at = start
    let (ones, highs): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
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
      // All bits below the byte that ends it.
      seen |= bytes & ((ends & (0 &- ends)) >> 7 &- 1)
      return at + (ends.trailingZeroBitCount >> 3)
    }
    while at < text.count {
      let byte = text[at]
      guard byte != UInt8(ascii: "\""), byte >= 0x20, byte != UInt8(ascii: "\\") else { break }
      seen |= UInt64(byte)
      at += 1
    }
    return at
  }

  /// A value that is no string.
  private func bareValue(_ at: inout Int) -> Value? {
    guard at < text.count else { return nil }
    switch text[at] {
    case UInt8(ascii: "t"): return word(0x6575_7274, &at) ? .bool(true) : nil
    case UInt8(ascii: "f"):
      at += 1
      return word(0x6573_6c61, &at) ? .bool(false) : nil
    case UInt8(ascii: "n"): return word(0x6c6c_756e, &at) ? .null : nil
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return number(&at).map { .number($0) }
    default: return nil
    }
  }

  /// Four letters at once, the first lowest.
  @inline(__always)
  private func word(_ letters: UInt32, _ at: inout Int) -> Bool {
    guard at + 4 <= text.count,
      UInt32(littleEndian: text.loadUnaligned(fromByteOffset: at, as: UInt32.self)) == letters
    else { return false }
    at += 4
    return true
  }

  /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?`.
  @inline(__always)
  private func number(_ at: inout Int) -> Range<Int>? {
    let start = at
    if text[at] == UInt8(ascii: "-") { at += 1 }
    let whole = digits(&at)
    guard whole > 0, whole == 1 || text[at - whole] != UInt8(ascii: "0") else { return nil }
    if at < text.count, text[at] == UInt8(ascii: ".") {
      at += 1
      guard digits(&at) > 0 else { return nil }
    }
    return start..<at
  }

  /// Passes over digits and counts them.
  @inline(__always)
  private func digits(_ at: inout Int) -> Int {
    let start = at
    while at < text.count, text[at] &- UInt8(ascii: "0") < 10 { at += 1 }
    return at - start
  }
}

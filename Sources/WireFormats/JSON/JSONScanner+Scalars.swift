extension JSONScanner {
  /// Reads the string whose opening quote is at the position.
  mutating func readString() throws(JSONError) -> JSONText {
    position += 1
    let start = position
    var hasEscapes = false
    while true {
      position = JSONScanner.endOfPlainText(text, from: position)
      guard position < text.count else { throw error("unexpected end of JSON input") }
      switch text[position] {
      case UInt8(ascii: "\""):
        position += 1
        return JSONText(range: start..<(position - 1), hasEscapes: hasEscapes)
      case UInt8(ascii: "\\"):
        hasEscapes = true
        try skipEscape()
      default:
        throw invalid("in string literal")
      }
    }
  }

  /// The index of the first quote, backslash or control character at or after `from`.
  @inline(__always)
  static func endOfPlainText(_ text: UnsafeRawBufferPointer, from: Int) -> Int {
    var at = from
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    // Eight bytes at once; in bounds because `at + 8` was compared with the count.
    while at + 8 <= text.count {
      let word = text.loadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian
      let quote = word ^ (ones &* 0x22)
      let slash = word ^ (ones &* 0x5c)
      let found =
        ((quote &- ones) & ~quote) | ((slash &- ones) & ~slash)
        | ((word &- ones &* 0x20) & ~word)
      let bits = found & highs
      // A borrow can mark bytes above a true hit only, so the lowest mark is right.
      if bits != 0 { return at + bits.trailingZeroBitCount / 8 }
      at += 8
    }
    while at < text.count {
      let byte = text[at]
      if byte == 0x22 || byte == 0x5c || byte < 0x20 { return at }
      at += 1
    }
    return at
  }

  private mutating func skipEscape() throws(JSONError) {
    position += 1
    guard position < text.count else { throw error("unexpected end of JSON input") }
    switch text[position] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      position += 1
    case UInt8(ascii: "u"):
      position += 1
      for _ in 0..<4 {
        guard position < text.count, JSONScanner.hexValue(text[position]) != nil else {
          throw invalid("in \\u hexadecimal character escape")
        }
        position += 1
      }
    default:
      throw invalid("in string escape code")
    }
  }

  mutating func readLiteral(_ word: StaticString) throws(JSONError) {
    let count = word.utf8CodeUnitCount
    let letters = UnsafeBufferPointer(start: word.utf8Start, count: count)
    for letter in letters {
      guard position < text.count, text[position] == letter else {
        throw invalid("in literal \(word) (expecting '\(Character(Unicode.Scalar(letter)))')")
      }
      position += 1
    }
  }

  mutating func readNumber() throws(JSONError) -> Range<Int> {
    let start = position
    if text[position] == UInt8(ascii: "-") { position += 1 }
    guard position < text.count, JSONScanner.isDigit(text[position]) else {
      throw invalid("in numeric literal")
    }
    if text[position] == UInt8(ascii: "0") {
      position += 1
    } else {
      skipDigits()
    }
    if position < text.count, text[position] == UInt8(ascii: ".") {
      position += 1
      guard position < text.count, JSONScanner.isDigit(text[position]) else {
        throw invalid("after decimal point in numeric literal")
      }
      skipDigits()
    }
    if position < text.count, text[position] | 0x20 == UInt8(ascii: "e") {
      position += 1
      if position < text.count,
        text[position] == UInt8(ascii: "+") || text[position] == UInt8(ascii: "-")
      {
        position += 1
      }
      guard position < text.count, JSONScanner.isDigit(text[position]) else {
        throw invalid("in exponent of numeric literal")
      }
      skipDigits()
    }
    return start..<position
  }

  private mutating func skipDigits() {
    while position < text.count, JSONScanner.isDigit(text[position]) { position += 1 }
  }

  @inline(__always)
  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  @inline(__always)
  static func hexValue(_ digit: UInt8) -> UInt32? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(digit - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(digit - UInt8(ascii: "A") + 10)
    default: nil
    }
  }
}

extension GoFloat {
  /// Reads a number as Go's `strconv.ParseFloat(text, 64)`: decimal and hexadecimal, with
  /// underscores between digits, `inf`, `infinity` and `nan` in any case. nil for anything else
  /// and for what is too large.
  package static func parse(_ text: UnsafeRawBufferPointer) -> Double? {
    guard let first = text.first, text.count <= 4096 else { return nil }
    let isSigned = first == UInt8(ascii: "+") || first == UInt8(ascii: "-")
    let body = UnsafeRawBufferPointer(rebasing: text[(isSigned ? 1 : 0)...])
    if let named = named(body) {
      if named.isNaN { return isSigned ? nil : named }
      return first == UInt8(ascii: "-") ? -named : named
    }
    guard isNumber(body) else { return nil }
    let digits = text.filter { $0 != UInt8(ascii: "_") }
    guard let value = Double(String(decoding: digits, as: UTF8.self)), value.isFinite else {
      return nil
    }
    return value
  }

  private static func named(_ text: UnsafeRawBufferPointer) -> Double? {
    func isWord(_ word: StaticString) -> Bool {
      guard text.count == word.utf8CodeUnitCount else { return false }
      return text.indices.allSatisfy { text[$0] | 0x20 == word.utf8Start[$0] }
    }
    if isWord("inf") || isWord("infinity") { return .infinity }
    return isWord("nan") ? .nan : nil
  }

  private static func isHexadecimal(_ text: UnsafeRawBufferPointer) -> Bool {
    text.count > 2 && text[0] == UInt8(ascii: "0") && text[1] | 0x20 == UInt8(ascii: "x")
  }

  /// Digits with a point, an exponent (which a hexadecimal number must have), and underscores
  /// that stand between digits or behind `0x`.
  private static func isNumber(_ text: UnsafeRawBufferPointer) -> Bool {
    let isHex = isHexadecimal(text)
    var at = isHex ? 2 : 0
    var digits = 0
    var points = 0
    var mayUnderscore = isHex
    while at < text.count {
      let byte = text[at]
      let lower = byte | 0x20
      if (0x30...0x39).contains(byte) || isHex && (0x61...0x66).contains(lower) {
        digits += 1
        mayUnderscore = true
      } else if byte == UInt8(ascii: "_") {
        guard mayUnderscore, at + 1 < text.count, isDigit(text[at + 1], isHex) else { return false }
        mayUnderscore = false
      } else if byte == UInt8(ascii: "."), points == 0 {
        points = 1
        mayUnderscore = false
      } else {
        break
      }
      at += 1
    }
    guard digits > 0 else { return false }
    guard at < text.count else { return !isHex }
    guard text[at] | 0x20 == UInt8(ascii: isHex ? "p" : "e") else { return false }
    at += 1
    if at < text.count, text[at] == UInt8(ascii: "+") || text[at] == UInt8(ascii: "-") { at += 1 }
    guard at < text.count else { return false }
    return text[at...].allSatisfy { (0x30...0x39).contains($0) }
  }

  private static func isDigit(_ byte: UInt8, _ isHex: Bool) -> Bool {
    (0x30...0x39).contains(byte) || isHex && (0x61...0x66).contains(byte | 0x20)
  }
}

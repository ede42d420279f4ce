import Bytes

extension JSONWriter {
  /// Appends `text` as a JSON string in quotes.
  ///
  /// - Parameter isUTF8: the caller knows that the bytes are valid; else they are checked and
  ///   each byte that is not part of a valid sequence becomes U+FFFD, as in Go.
  package static func appendQuoted(
    _ text: UnsafeRawBufferPointer, isUTF8: Bool, escapesHTML: Bool = false,
    to out: inout [UInt8]
  ) {
    out.append(UInt8(ascii: "\""))
    var start = 0
    var at = 0
    while at < text.count {
      let byte = text[at]
      if byte >= 0x80 {
        let length = isUTF8 && !escapesHTML ? 1 : UTF8Sequence.length(text, at: at)
        let isSeparator =
          escapesHTML && length == 3 && byte == 0xe2 && text[at + 1] == 0x80
          && text[at + 2] | 1 == 0xa9
        if length > 0, !isSeparator {
          at += length
          continue
        }
        out.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start..<at]))
        if isSeparator {
          appendUnicodeEscape(0x2028 + UInt16(text[at + 2] & 1), to: &out)
        } else {
          out.append(contentsOf: [0xef, 0xbf, 0xbd])
        }
        at += max(1, length)
        start = at
      } else if isPlain(byte, escapesHTML) {
        at += 1
      } else {
        out.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start..<at]))
        appendEscape(byte, to: &out)
        at += 1
        start = at
      }
    }
    out.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[start..<at]))
    out.append(UInt8(ascii: "\""))
  }

  @inline(__always)
  private static func isPlain(_ byte: UInt8, _ escapesHTML: Bool) -> Bool {
    guard byte >= 0x20, byte != 0x22, byte != 0x5c else { return false }
    return !escapesHTML || (byte != 0x3c && byte != 0x3e && byte != 0x26)
  }

  private static func appendEscape(_ byte: UInt8, to out: inout [UInt8]) {
    let letter: UInt8
    switch byte {
    case 0x22, 0x5c: letter = byte
    case 8: letter = UInt8(ascii: "b")
    case 9: letter = UInt8(ascii: "t")
    case 10: letter = UInt8(ascii: "n")
    case 12: letter = UInt8(ascii: "f")
    case 13: letter = UInt8(ascii: "r")
    default:
      appendUnicodeEscape(UInt16(byte), to: &out)
      return
    }
    out.append(UInt8(ascii: "\\"))
    out.append(letter)
  }

  private static func appendUnicodeEscape(_ unit: UInt16, to out: inout [UInt8]) {
    out.append(contentsOf: "\\u".utf8)
    out.append(utf8: Hex.encode([UInt8(unit >> 8), UInt8(unit & 255)]))
  }
}

/// Recognizes the sequences of UTF-8 (RFC 3629) in bytes that may hold others.
package enum UTF8Sequence {
  /// How many bytes the valid sequence at `at` has (1 to 4), or 0 when there is none.
  package static func length(_ text: UnsafeRawBufferPointer, at: Int) -> Int {
    let first = text[at]
    if first < 0x80 { return 1 }
    let left = text.count - at
    func isTail(_ offset: Int) -> Bool { text[at + offset] & 0xc0 == 0x80 }
    switch first {
    case 0xc2...0xdf:
      return left >= 2 && isTail(1) ? 2 : 0
    case 0xe0...0xef:
      guard left >= 3, isTail(1), isTail(2) else { return 0 }
      let second = text[at + 1]
      if first == 0xe0, second < 0xa0 { return 0 }
      if first == 0xed, second > 0x9f { return 0 }
      return 3
    case 0xf0...0xf4:
      guard left >= 4, isTail(1), isTail(2), isTail(3) else { return 0 }
      let second = text[at + 1]
      if first == 0xf0, second < 0x90 { return 0 }
      if first == 0xf4, second > 0x8f { return 0 }
      return 4
    default:
      return 0
    }
  }

  /// Whether all of `text` is UTF-8.
  package static func isValid(_ text: UnsafeRawBufferPointer) -> Bool {
    var at = 0
    while at < text.count {
      // Eight bytes of ASCII at once; in bounds because `at + 8` was compared with the count.
      while at + 8 <= text.count,
        text.loadUnaligned(fromByteOffset: at, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
      {
        at += 8
      }
      guard at < text.count else { return true }
      let length = length(text, at: at)
      if length == 0 { return false }
      at += length
    }
    return true
  }
}

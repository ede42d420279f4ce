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
    withUnsafeTemporaryAllocation(byteCount: roomBytes, alignment: 8) { room in
      var at = 0
      var used = 0
      while at < text.count {
        if used > roomBytes - itemBytesMax {
          out.append(contentsOf: room[..<used])
          used = 0
        }
        // Eight bytes at once up to the first that can't stay; the room has `itemBytesMax` bytes
        // left. Where fewer are left they are the last of eight, with zeros behind them.
        let left = text.count - at
        let word = word(text, at)
        room.storeBytes(of: word.littleEndian, toByteOffset: used, as: UInt64.self)
        let special = marks(word, isUTF8: isUTF8, escapesHTML: escapesHTML)
        let plain = min(left, special == 0 ? 8 : special.trailingZeroBitCount / 8)
        at += plain
        used += plain
        if plain == min(left, 8) { continue }
        let byte = text[at]
        if byte == 0x22 || byte == 0x5c {
          room[used] = 0x5c
          room[used + 1] = byte
          at += 1
          used += 2
        } else {
          at += copyItem(text, at, isUTF8, escapesHTML, room, &used)
        }
      }
      out.append(contentsOf: room[..<used])
    }
    out.append(UInt8(ascii: "\""))
  }

  /// Strings are put together in pieces of this size.
  private static let roomBytes = 4096
  /// Eight bytes as they are and the escape behind them are never more.
  private static let itemBytesMax = 16

  /// The eight bytes from `at` on, one at least; zeros for those behind the text. In bounds: what
  /// is read ends at the text's end at the latest, and starts before it only where eight are left
  /// before that.
  @inline(__always)
  private static func word(_ text: UnsafeRawBufferPointer, _ at: Int) -> UInt64 {
    let left = text.count - at
    if left >= 8 {
      return UInt64(littleEndian: text.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }
    if text.count >= 8 {
      let last = text.loadUnaligned(fromByteOffset: text.count - 8, as: UInt64.self)
      return UInt64(littleEndian: last) >> UInt64(8 * (8 - left))
    }
    var word: UInt64 = 0
    for index in 0..<left { word |= UInt64(text[at + index]) << UInt64(8 * index) }
    return word
  }

  /// Marks, at its highest bit, the first byte of `word` that has to be looked at; bytes behind
  /// it may be marked too. The first byte is the lowest one.
  @inline(__always)
  private static func marks(_ word: UInt64, isUTF8: Bool, escapesHTML: Bool) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    @inline(__always) func equal(_ byte: UInt64) -> UInt64 {
      let zeroed = word ^ (ones &* byte)
      return (zeroed &- ones) & ~zeroed
    }
    var marks = ((word &- ones &* 0x20) & ~word) | equal(0x22) | equal(0x5c)
    if escapesHTML { marks |= equal(0x3c) | equal(0x3e) | equal(0x26) }
    if !isUTF8 || escapesHTML { marks |= word }
    return marks & tops
  }

  /// Writes what stands for the byte or sequence at `at`; how many bytes that was.
  private static func copyItem(
    _ text: UnsafeRawBufferPointer, _ at: Int, _ isUTF8: Bool, _ escapesHTML: Bool,
    _ room: UnsafeMutableRawBufferPointer, _ used: inout Int
  ) -> Int {
    @inline(__always) func put(_ byte: UInt8) {
      room[used] = byte
      used += 1
    }
    func putUnicodeEscape(_ unit: UInt16) {
      put(UInt8(ascii: "\\"))
      put(UInt8(ascii: "u"))
      for shift in [12, 8, 4, 0] {
        let digit = UInt8(unit >> UInt16(shift) & 15)
        put(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
      }
    }
    let byte = text[at]
    if byte < 0x80 {
      if isPlain(byte, escapesHTML) {
        put(byte)
      } else if let letter = shortEscape(byte) {
        put(UInt8(ascii: "\\"))
        put(letter)
      } else {
        putUnicodeEscape(UInt16(byte))
      }
      return 1
    }
    let length = isUTF8 && !escapesHTML ? 1 : UTF8Sequence.length(text, at: at)
    if length == 0 {
      for part: UInt8 in [0xef, 0xbf, 0xbd] { put(part) }
      return 1
    }
    if escapesHTML, length == 3, byte == 0xe2, text[at + 1] == 0x80, text[at + 2] | 1 == 0xa9 {
      putUnicodeEscape(0x2028 + UInt16(text[at + 2] & 1))
      return 3
    }
    for index in at..<(at + length) { put(text[index]) }
    return length
  }

  @inline(__always)
  private static func isPlain(_ byte: UInt8, _ escapesHTML: Bool) -> Bool {
    guard byte >= 0x20, byte != 0x22, byte != 0x5c else { return false }
    return !escapesHTML || (byte != 0x3c && byte != 0x3e && byte != 0x26)
  }

  @inline(__always)
  private static func shortEscape(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x22, 0x5c: byte
    case 8: UInt8(ascii: "b")
    case 9: UInt8(ascii: "t")
    case 10: UInt8(ascii: "n")
    case 12: UInt8(ascii: "f")
    case 13: UInt8(ascii: "r")
    default: nil
    }
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

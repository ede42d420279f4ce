/// Digits of escapes in label text and JSON strings.
enum HexDigit {
  @inline(__always)
  static func value(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }
}

/// Lengths of encoded scalars.
enum UTF8Length {
  /// The bytes of the scalar at `index`, 0 when it is not valid UTF-8 (RFC 3629).
  static func ofScalar(_ text: UnsafeRawBufferPointer, at index: Int) -> Int {
    let first = text[index]
    let length: Int
    var low: UInt8 = 0x80
    var high: UInt8 = 0xbf
    switch first {
    case 0..<0x80: return 1
    case 0xc2...0xdf: length = 2
    case 0xe0: (length, low) = (3, 0xa0)
    case 0xed: (length, high) = (3, 0x9f)
    case 0xe1...0xef: length = 3
    case 0xf0: (length, low) = (4, 0x90)
    case 0xf4: (length, high) = (4, 0x8f)
    case 0xf1...0xf3: length = 4
    default: return 0
    }
    guard index + length <= text.count else { return 0 }
    guard text[index + 1] >= low, text[index + 1] <= high else { return 0 }
    for follower in (index + 2)..<max(index + 2, index + length)
    where text[follower] & 0xc0 != 0x80 {
      return 0
    }
    return length
  }
}

/// Takes the escapes of JSON strings away.
enum JSONEscapes {
  /// The text that `raw` (without quotes) stands for; nil when an escape is wrong.
  static func unescape(_ raw: UnsafeRawBufferPointer, _ arena: ByteArena)
    -> UnsafeRawBufferPointer?
  {
    let backslash = UInt8(ascii: "\\")
    guard raw.contains(backslash) else { return raw }
    // Never longer than what was written.
    let room = arena.take(raw.count)
    var used = 0
    var at = 0
    while at < raw.count {
      guard raw[at] == backslash else {
        room[used] = raw[at]
        used += 1
        at += 1
        continue
      }
      guard at + 1 < raw.count else { return nil }
      if raw[at + 1] == UInt8(ascii: "u") {
        guard let (scalar, count) = codePoint(raw, at) else { return nil }
        used += encode(scalar, room, used)
        at += count
      } else {
        guard let byte = simple(raw[at + 1]) else { return nil }
        room[used] = byte
        used += 1
        at += 2
      }
    }
    return UnsafeRawBufferPointer(rebasing: room[0..<used])
  }

  private static func simple(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0c
    case UInt8(ascii: "n"): 0x0a
    case UInt8(ascii: "r"): 0x0d
    case UInt8(ascii: "t"): 0x09
    default: nil
    }
  }

  private static func hex(_ raw: UnsafeRawBufferPointer, _ at: Int) -> UInt32? {
    guard at + 6 <= raw.count else { return nil }
    var value: UInt32 = 0
    for index in 2..<6 {
      let byte = raw[at + index]
      switch byte {
      case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
      case 0x41...0x46: value = value << 4 | UInt32(byte - 0x41 + 10)
      case 0x61...0x66: value = value << 4 | UInt32(byte - 0x61 + 10)
      default: return nil
      }
    }
    return value
  }

  /// `\uXXXX`, or two of them for a character beyond U+FFFF.
  private static func codePoint(_ raw: UnsafeRawBufferPointer, _ at: Int) -> (UInt32, Int)? {
    guard let first = hex(raw, at) else { return nil }
    guard (0xd800...0xdfff).contains(first) else { return (first, 6) }
    // The second is not looked at but for its digits, and may be past the low surrogates.
    guard let second = hex(raw, at + 6), second >= 0xdc00 else { return nil }
    return (0x10000 &+ ((first &- 0xd800) << 10) &+ (second &- 0xdc00), 12)
  }

  /// Writes UTF-8; U+FFFD for what is no character.
  private static func encode(
    _ scalar: UInt32, _ room: UnsafeMutableRawBufferPointer, _ at: Int
  ) -> Int {
    let valid = Unicode.Scalar(scalar) ?? "\u{fffd}"
    var count = 0
    for byte in UTF8.encode(valid) ?? UTF8.encodedReplacementCharacter {
      room[at + count] = byte
      count += 1
    }
    return count
  }
}

import TelemetryModel

/// Reads the `key=value` pairs of a line, by the rules of the decoder that Loki uses.
struct LogfmtReader {
  private let line: UnsafeRawBufferPointer
  private let arena: ByteArena
  private var at = 0
  private(set) var key = UnsafeRawBufferPointer(start: nil, count: 0)
  private(set) var value = UnsafeRawBufferPointer(start: nil, count: 0)
  /// The last thing that was wrong.
  private(set) var failure: String?

  private static let equals = UInt8(ascii: "=")
  private static let quote = UInt8(ascii: "\"")
  private static let blank = UInt8(ascii: " ")

  init(_ line: UnsafeRawBufferPointer, _ arena: ByteArena) {
    self.line = line
    self.arena = arena
  }

  var isAtEnd: Bool { at >= line.count }

  /// Reads the next pair; false when there is none or it is wrong, and then reading can go on
  /// behind it.
  mutating func next() -> Bool {
    key = UnsafeRawBufferPointer(start: nil, count: 0)
    value = key
    while at < line.count, line[at] <= LogfmtReader.blank { at += 1 }
    guard at < line.count else { return false }
    let start = at
    while at < line.count {
      let byte = line[at]
      if byte == LogfmtReader.equals || byte == LogfmtReader.quote || byte <= LogfmtReader.blank {
        break
      }
      at += 1
    }
    let name = slice(start, at)
    guard at < line.count, line[at] > LogfmtReader.blank else {
      key = name
      return checkKey()
    }
    if line[at] == LogfmtReader.quote || name.isEmpty { return refuse(unexpected: line[at]) }
    key = name
    if ParsedText.hasReplacement(key) {
      fail("invalid key")
      return skipWord()
    }
    at += 1
    guard at < line.count, line[at] > LogfmtReader.blank else { return true }
    return line[at] == LogfmtReader.quote ? readQuoted() : readPlain()
  }

  private mutating func checkKey() -> Bool {
    guard ParsedText.hasReplacement(key) else { return true }
    fail("invalid key")
    return false
  }

  private mutating func readPlain() -> Bool {
    let start = at
    while at < line.count, line[at] > LogfmtReader.blank {
      if line[at] == LogfmtReader.equals || line[at] == LogfmtReader.quote {
        return refuse(unexpected: line[at])
      }
      at += 1
    }
    value = slice(start, at)
    return true
  }

  private mutating func readQuoted() -> Bool {
    guard let (end, hasEscape) = JSONText(bytes: line).stringEnd(at + 1, line.count) else {
      at = line.count
      fail("unterminated quoted value")
      return false
    }
    let raw = slice(at + 1, end)
    at = end + 1
    guard hasEscape else {
      value = raw
      return true
    }
    guard let plain = LogfmtReader.unquote(raw, arena) else {
      fail("invalid quoted value")
      return false
    }
    value = plain
    return true
  }

  private func slice(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: line[start..<end])
  }

  private mutating func fail(_ what: String) {
    failure = "logfmt syntax error at pos \(at + 1) : \(what)"
  }

  /// Goes on behind the next blank.
  private mutating func skipWord() -> Bool {
    while at < line.count, line[at] > LogfmtReader.blank { at += 1 }
    return false
  }

  private mutating func refuse(unexpected byte: UInt8) -> Bool {
    fail("unexpected '\(Character(Unicode.Scalar(byte)))'")
    return skipWord()
  }

  /// Go's JSON unquoting, where a lone surrogate and bytes that are no UTF-8 become U+FFFD and
  /// `\'` is allowed.
  private static func unquote(_ raw: UnsafeRawBufferPointer, _ arena: ByteArena)
    -> UnsafeRawBufferPointer?
  {
    var out: [UInt8] = []
    var at = 0
    while at < raw.count {
      let byte = raw[at]
      guard byte == UInt8(ascii: "\\") else {
        let (scalar, count) = ParsedText.scalar(raw, at)
        if scalar == nil {
          out += [0xef, 0xbf, 0xbd]
        } else {
          out += raw[at..<(at + count)]
        }
        at += count
        continue
      }
      guard at + 1 < raw.count else { return nil }
      switch raw[at + 1] {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'"):
        out.append(raw[at + 1])
        at += 2
      case UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"),
        UInt8(ascii: "t"):
        let codes: [UInt8: UInt8] = [0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9]
        out.append(codes[raw[at + 1]] ?? 0)
        at += 2
      case UInt8(ascii: "u"):
        guard let first = hex(raw, at) else { return nil }
        at += 6
        var scalar = Unicode.Scalar(first)
        if (0xd800...0xdbff).contains(first), let second = hex(raw, at),
          (0xdc00...0xdfff).contains(second)
        {
          at += 6
          scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        }
        out += UTF8.encode(scalar ?? "\u{fffd}") ?? UTF8.encodedReplacementCharacter
      default: return nil
      }
    }
    return arena.copy(out)
  }

  private static func hex(_ raw: UnsafeRawBufferPointer, _ at: Int) -> UInt32? {
    guard at + 6 <= raw.count, raw[at] == UInt8(ascii: "\\"), raw[at + 1] == UInt8(ascii: "u"),
      raw[at + 2] != UInt8(ascii: "+"), raw[at + 2] != UInt8(ascii: "-")
    else { return nil }
    return UInt32(String(decoding: raw[(at + 2)..<(at + 6)], as: UTF8.self), radix: 16)
  }
}

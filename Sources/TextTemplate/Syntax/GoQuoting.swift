import Bytes

/// Go's quoted texts and integer literals.
enum GoQuoting {
  /// What a literal in double quotes, single quotes or backquotes stands for; nil when it is
  /// wrong.
  static func unquote(_ literal: String) -> String? {
    let bytes = Array(literal.utf8)
    guard bytes.count >= 2, let quote = bytes.first, bytes.last == quote else { return nil }
    let inner = bytes[1..<(bytes.count - 1)]
    if quote == UInt8(ascii: "`") {
      return String(decoding: inner.filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
    }
    var out: [UInt8] = []
    var at = inner.startIndex
    while at < inner.endIndex {
      guard inner[at] == UInt8(ascii: "\\") else {
        if inner[at] == quote || inner[at] == UInt8(ascii: "\n") { return nil }
        out.append(inner[at])
        at += 1
        continue
      }
      guard let next = escape(inner, at + 1, quote, &out) else { return nil }
      at = next
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// Appends what the escape at `at` stands for; where the text goes on, nil for a wrong one.
  private static func escape(
    _ text: ArraySlice<UInt8>, _ at: Int, _ quote: UInt8, _ out: inout [UInt8]
  ) -> Int? {
    guard at < text.endIndex else { return nil }
    let simple: [UInt8: UInt8] = [
      0x61: 7, 0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9, 0x76: 11, 0x5c: 0x5c,
    ]
    if let byte = simple[text[at]] {
      out.append(byte)
      return at + 1
    }
    if text[at] == quote {
      out.append(quote)
      return at + 1
    }
    switch text[at] {
    case UInt8(ascii: "x"):
      guard let value = number(text, at + 1, 2, 16) else { return nil }
      out.append(UInt8(value))
      return at + 3
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let count = text[at] == UInt8(ascii: "u") ? 4 : 8
      guard let value = number(text, at + 1, count, 16), let scalar = Unicode.Scalar(value),
        let bytes = UTF8.encode(scalar)
      else { return nil }
      out += bytes
      return at + 1 + count
    case 0x30...0x37:
      guard let value = number(text, at, 3, 8), value <= 255 else { return nil }
      out.append(UInt8(value))
      return at + 3
    default: return nil
    }
  }

  private static func number(_ text: ArraySlice<UInt8>, _ at: Int, _ count: Int, _ radix: Int)
    -> UInt32?
  {
    guard at + count <= text.endIndex else { return nil }
    let digits = text[at..<(at + count)]
    guard digits.allSatisfy({ Hex.value($0) != nil }) else { return nil }
    return UInt32(String(decoding: digits, as: UTF8.self), radix: radix)
  }

  /// As Go's `strconv.ParseInt(text, 0, 64)`: `12`, `-0x1f`, `0b1`, `0o17`, `017`, `1_000`.
  static func integer(_ text: String) -> Int? {
    var digits = Substring(text)
    let isNegative = digits.hasPrefix("-")
    if isNegative || digits.hasPrefix("+") { digits.removeFirst() }
    var radix = 10
    let lower = digits.lowercased()
    if lower.hasPrefix("0x") {
      radix = 16
    } else if lower.hasPrefix("0b") {
      radix = 2
    } else if lower.hasPrefix("0o") {
      radix = 8
    }
    var hasPrefix = radix != 10
    if hasPrefix {
      digits = digits.dropFirst(2)
    } else if digits.hasPrefix("0"), digits.count > 1 {
      radix = 8
      hasPrefix = true
      digits = digits.dropFirst()
    }
    if digits.contains("_") {
      // Between digits, or between the prefix and one.
      guard hasPrefix || !digits.hasPrefix("_"), !digits.hasSuffix("_"), !digits.contains("__")
      else { return nil }
      digits = Substring(digits.filter { $0 != "_" })
    }
    guard !digits.hasPrefix("+"), !digits.hasPrefix("-") else { return nil }
    return Int((isNegative ? "-" : "") + digits, radix: radix)
  }
}

import TelemetryModel

/// Reads Prometheus's label text byte by byte; see ``LabelText/parse(_:)-(String)``.
struct LabelTextParser {
  /// In bounds: every access is guarded by `position < text.count`.
  private let text: UnsafeRawBufferPointer
  private var position = 0
  /// Braces change the words of errors.
  private var isInBraces = false

  init(_ text: UnsafeRawBufferPointer) { self.text = text }

  private enum Token {
    case identifier(String)
    case string(String)
    case equal
    case comma
    case leftBrace
    case rightBrace
    case end
    case operation(String)
  }

  mutating func parse() throws(LokiPushError) -> [Label] {
    var pairs: [Label] = []
    var token = try next()
    if case .identifier(let name) = token.kind {
      pairs.append(Label("__name__", name))
      token = try next()
    }
    switch token.kind {
    case .leftBrace:
      isInBraces = true
      try parsePairs(into: &pairs)
      isInBraces = false
      token = try next()
    case .end: return pairs
    default: break
    }
    guard case .end = token.kind else { throw unexpected(token, expected: nil) }
    return pairs
  }

  private mutating func parsePairs(into pairs: inout [Label]) throws(LokiPushError) {
    while true {
      let start = try next()
      let name: String
      switch start.kind {
      case .rightBrace: return
      case .identifier(let text): name = text
      case .string(let text): name = text
      default: throw unexpected(start, expected: "identifier or \"}\"")
      }
      let operation = try next()
      switch operation.kind {
      case .equal:
        let value = try next()
        guard case .string(let text) = value.kind else {
          throw unexpected(value, expected: "string")
        }
        pairs.append(Label(name, text))
      case .comma, .rightBrace:
        guard case .string = start.kind else { fallthrough }
        // A quoted name alone is the metric's name.
        pairs.append(Label("__name__", name))
        if case .rightBrace = operation.kind { return }
        continue
      default: throw unexpected(operation, expected: "\"=\"")
      }
      let separator = try next()
      switch separator.kind {
      case .rightBrace: return
      case .comma: continue
      default: throw unexpected(separator, expected: "\",\" or \"}\"")
      }
    }
  }

  private func unexpected(
    _ token: (kind: Token, start: Int), expected: String?
  ) -> LokiPushError {
    let shown: String
    switch token.kind {
    case .identifier(let text): shown = "identifier \(quoted(text))"
    case .string(let text): shown = "string \(quoted(quoted(text)))"
    case .equal: shown = "\"=\""
    case .comma: shown = "\",\""
    case .leftBrace: shown = "\"{\""
    case .rightBrace: shown = "\"}\""
    case .end: shown = "end of input"
    case .operation(let text): shown = "<op:\(text)>"
    }
    let place = isInBraces ? " in label set" : ""
    let wanted = expected.map { ", expected \($0)" } ?? ""
    return error(at: token.start, "unexpected \(shown)\(place)\(wanted)")
  }

  private func error(at index: Int, _ message: String) -> LokiPushError {
    var line = 1
    var column = 1
    for byte in text[..<min(index, text.count)] {
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else {
        column += 1
      }
    }
    return LokiPushError("couldn't parse labels: \(line):\(column): parse error: \(message)")
  }

  // MARK: tokens

  private mutating func skipBlanks() {
    while position < text.count {
      switch text[position] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        position += 1
      case UInt8(ascii: "#"):
        while position < text.count, text[position] != UInt8(ascii: "\n") { position += 1 }
      default: return
      }
    }
  }

  private mutating func next() throws(LokiPushError) -> (kind: Token, start: Int) {
    skipBlanks()
    let start = position
    guard position < text.count else {
      if isInBraces { throw error(at: start, "unexpected end of input inside braces") }
      return (.end, start)
    }
    let byte = text[position]
    switch byte {
    case UInt8(ascii: "{") where !isInBraces:
      position += 1
      return (.leftBrace, start)
    case UInt8(ascii: "}") where isInBraces:
      position += 1
      return (.rightBrace, start)
    case UInt8(ascii: ",") where isInBraces:
      position += 1
      return (.comma, start)
    case UInt8(ascii: "=") where isInBraces:
      position += 1
      guard position < text.count, text[position] == UInt8(ascii: "~") else {
        return (.equal, start)
      }
      position += 1
      return (.operation("=~"), start)
    case UInt8(ascii: "!") where isInBraces:
      position += 1
      if position < text.count {
        let follower = text[position]
        position += 1
        if follower == UInt8(ascii: "=") { return (.operation("!="), start) }
        if follower == UInt8(ascii: "~") { return (.operation("!~"), start) }
        position -= 1
      }
      throw error(at: start, "unexpected character after '!' inside braces: \(character(position))")
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      return (.string(try quotedString(byte)), start)
    case UInt8(ascii: "`"):
      return (.string(try rawString()), start)
    default:
      guard Self.isNameStart(byte) else {
        let place = isInBraces ? " inside braces" : ""
        throw error(at: start, "unexpected character\(place): \(character(start))")
      }
      while position < text.count, Self.isNamePart(text[position], colon: !isInBraces) {
        position += 1
      }
      let name = String(
        decoding: UnsafeRawBufferPointer(rebasing: text[start..<position]), as: UTF8.self)
      return (.identifier(name), start)
    }
  }

  private static func isNameStart(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_")
      || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
  }

  private static func isNamePart(_ byte: UInt8, colon: Bool) -> Bool {
    isNameStart(byte) || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
      || (colon && byte == UInt8(ascii: ":"))
  }

  /// The character at `index` as Go's `%q` shows it.
  private func character(_ index: Int) -> String {
    guard index < text.count else { return "end of input" }
    let tail = UnsafeRawBufferPointer(rebasing: text[index..<min(text.count, index + 4)])
    guard let first = String(decoding: tail, as: UTF8.self).unicodeScalars.first else {
      return "''"
    }
    return first == "'" ? "'\\''" : "'" + quoted(String(first)).dropFirst().dropLast() + "'"
  }

  // MARK: strings

  private mutating func rawString() throws(LokiPushError) -> String {
    let start = position
    position += 1
    while position < text.count, text[position] != UInt8(ascii: "`") { position += 1 }
    guard position < text.count else { throw error(at: start, "unterminated raw string") }
    defer { position += 1 }
    return String(
      decoding: UnsafeRawBufferPointer(rebasing: text[(start + 1)..<position]), as: UTF8.self)
  }

  private mutating func quotedString(_ quote: UInt8) throws(LokiPushError) -> String {
    let start = position
    position += 1
    var out: [UInt8] = []
    while true {
      guard position < text.count, text[position] != UInt8(ascii: "\n") else {
        throw error(at: start, "unterminated quoted string")
      }
      let byte = text[position]
      if byte == quote { break }
      if byte == UInt8(ascii: "\\") {
        try escape(into: &out, quote: quote, start: start)
      } else if byte < 0x80 {
        out.append(byte)
        position += 1
      } else {
        try copyScalar(into: &out, start: start)
      }
    }
    position += 1
    return String(decoding: out, as: UTF8.self)
  }

  private mutating func copyScalar(into out: inout [UInt8], start: Int)
    throws(LokiPushError)
  {
    let length = UTF8Length.ofScalar(text, at: position)
    guard length > 0 else { throw error(at: start, "invalid UTF-8 rune") }
    out.append(contentsOf: text[position..<(position + length)])
    position += length
  }

  private mutating func escape(
    into out: inout [UInt8], quote: UInt8, start: Int
  ) throws(LokiPushError) {
    let at = position
    guard position + 1 < text.count else {
      throw error(at: start, "escape sequence not terminated")
    }
    let letter = text[position + 1]
    position += 2
    switch letter {
    case UInt8(ascii: "a"): out.append(0x07)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0c)
    case UInt8(ascii: "n"): out.append(0x0a)
    case UInt8(ascii: "r"): out.append(0x0d)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "v"): out.append(0x0b)
    case UInt8(ascii: "\\"), quote: out.append(letter)
    case UInt8(ascii: "x"): out.append(UInt8(truncatingIfNeeded: try digits(2, 16, at)))
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      position -= 1
      let value = try digits(3, 8, at)
      guard value < 256 else {
        throw error(at: at, "escape sequence is an invalid Unicode code point")
      }
      out.append(UInt8(value))
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let value = try digits(letter == UInt8(ascii: "u") ? 4 : 8, 16, at)
      guard let scalar = Unicode.Scalar(value) else {
        throw error(at: at, "escape sequence is an invalid Unicode code point")
      }
      out.append(contentsOf: String(scalar).utf8)
    default: throw error(at: at, "unknown escape sequence \(character(position - 1))")
    }
  }

  private mutating func digits(_ count: Int, _ base: UInt32, _ at: Int) throws(LokiPushError)
    -> UInt32
  {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard position < text.count, let digit = HexDigit.value(text[position]), digit < base else {
        throw error(at: at, "illegal character in escape sequence: \(character(position))")
      }
      value = value &* base &+ digit
      position += 1
    }
    return value
  }
}

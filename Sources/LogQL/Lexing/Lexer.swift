import TelemetryModel

/// Cuts a query into tokens as Loki's scanner does, which is Go's text/scanner with additions.
struct Lexer {
  var cursor: CharacterCursor
  /// Where the token being read begins.
  private var line = 1
  private var column = 1

  init(_ text: String) { cursor = CharacterCursor(text) }

  mutating func next() throws(LogQLError) -> Token {
    try skipBlanksAndComments()
    line = cursor.line
    column = cursor.column
    guard let first = cursor.next else { return token(.end) }
    switch first {
    case "\"": return try string()
    case "`": return try rawString()
    case "'": throw try charLiteralError()
    case "[": return try range()
    case "-": return minusOrFlag()
    case ".":
      if cursor.peek(1)?.isDecimalDigit == true { return try number() }
    default:
      if first.isDecimalDigit { return try number() }
      if first.isIdentifierPart(isFirst: true) { return word() }
    }
    return symbol()
  }

  func error(_ reason: String) -> LogQLError {
    LogQLError(reason, line: line, column: column)
  }

  func token(_ kind: Token.Kind, _ text: String = "") -> Token {
    Token(kind: kind, text: text, line: line, column: column)
  }

  /// Loki's scanner forgets the line once characters are taken behind its back.
  func lostToken(_ kind: Token.Kind, _ text: String = "") -> Token {
    Token(kind: kind, text: text, line: 0, column: column)
  }

  private mutating func skipBlanksAndComments() throws(LogQLError) {
    while true {
      cursor.skip { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r" }
      if cursor.next == "#" || (cursor.next == "/" && cursor.peek(1) == "/") {
        cursor.skip { $0 != "\n" }
      } else if cursor.next == "/", cursor.peek(1) == "*" {
        line = cursor.line
        column = cursor.column
        cursor.advance()
        cursor.advance()
        while !(cursor.next == "*" && cursor.peek(1) == "/") {
          guard cursor.advance() != nil else { throw error("comment not terminated") }
        }
        cursor.advance()
        cursor.advance()
      } else {
        return
      }
    }
  }

  /// A reserved word, a function or a name.
  private mutating func word() -> Token {
    let start = cursor.index
    cursor.advance()
    cursor.skip { $0.isIdentifierPart(isFirst: false) }
    let text = cursor.text(since: start)
    let lower = text.lowercased()
    if Token.functions.contains(lower) {
      return isFollowedByArguments() ? token(.function, lower) : token(.identifier, text)
    }
    return Token.symbols.contains(lower) ? token(.symbol, lower) : token(.identifier, text)
  }

  private func isFollowedByArguments() -> Bool {
    var ahead = cursor
    ahead.skipWhitespace()
    if ahead.next == "(" { return true }
    let start = ahead.index
    ahead.skip { $0 != "(" && !$0.properties.isWhitespace }
    let word = ahead.text(since: start).lowercased()
    guard word == "by" || word == "without" else { return false }
    ahead.skipWhitespace()
    return ahead.next == "("
  }

  private mutating func symbol() -> Token {
    let start = cursor.index
    cursor.advance()
    let one = cursor.text(since: start)
    if let second = cursor.next, Token.symbols.contains(one + String(second)) {
      cursor.advance()
      return lostToken(.symbol, one + String(second))
    }
    return Token.symbols.contains(one) ? token(.symbol, one) : token(.identifier, one)
  }

  private mutating func minusOrFlag() -> Token {
    for flag in ["--strict", "--keep-empty"] {
      var ahead = cursor
      let start = ahead.index
      ahead.skip { $0 == "-" || $0.properties.isAlphabetic }
      guard ahead.text(since: start) == flag else { continue }
      cursor = ahead
      return lostToken(.flag, flag)
    }
    let start = cursor.index
    cursor.advance()
    return durationToken(since: start) ?? token(.symbol, "-")
  }

  private mutating func number() throws(LogQLError) -> Token {
    let start = cursor.index
    try scanNumber()
    if let duration = durationToken(since: start) { return duration }
    if let size = sizeToken(since: start) { return size }
    return token(.number, cursor.text(since: start))
  }

  /// Go's number syntax: prefixes, underscores, fractions and exponents.
  private mutating func scanNumber() throws(LogQLError) {
    if cursor.next == "0", let mark = cursor.peek(1), "xXbBoO".unicodeScalars.contains(mark) {
      cursor.advance()
      cursor.advance()
      let start = cursor.index
      cursor.skip { $0.isHexDigit || $0 == "_" || $0 == "." }
      let kind = mark == "x" || mark == "X" ? "hexadecimal" : mark == "o" ? "octal" : "binary"
      if cursor.index == start { throw error("\(kind) literal has no digits") }
      if kind == "hexadecimal" {
        if cursor.next == "p" || cursor.next == "P" {
          try exponent()
        } else if cursor.text(since: start).contains(".") {
          throw error("hexadecimal mantissa requires a 'p' exponent")
        }
      }
      return
    }
    cursor.skip { $0.isDecimalDigit || $0 == "_" }
    if cursor.next == "." {
      cursor.advance()
      cursor.skip { $0.isDecimalDigit || $0 == "_" }
    }
    if cursor.next == "e" || cursor.next == "E" { try exponent() }
  }

  private mutating func exponent() throws(LogQLError) {
    cursor.advance()
    if cursor.next == "+" || cursor.next == "-" { cursor.advance() }
    let start = cursor.index
    cursor.skip { $0.isDecimalDigit || $0 == "_" }
    if cursor.index == start { throw error("exponent has no digits") }
  }

  /// A duration when the characters that follow make one of what was read since `start`.
  private mutating func durationToken(since start: Int) -> Token? {
    var ahead = cursor
    ahead.skip { $0.properties.numericType != nil || "nuµmshdwy.".unicodeScalars.contains($0) }
    guard ahead.index > cursor.index,
      let span = DurationText.parse(ahead.text(since: start))
    else { return nil }
    cursor = ahead
    var token = lostToken(.duration)
    token.span = span
    return token
  }

  private mutating func sizeToken(since start: Int) -> Token? {
    var ahead = cursor
    ahead.skip { $0.properties.numericType != nil || "BikKMGTP.".unicodeScalars.contains($0) }
    guard ahead.index > cursor.index, let size = ByteSizeText.parse(ahead.text(since: start))
    else { return nil }
    cursor = ahead
    var token = lostToken(.bytes)
    token.size = size
    return token
  }

  private mutating func range() throws(LogQLError) -> Token {
    cursor.advance()
    let start = cursor.index
    cursor.skip { $0 != "]" }
    let text = cursor.text(since: start)
    guard cursor.advance() != nil else {
      throw LogQLError("missing closing ']' in duration", line: 0, column: column)
    }
    var token = lostToken(.range)
    switch DurationText.parsePrometheus(text) {
    case .success(let span): token.span = span
    case .failure(let reason):
      throw LogQLError(reason.message, line: 0, column: column)
    }
    return token
  }
}

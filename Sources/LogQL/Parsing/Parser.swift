import TelemetryModel

/// Recursive descent over Loki's grammar, one token ahead.
///
/// Where Loki's generated parser lists what it expected, so does this one; its list is left out
/// where a rule could have ended.
struct Parser {
  /// How deep expressions, parentheses and label filters may nest: bounds the stack.
  static let depthMax = 200

  private var lexer: Lexer
  private(set) var current: Token
  /// The first fault that is no fault of syntax; thrown when the syntax turns out right.
  private var laterError: LogQLError?
  private var depth = 0

  init(_ text: String) throws(LogQLError) {
    lexer = Lexer(text)
    current = try lexer.next()
  }

  mutating func wholeExpression() throws(LogQLError) -> Expression {
    let expression = try parseExpression(minimum: 0)
    guard current.kind == .end else { throw unexpected() }
    if let laterError { throw laterError }
    return expression
  }

  // MARK: Tokens

  func unexpected(_ expecting: String...) -> LogQLError {
    var reason = "syntax error: unexpected \(current.shown)"
    if !expecting.isEmpty { reason += ", expecting " + expecting.joined(separator: " or ") }
    return LogQLError(reason, line: current.line, column: current.column)
  }

  @discardableResult
  mutating func advance() throws(LogQLError) -> Token {
    let token = current
    current = try lexer.next()
    return token
  }

  /// Takes `symbol` when it comes next.
  mutating func take(_ symbol: String) throws(LogQLError) -> Bool {
    guard current.is(symbol) else { return false }
    try advance()
    return true
  }

  mutating func expect(_ symbol: String) throws(LogQLError) {
    guard try take(symbol) else { throw unexpected(symbol) }
  }

  mutating func expect(_ kind: Token.Kind, _ expecting: String) throws(LogQLError) -> Token {
    guard current.kind == kind else { throw unexpected(expecting) }
    return try advance()
  }

  mutating func identifier() throws(LogQLError) -> String {
    try expect(.identifier, "IDENTIFIER").text
  }

  mutating func string() throws(LogQLError) -> String {
    String(decoding: try expect(.string, "STRING").bytes, as: UTF8.self)
  }

  mutating func report(_ error: LogQLError) {
    if laterError == nil { laterError = error }
  }

  /// Runs `body` one level deeper.
  mutating func nested<T>(
    _ body: (inout Parser) throws(LogQLError) -> T
  ) throws(LogQLError) -> T {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Parser.depthMax else {
      throw LogQLError("the query nests deeper than \(Parser.depthMax) levels")
    }
    return try body(&self)
  }
}

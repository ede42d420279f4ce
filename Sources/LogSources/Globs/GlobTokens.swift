import Bytes

/// One part of a file name's pattern.
enum GlobToken: Hashable, Sendable {
  case literal(Unicode.Scalar)
  /// `?`: any one character.
  case anyOne
  /// `*`: any characters, none included.
  case anyMany
  /// `[a-z]`, `[^a-z]` or `[!a-z]`.
  case characterClass(ranges: [ClosedRange<Unicode.Scalar>], negated: Bool)
}

/// One component of a path pattern, between two slashes.
enum GlobComponent: Hashable, Sendable {
  /// `**`: any number of folders, none included.
  case anyDepth
  /// A name without any pattern character.
  case name(String)
  case pattern([GlobToken])
}

extension GlobComponent {
  /// Reads one component's text; `**` counts only when it stands alone, else it is `*`.
  static func parse(_ text: [Unicode.Scalar], pattern: String) throws(LogSourcesError) -> Self {
    if text == ["*", "*"] { return .anyDepth }
    var tokens: [GlobToken] = []
    var isLiteral = true
    var at = 0
    while at < text.count {
      switch text[at] {
      case "\\":
        guard at + 1 < text.count else {
          throw .malformedGlob(pattern: pattern, reason: "it ends in a backslash")
        }
        tokens.append(.literal(text[at + 1]))
        at += 2
      case "?":
        tokens.append(.anyOne)
        isLiteral = false
        at += 1
      case "*":
        if tokens.last != .anyMany { tokens.append(.anyMany) }
        isLiteral = false
        at += 1
      case "[":
        tokens.append(try parseClass(text, &at, pattern: pattern))
        isLiteral = false
      default:
        tokens.append(.literal(text[at]))
        at += 1
      }
    }
    guard isLiteral else { return .pattern(tokens) }
    var name = String.UnicodeScalarView()
    for case .literal(let scalar) in tokens { name.append(scalar) }
    return .name(String(name))
  }

  private static func parseClass(
    _ text: [Unicode.Scalar], _ at: inout Int, pattern: String
  ) throws(LogSourcesError) -> GlobToken {
    let unclosed = LogSourcesError.malformedGlob(
      pattern: pattern, reason: "a '[' has no closing ']'")
    at += 1
    var negated = false
    if at < text.count, text[at] == "^" || text[at] == "!" {
      negated = true
      at += 1
    }
    var ranges: [ClosedRange<Unicode.Scalar>] = []
    func nextScalar() throws(LogSourcesError) -> Unicode.Scalar {
      if at < text.count, text[at] == "\\" { at += 1 }
      guard at < text.count else { throw unclosed }
      defer { at += 1 }
      return text[at]
    }
    while true {
      guard at < text.count else { throw unclosed }
      if text[at] == "]", !ranges.isEmpty { break }
      let low = try nextScalar()
      var high = low
      if at + 1 < text.count, text[at] == "-", text[at + 1] != "]" {
        at += 1
        high = try nextScalar()
      }
      guard low <= high else {
        throw .malformedGlob(
          pattern: pattern, reason: "the range \(low)-\(high) runs backwards")
      }
      ranges.append(low...high)
    }
    at += 1
    return .characterClass(ranges: ranges, negated: negated)
  }

  /// Whether a whole file name matches; `**` matches every name.
  func matches(_ name: String) -> Bool {
    switch self {
    case .anyDepth: true
    case .name(let own): own.hasSameBytes(as: name)
    case .pattern(let tokens): Self.match(tokens, Array(name.unicodeScalars))
    }
  }

  /// Backtracks to the last `*` only, so that the time is at most tokens times characters.
  private static func match(_ tokens: [GlobToken], _ name: [Unicode.Scalar]) -> Bool {
    var token = 0
    var at = 0
    var retry: (token: Int, at: Int)?
    while at < name.count || token < tokens.count {
      if token < tokens.count {
        if case .anyMany = tokens[token] {
          retry = (token, at)
          token += 1
          continue
        }
        if at < name.count, matches(tokens[token], name[at]) {
          token += 1
          at += 1
          continue
        }
      }
      guard let last = retry, last.at < name.count else { return false }
      retry = (last.token, last.at + 1)
      token = last.token + 1
      at = last.at + 1
    }
    return true
  }

  private static func matches(_ token: GlobToken, _ scalar: Unicode.Scalar) -> Bool {
    switch token {
    case .literal(let own): own == scalar
    case .anyOne, .anyMany: true
    case .characterClass(let ranges, let negated):
      ranges.contains { $0.contains(scalar) } != negated
    }
  }
}

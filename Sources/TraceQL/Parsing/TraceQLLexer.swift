import TelemetryModel

/// Cuts a query into tokens.
///
/// Words, numbers and texts are Go's. After a scope's point all that is no blank, bracket or
/// operator of comparison belongs to the attribute's name, so that `.a-b/c` is one attribute;
/// other names are written in double quotes.
struct TraceQLLexer {
  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var line = 1
  private var lineStart = 0

  /// Longer texts are no queries.
  static let scalarsMax = 128 << 10

  init(_ text: String) throws(TraceQLError) {
    scalars = Array(text.unicodeScalars)
    guard scalars.count <= Self.scalarsMax else {
      throw TraceQLError(.syntax, "the query is longer than \(Self.scalarsMax) characters")
    }
  }

  /// All tokens, the end among them.
  mutating func tokens() throws(TraceQLError) -> [TraceQLPlacedToken] {
    var tokens: [TraceQLPlacedToken] = []
    repeat {
      try skipBlanks()
      let (line, column) = (line, position - lineStart + 1)
      tokens.append(TraceQLPlacedToken(token: try next(), line: line, column: column))
    } while tokens.last?.token != .end
    return tokens
  }

  private var current: Unicode.Scalar? { peek(0) }

  private func peek(_ offset: Int) -> Unicode.Scalar? {
    position + offset < scalars.count ? scalars[position + offset] : nil
  }

  private func fault(_ message: String) -> TraceQLError {
    TraceQLError(
      .syntax, "parse error at line \(line), col \(position - lineStart + 1): \(message)")
  }

  /// Blanks, line breaks and Go's comments.
  private mutating func skipBlanks() throws(TraceQLError) {
    while let scalar = current {
      if scalar == "\n" {
        position += 1
        line += 1
        lineStart = position
      } else if scalar == " " || scalar == "\t" || scalar == "\r" {
        position += 1
      } else if scalar == "/", peek(1) == "/" {
        while let next = current, next != "\n" { _ = next; position += 1 }
      } else if scalar == "/", peek(1) == "*" {
        position += 2
        while !(current == "*" && peek(1) == "/") {
          guard current != nil else { throw fault("comment not terminated") }
          position += 1
        }
        position += 2
      } else {
        return
      }
    }
  }

  private mutating func next() throws(TraceQLError) -> TraceQLToken {
    guard let scalar = current else { return .end }
    if Self.isDigit(scalar) || scalar == ".", Self.isDigit(peek(scalar == "." ? 1 : 0)) {
      return try number()
    }
    if scalar == "\"" { return .string(try quoted()) }
    if scalar == "`" { return .string(try rawQuoted()) }
    if scalar == "." {
      position += 1
      return .field(.attribute(.any, try attributeName()))
    }
    if Self.isLetter(scalar) { return try word() }
    for length in [3, 2, 1] where position + length <= scalars.count {
      let text = String(String.UnicodeScalarView(scalars[position..<position + length]))
      guard Self.symbols.contains(text) else { continue }
      position += length
      return .symbol(text)
    }
    throw fault("unexpected character \(scalar.debugDescription)")
  }

  private static let symbols: Set<String> = [
    "{", "}", "(", ")", ",", "|", "=", "!=", "=~", "!~", ">", ">=", "<", "<=", "+", "-", "*", "/",
    "%", "^", "&&", "||", "!", ">>", "<<", "~", "!>", "!<", "!>>", "!<<", "&>", "&<", "&>>", "&<<",
    "&~",
  ]

  private static let intrinsicScopes: Set<String> = [
    "span", "trace", "event", "link", "instrumentation",
  ]

  private mutating func word() throws(TraceQLError) -> TraceQLToken {
    let start = position
    while let scalar = current, Self.isLetter(scalar) || Self.isDigit(scalar) { position += 1 }
    let word = String(String.UnicodeScalarView(scalars[start..<position]))
    if current == ".", word == "parent" {
      position += 1
      for scope in [TraceScope.span, .resource] where startsWith(scope.rawValue + ".") {
        position += scope.rawValue.count + 1
        return .field(.parentAttribute(scope, try attributeName()))
      }
      return .field(.parentAttribute(.any, try attributeName()))
    }
    if current == ".", let scope = TraceScope(rawValue: word), scope != .any {
      position += 1
      return .field(.attribute(scope, try attributeName()))
    }
    guard current == ":", Self.intrinsicScopes.contains(word) else { return .word(word) }
    position += 1
    let name = position
    while let scalar = current, Self.isLetter(scalar) { position += 1 }
    let text = word + ":" + String(String.UnicodeScalarView(scalars[name..<position]))
    guard let intrinsic = TraceIntrinsic(name: text) else {
      throw fault("unknown identifier: \(text)")
    }
    return .field(.intrinsic(intrinsic))
  }

  private func startsWith(_ text: String) -> Bool {
    let wanted = Array(text.unicodeScalars)
    return position + wanted.count <= scalars.count
      && scalars[position..<position + wanted.count].elementsEqual(wanted)
  }

  private mutating func attributeName() throws(TraceQLError) -> String {
    var name = String.UnicodeScalarView()
    while let scalar = current, Self.isOfAttribute(scalar) {
      guard scalar == "\"" else {
        name.append(scalar)
        position += 1
        continue
      }
      position += 1
      while let inner = current, inner != "\"" {
        if inner == "\\" {
          position += 1
          guard let escaped = current, escaped == "\"" || escaped == "\\" else {
            throw fault("invalid escape sequence")
          }
        }
        if let inner = current { name.append(inner) }
        position += 1
      }
      guard current == "\"" else { throw fault("unexpected EOF, expecting \"") }
      position += 1
    }
    guard !name.isEmpty else { throw fault("the name of an attribute is missing") }
    return String(name)
  }

  static func isOfAttribute(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.properties.isWhitespace { return false }
    switch scalar {
    case "{", "}", "(", ")", "=", "~", "!", "<", ">", "&", "|", "^", ",": return false
    default: return true
    }
  }

  private static func isDigit(_ scalar: Unicode.Scalar?) -> Bool {
    scalar.map { ("0"..."9").contains($0) } ?? false
  }

  private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || scalar.properties.isAlphabetic
  }
}

/// Literals.
extension TraceQLLexer {
  /// A number, or a duration in Go's or Prometheus's units.
  private mutating func number() throws(TraceQLError) -> TraceQLToken {
    let start = position
    func isOfNumber(_ scalar: Unicode.Scalar) -> Bool {
      Self.isDigit(scalar) || scalar == "."
    }
    while let scalar = current, isOfNumber(scalar) { position += 1 }
    let mantissaEnd = position
    while let scalar = current, isOfNumber(scalar) || "nsumhµdwy".unicodeScalars.contains(scalar) {
      position += 1
    }
    if position > mantissaEnd {
      let text = String(String.UnicodeScalarView(scalars[start..<position]))
      if let span = Self.duration(text) { return .duration(span) }
      position = mantissaEnd
    }
    if current == "e" || current == "E" {
      var end = 1
      if peek(end) == "+" || peek(end) == "-" { end += 1 }
      if Self.isDigit(peek(end)) {
        position += end
        while Self.isDigit(current) { position += 1 }
      }
    }
    let text = String(String.UnicodeScalarView(scalars[start..<position]))
    if let value = Int64(text) { return .int(value) }
    guard text.contains(where: { ".eE".contains($0) }),
      let value = Double(text.hasSuffix(".") ? text + "0" : text), value.isFinite
    else { throw fault("\(text) is no number in range") }
    return .float(value)
  }

  static func duration(_ text: String) -> TimeSpan? {
    if let span = try? TimeSpan(goDuration: text) { return span }
    // Days, weeks and years are Prometheus's; its parts are whole and go from large to small.
    let units: [(String, Int64)] = [
      ("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000),
      ("ms", 1), ("m", 60_000), ("s", 1000),
    ]
    var rest = text[...]
    var milliseconds: Int64 = 0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      guard let count = Int64(digits), let unit = units.first(where: { rest.hasPrefix($0.0) })
      else { return nil }
      rest = rest.dropFirst(unit.0.count)
      let part = count.multipliedReportingOverflow(by: unit.1)
      let sum = milliseconds.addingReportingOverflow(part.partialValue)
      guard !part.overflow, !sum.overflow else { return nil }
      milliseconds = sum.partialValue
    }
    let nanoseconds = milliseconds.multipliedReportingOverflow(by: 1_000_000)
    return nanoseconds.overflow ? nil : TimeSpan(nanoseconds: nanoseconds.partialValue)
  }

  private mutating func rawQuoted() throws(TraceQLError) -> String {
    position += 1
    var out = String.UnicodeScalarView()
    while let scalar = current, scalar != "`" {
      out.append(scalar)
      position += 1
    }
    guard current != nil else { throw fault("literal not terminated") }
    position += 1
    return String(out)
  }

  /// Go's interpreted string.
  private mutating func quoted() throws(TraceQLError) -> String {
    position += 1
    var out: [UInt8] = []
    while let scalar = current, scalar != "\"" {
      position += 1
      guard scalar == "\\" else {
        guard scalar != "\n" else { throw fault("literal not terminated") }
        out += Array(String(scalar).utf8)
        continue
      }
      guard let escape = current else { break }
      position += 1
      switch escape {
      case "n": out.append(10)
      case "t": out.append(9)
      case "r": out.append(13)
      case "a": out.append(7)
      case "b": out.append(8)
      case "f": out.append(12)
      case "v": out.append(11)
      case "\\", "\"": out.append(UInt8(escape.value))
      case "x": out.append(UInt8(truncatingIfNeeded: try digits(2, radix: 16)))
      case "u", "U":
        let value = try digits(escape == "u" ? 4 : 8, radix: 16)
        guard let scalar = Unicode.Scalar(value) else { throw fault("invalid char escape") }
        out += Array(String(scalar).utf8)
      case "0"..."7":
        position -= 1
        let value = try digits(3, radix: 8)
        guard value <= 255 else { throw fault("invalid char escape") }
        out.append(UInt8(value))
      default: throw fault("invalid char escape")
      }
    }
    guard current == "\"" else { throw fault("literal not terminated") }
    position += 1
    return String(decoding: out, as: UTF8.self)
  }

  private mutating func digits(_ count: Int, radix: Int) throws(TraceQLError) -> UInt32 {
    guard position + count <= scalars.count else { throw fault("invalid char escape") }
    let text = String(String.UnicodeScalarView(scalars[position..<position + count]))
    guard let value = UInt32(text, radix: radix), text.first != "+" else {
      throw fault("invalid char escape")
    }
    position += count
    return value
  }
}

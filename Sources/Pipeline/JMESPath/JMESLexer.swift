import WireFormats

/// A piece of an expression.
enum JMESToken: Hashable {
  case symbol(String)
  case name(String)
  case quotedName(String)
  case number(Int)
  case literal(JMESValue)
  case end
}

/// Takes an expression's text apart.
struct JMESLexer {
  private let text: [UInt8]
  private var at = 0

  /// The longest expression, in bytes.
  private static let bytesMax = 16_384

  static func tokens(_ text: String) throws(JMESError) -> [JMESToken] {
    guard text.utf8.count <= bytesMax else { throw JMESError("the expression is too long") }
    var lexer = JMESLexer(text: Array(text.utf8))
    var tokens: [JMESToken] = []
    while let token = try lexer.next() { tokens.append(token) }
    return tokens + [.end]
  }

  private init(text: [UInt8]) { self.text = text }

  private mutating func next() throws(JMESError) -> JMESToken? {
    while at < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[at]) { at += 1 }
    guard at < text.count else { return nil }
    let byte = text[at]
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "_"):
      return .name(name())
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): return try number()
    case UInt8(ascii: "\""): return .quotedName(try quotedName())
    case UInt8(ascii: "'"): return .literal(.string(try rawString()))
    case UInt8(ascii: "`"): return .literal(try literal())
    default: return try symbol()
    }
  }

  private mutating func name() -> String {
    let start = at
    while at < text.count, isNameByte(text[at]) { at += 1 }
    return String(decoding: text[start..<at], as: UTF8.self)
  }

  private func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private mutating func number() throws(JMESError) -> JMESToken {
    let start = at
    at += 1
    while at < text.count, (0x30...0x39).contains(text[at]) { at += 1 }
    let digits = String(decoding: text[start..<at], as: UTF8.self)
    guard let value = Int(digits) else { throw JMESError("`\(digits)` is no number") }
    return .number(value)
  }

  /// Everything up to the delimiter that no backslash precedes; the position ends up behind it.
  private mutating func body(_ delimiter: UInt8) throws(JMESError) -> ArraySlice<UInt8> {
    let start = at + 1
    at = start
    while at < text.count, text[at] != delimiter {
      at += text[at] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard at < text.count else {
      throw JMESError("\(Character(Unicode.Scalar(delimiter))) is not closed")
    }
    defer { at += 1 }
    return text[start..<at]
  }

  private mutating func quotedName() throws(JMESError) -> String {
    let inner = try body(UInt8(ascii: "\""))
    let quoted = [UInt8(ascii: "\"")] + inner + [UInt8(ascii: "\"")]
    guard let name = (try? JSONValue.parse(quoted))?.stringValue else {
      throw JMESError("malformed quoted name")
    }
    return name
  }

  private mutating func rawString() throws(JMESError) -> String {
    let inner = try body(UInt8(ascii: "'"))
    return unescaped(inner, UInt8(ascii: "'"))
  }

  private mutating func literal() throws(JMESError) -> JMESValue {
    let inner = try body(UInt8(ascii: "`"))
    let json = unescaped(inner, UInt8(ascii: "`"))
    do { return JMESValue(try JSONValue.parse(json)) } catch {
      throw JMESError("malformed literal `\(json)`: \(error.message)")
    }
  }

  /// Takes the backslashes before `delimiter` away and leaves others.
  private func unescaped(_ bytes: ArraySlice<UInt8>, _ delimiter: UInt8) -> String {
    var out: [UInt8] = []
    for byte in bytes {
      if byte == delimiter, out.last == UInt8(ascii: "\\") { out.removeLast() }
      out.append(byte)
    }
    return String(decoding: out, as: UTF8.self)
  }

  private static let symbols = [
    "[]", "[?", "&&", "||", "<=", ">=", "==", "!=", ".", "*", "[", "]", "{", "}", "(", ")", ",",
    ":", "@", "&", "|", "<", ">", "!",
  ]

  private mutating func symbol() throws(JMESError) -> JMESToken {
    for symbol in JMESLexer.symbols where text[at...].starts(with: symbol.utf8) {
      at += symbol.utf8.count
      return .symbol(symbol)
    }
    throw JMESError("unknown character `\(String(decoding: [text[at]], as: UTF8.self))`")
  }
}

/// Takes a template's text apart as Go's `text/template/parse` does.
struct TemplateLexer {
  private let text: [UInt8]
  private var at = 0
  private var start = 0
  private var line = 1
  private var startLine = 1
  private var depth = 0
  private(set) var tokens: [TemplateToken] = []

  private static let left = Array("{{".utf8)
  private static let right = Array("}}".utf8)

  /// The tokens of `text`; the last one is the end or an error.
  static func tokens(_ text: String) -> [TemplateToken] {
    var lexer = TemplateLexer(text: Array(text.utf8))
    lexer.run()
    return lexer.tokens
  }

  private init(text: [UInt8]) { self.text = text }

  private enum Step { case text, action, stop }

  private mutating func run() {
    var step = Step.text
    while true {
      switch step {
      case .text: step = readText()
      case .action: step = readInsideAction()
      case .stop: return
      }
    }
  }

  // MARK: Tokens

  private mutating func emit(_ kind: TemplateToken.Kind) {
    let bytes = text[start..<at]
    tokens.append(
      TemplateToken(
        kind: kind, text: String(decoding: bytes, as: UTF8.self), line: startLine, position: start))
    ignore()
  }

  private mutating func ignore() {
    line += text[start..<at].count { $0 == UInt8(ascii: "\n") }
    start = at
    startLine = line
  }

  private mutating func fail(_ message: String) -> Step {
    tokens.append(
      TemplateToken(kind: .error, text: message, line: startLine, position: start))
    return .stop
  }

  private func hasPrefix(_ prefix: [UInt8], _ from: Int) -> Bool {
    from <= text.count && text[from...].starts(with: prefix)
  }

  private func byte(_ index: Int) -> UInt8? { index < text.count ? text[index] : nil }

  private static func isSpace(_ byte: UInt8?) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a
  }

  // MARK: Text and delimiters

  private mutating func readText() -> Step {
    var found = at
    while found < text.count, !hasPrefix(TemplateLexer.left, found) { found += 1 }
    guard found < text.count else {
      at = text.count
      if at > start { emit(.text) }
      emit(.end)
      return .stop
    }
    let trims = byte(found + 2) == UInt8(ascii: "-") && TemplateLexer.isSpace(byte(found + 3))
    at = found
    if trims { while at > start, TemplateLexer.isSpace(text[at - 1]) { at -= 1 } }
    if at > start { emit(.text) }
    at = found
    ignore()
    let marker = trims ? 2 : 0
    at += 2
    if hasPrefix(Array("/*".utf8), at + marker) {
      at += marker
      ignore()
      return readComment()
    }
    emit(.leftDelimiter)
    at += marker
    ignore()
    depth = 0
    return .action
  }

  private mutating func readComment() -> Step {
    at += 2
    while at < text.count, !hasPrefix(Array("*/".utf8), at) { at += 1 }
    guard at < text.count else { return fail("unclosed comment") }
    at += 2
    guard let trims = rightDelimiter() else {
      return fail("comment ends before closing delimiter")
    }
    at += trims ? 4 : 2
    if trims { while TemplateLexer.isSpace(byte(at)) { at += 1 } }
    ignore()
    return .text
  }

  /// Whether an action ends here, and then whether it trims what follows.
  private func rightDelimiter() -> Bool? {
    if TemplateLexer.isSpace(byte(at)), byte(at + 1) == UInt8(ascii: "-"),
      hasPrefix(TemplateLexer.right, at + 2)
    {
      return true
    }
    return hasPrefix(TemplateLexer.right, at) ? false : nil
  }

  private mutating func readRightDelimiter(_ trims: Bool) -> Step {
    if trims {
      at += 2
      ignore()
    }
    at += 2
    emit(.rightDelimiter)
    if trims {
      while TemplateLexer.isSpace(byte(at)) { at += 1 }
      ignore()
    }
    return .text
  }

  // MARK: Inside of an action

  private mutating func readInsideAction() -> Step {
    if let trims = rightDelimiter() {
      return depth == 0 ? readRightDelimiter(trims) : fail("unclosed left paren")
    }
    guard let first = byte(at) else { return fail("unclosed action") }
    switch first {
    case 0x20, 0x09, 0x0d, 0x0a: return readSpace()
    case UInt8(ascii: "="): return one(.assign)
    case UInt8(ascii: ":"):
      guard byte(at + 1) == UInt8(ascii: "=") else { return fail("expected :=") }
      at += 1
      return one(.declare)
    case UInt8(ascii: "|"): return one(.pipe)
    case UInt8(ascii: "\""): return readQuoted(first, .string, "quoted string")
    case UInt8(ascii: "'"): return readQuoted(first, .characterConstant, "character constant")
    case UInt8(ascii: "`"): return readRaw()
    case UInt8(ascii: "$"): return readName(.variable)
    case UInt8(ascii: "."):
      if let next = byte(at + 1), next >= 0x30, next <= 0x39 { return readNumber() }
      return readName(.field)
    case UInt8(ascii: "+"), UInt8(ascii: "-"), 0x30...0x39: return readNumber()
    case UInt8(ascii: "("):
      depth += 1
      return one(.leftParenthesis)
    case UInt8(ascii: ")"):
      depth -= 1
      return depth < 0 ? fail("unexpected right paren") : one(.rightParenthesis)
    default:
      if nameCount(at) > 0 { return readWord() }
      if first > 0x20, first < 0x7f { return one(.character) }
      return fail("unrecognized character in action: \(codePoint(at))")
    }
  }

  private mutating func one(_ kind: TemplateToken.Kind) -> Step {
    at += 1
    emit(kind)
    return .action
  }

  private mutating func readSpace() -> Step {
    while TemplateLexer.isSpace(byte(at)) {
      // The last blank belongs to a trimming delimiter.
      if rightDelimiter() != nil { break }
      at += 1
    }
    emit(.space)
    return .action
  }

  /// Bytes of the letter, digit or `_` at `index`; 0 for anything else.
  private func nameCount(_ index: Int) -> Int {
    guard let first = byte(index) else { return 0 }
    if first < 0x80 {
      let lower = first | 0x20
      let isName =
        (lower >= 0x61 && lower <= 0x7a) || (first >= 0x30 && first <= 0x39) || first == 0x5f
      return isName ? 1 : 0
    }
    guard let (scalar, count) = scalar(index) else { return 0 }
    let properties = scalar.properties
    return properties.isAlphabetic || properties.generalCategory == .decimalNumber ? count : 0
  }

  private func scalar(_ index: Int) -> (Unicode.Scalar, Int)? {
    var decoder = UTF8()
    var bytes = text[index..<min(text.count, index + 4)].makeIterator()
    guard case .scalarValue(let scalar) = decoder.decode(&bytes) else { return nil }
    return (scalar, UTF8.width(scalar))
  }

  private func codePoint(_ index: Int) -> String {
    let scalar = scalar(index)?.0 ?? "\u{fffd}"
    let hex = String(scalar.value, radix: 16, uppercase: true)
    let number = "U+" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex
    return scalar.value < 0x20 ? number : "\(number) '\(Character(scalar))'"
  }

  private func isTerminator() -> Bool {
    guard let next = byte(at) else { return true }
    return TemplateLexer.isSpace(next) || ".,|:)(".utf8.contains(next)
      || hasPrefix(TemplateLexer.right, at)
  }

  private mutating func skipName() {
    while case let count = nameCount(at), count > 0 { at += count }
  }

  /// `.name` or `$name`, or the point or dollar alone.
  private mutating func readName(_ kind: TemplateToken.Kind) -> Step {
    at += 1
    skipName()
    guard isTerminator() else { return fail("bad character \(codePoint(at))") }
    emit(at - start == 1 && kind == .field ? .dot : kind)
    return .action
  }

  private mutating func readWord() -> Step {
    skipName()
    guard isTerminator() else { return fail("bad character \(codePoint(at))") }
    let word = String(decoding: text[start..<at], as: UTF8.self)
    if TemplateToken.keywords.contains(word) {
      emit(.keyword)
    } else {
      emit(word == "true" || word == "false" ? .bool : .identifier)
    }
    return .action
  }

  private mutating func readNumber() -> Step {
    if text[at] == UInt8(ascii: "+") || text[at] == UInt8(ascii: "-") { at += 1 }
    var digits = "0123456789_"
    var exponents = "eE"
    if byte(at) == UInt8(ascii: "0"), let mark = byte(at + 1), "xXoObB".utf8.contains(mark) {
      at += 2
      switch mark | 0x20 {
      case UInt8(ascii: "x"): (digits, exponents) = ("0123456789abcdefABCDEF_", "pP")
      case UInt8(ascii: "o"): (digits, exponents) = ("01234567_", "")
      default: (digits, exponents) = ("01_", "")
      }
    }
    skip(digits)
    if byte(at) == UInt8(ascii: ".") {
      at += 1
      skip(digits)
    }
    if let mark = byte(at), exponents.utf8.contains(mark) {
      at += 1
      if byte(at) == UInt8(ascii: "+") || byte(at) == UInt8(ascii: "-") { at += 1 }
      skip("0123456789_")
    }
    guard nameCount(at) == 0 else {
      at += nameCount(at)
      let bad = String(decoding: text[start..<at], as: UTF8.self)
      return fail("bad number syntax: \"\(bad)\"")
    }
    emit(.number)
    return .action
  }

  private mutating func skip(_ set: String) {
    while let next = byte(at), set.utf8.contains(next) { at += 1 }
  }

  private mutating func readQuoted(
    _ quote: UInt8, _ kind: TemplateToken.Kind, _ name: String
  ) -> Step {
    at += 1
    while let next = byte(at), next != UInt8(ascii: "\n") {
      at += 1
      if next == quote {
        emit(kind)
        return .action
      }
      guard next == UInt8(ascii: "\\") else { continue }
      guard let escaped = byte(at), escaped != UInt8(ascii: "\n") else { break }
      at += 1
    }
    return fail("unterminated \(name)")
  }

  private mutating func readRaw() -> Step {
    at += 1
    while let next = byte(at) {
      at += 1
      if next == UInt8(ascii: "`") {
        emit(.rawString)
        return .action
      }
    }
    return fail("unterminated raw quoted string")
  }
}

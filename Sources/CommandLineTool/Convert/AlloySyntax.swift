/// A value of Alloy's language.
indirect enum AlloyValue {
  case string(String)
  case number(String)
  case bool(Bool)
  case null
  case list([AlloyValue])
  case object([(key: String, value: AlloyValue)])
  /// `local.file_match.logs.targets`.
  case reference([String])
  /// `sys.env("NAME")`.
  case call([String], [AlloyValue])
  /// An expression that nothing here reckons out.
  case other
}

/// `loki.process "name" { … }`.
struct AlloyBlock {
  var name: [String]
  var label: String
  var line: Int
  var attributes: [(key: String, value: AlloyValue)] = []
  var blocks: [AlloyBlock] = []

  subscript(key: String) -> AlloyValue? { attributes.first { $0.key == key }?.value }

  /// The name with dots.
  var kind: String { name.joined(separator: ".") }
  /// What references begin with.
  var path: [String] { label.isEmpty ? name : name + [label] }
}

/// Reads Alloy's configuration language (grafana.com/docs/alloy, "configuration syntax").
struct AlloyParser {
  private enum Token: Equatable {
    case name(String)
    case string(String)
    case number(String)
    case symbol(Character)
    case end
  }

  private var tokens: [(token: Token, line: Int)] = []
  private var at = 0
  private var depth = 0
  private let file: String

  private static let depthMax = 64

  static func parse(_ text: String, file: String) throws(CommandFailure) -> [AlloyBlock] {
    var parser = AlloyParser(file: file)
    try parser.read(Array(text.unicodeScalars))
    var root = AlloyBlock(name: [], label: "", line: 1)
    try parser.body(&root, isRoot: true)
    return root.blocks
  }

  private init(file: String) { self.file = file }

  private func failure(_ message: String, line: Int? = nil) -> CommandFailure {
    let line = line ?? tokens[min(at, tokens.count - 1)].line
    return CommandFailure(message: "\(file):\(line): \(message)")
  }

  // MARK: Tokens

  private mutating func read(_ text: [Unicode.Scalar]) throws(CommandFailure) {
    var index = 0
    var line = 1
    func isName(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isAlphabetic || scalar == "_" || ("0"..."9").contains(scalar)
    }
    while index < text.count {
      let scalar = text[index]
      let next = index + 1 < text.count ? text[index + 1] : " "
      switch scalar {
      case "\n":
        line += 1
        index += 1
      case " ", "\t", "\r", "\u{feff}": index += 1
      case "/" where next == "/":
        while index < text.count, text[index] != "\n" { index += 1 }
      case "/" where next == "*":
        while index + 1 < text.count, text[index] != "*" || text[index + 1] != "/" {
          if text[index] == "\n" { line += 1 }
          index += 1
        }
        index += 2
      case "\"", "`":
        let start = line
        let value = try string(text, &index, &line)
        tokens.append((.string(value), start))
      case "0"..."9":
        let start = index
        while index < text.count, isName(text[index]) || text[index] == "." { index += 1 }
        tokens.append((.number(Self.text(text[start..<index])), line))
      case _ where isName(scalar):
        let start = index
        while index < text.count, isName(text[index]) { index += 1 }
        tokens.append((.name(Self.text(text[start..<index])), line))
      default:
        tokens.append((.symbol(Character(scalar)), line))
        index += 1
      }
    }
    tokens.append((.end, line))
  }

  private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    String(String.UnicodeScalarView(scalars))
  }

  private func string(_ text: [Unicode.Scalar], _ index: inout Int, _ line: inout Int)
    throws(CommandFailure) -> String
  {
    let quote = text[index]
    index += 1
    var out = String.UnicodeScalarView()
    while index < text.count, text[index] != quote {
      var scalar = text[index]
      if scalar == "\n" { line += 1 }
      if quote == "\"", scalar == "\\", index + 1 < text.count {
        index += 1
        switch text[index] {
        case "n": scalar = "\n"
        case "t": scalar = "\t"
        case "r": scalar = "\r"
        case "x", "u", "U":
          let digits = text[index] == "x" ? 2 : text[index] == "u" ? 4 : 8
          guard index + digits < text.count,
            let value = UInt32(Self.text(text[(index + 1)...(index + digits)]), radix: 16),
            let made = Unicode.Scalar(value)
          else { throw CommandFailure(message: "\(file):\(line): malformed escape") }
          scalar = made
          index += digits
        default: scalar = text[index]
        }
      }
      out.append(scalar)
      index += 1
    }
    guard index < text.count else {
      throw CommandFailure(message: "\(file):\(line): a text is not closed")
    }
    index += 1
    return String(out)
  }

  // MARK: Blocks

  private var token: Token { tokens[min(at, tokens.count - 1)].token }
  private var line: Int { tokens[min(at, tokens.count - 1)].line }

  private mutating func take(_ symbol: Character) -> Bool {
    guard token == .symbol(symbol) else { return false }
    at += 1
    return true
  }

  private mutating func body(_ block: inout AlloyBlock, isRoot: Bool) throws(CommandFailure) {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthMax else { throw failure("blocks are nested too deep") }
    while true {
      if !isRoot, take("}") { return }
      if isRoot, token == .end { return }
      let start = line
      var name = [try self.name()]
      while take(".") { name.append(try self.name()) }
      if take("=") {
        block.attributes.append((name.joined(separator: "."), try value()))
        _ = take(",")
        continue
      }
      var label = ""
      if case .string(let text) = token {
        label = text
        at += 1
      }
      guard take("{") else { throw failure("`{` or `=` expected behind `\(name.joined())`") }
      var inner = AlloyBlock(name: name, label: label, line: start)
      try body(&inner, isRoot: false)
      block.blocks.append(inner)
    }
  }

  private mutating func name() throws(CommandFailure) -> String {
    guard case .name(let name) = token else { throw failure("a name expected") }
    at += 1
    return name
  }

  // MARK: Values

  private mutating func value() throws(CommandFailure) -> AlloyValue {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthMax else { throw failure("values are nested too deep") }
    var left = try operand()
    while case .symbol(let symbol) = token, "+-*/%<>=!&|?^".contains(symbol) {
      // Of all operations only joining is reckoned out.
      at += 1
      while case .symbol(let more) = token, "=&|".contains(more) { at += 1 }
      let right = try operand()
      switch (symbol, left, right) {
      case ("+", .string(let a), .string(let b)): left = .string(a + b)
      case ("+", .list(let a), .list(let b)): left = .list(a + b)
      default: left = .other
      }
    }
    return left
  }

  /// What stands behind a sign, which may be another one.
  private mutating func signed() throws(CommandFailure) -> AlloyValue {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthMax else { throw failure("values are nested too deep") }
    return try operand()
  }

  private mutating func operand() throws(CommandFailure) -> AlloyValue {
    let first = token
    at += 1
    switch first {
    case .string(let text): return .string(text)
    case .number(let text): return .number(text)
    case .symbol("-"):
      guard case .number(let text) = try signed() else { return .other }
      return .number("-" + text)
    case .symbol("!"):
      _ = try signed()
      return .other
    case .symbol("("):
      let inner = try value()
      guard take(")") else { throw failure("`)` expected") }
      return inner
    case .symbol("["):
      var items: [AlloyValue] = []
      while !take("]") {
        items.append(try value())
        guard take(",") || token == .symbol("]") else { throw failure("`,` or `]` expected") }
      }
      return .list(items)
    case .symbol("{"): return .object(try members())
    case .name(let name): return try named(name)
    default:
      at -= 1
      throw failure("a value expected")
    }
  }

  private mutating func members() throws(CommandFailure) -> [(key: String, value: AlloyValue)] {
    var members: [(key: String, value: AlloyValue)] = []
    while !take("}") {
      var key = ""
      if case .string(let text) = token {
        key = text
        at += 1
      } else {
        key = try name()
      }
      guard take("=") else { throw failure("`=` expected behind `\(key)`") }
      members.append((key, try value()))
      _ = take(",")
    }
    return members
  }

  private mutating func named(_ first: String) throws(CommandFailure) -> AlloyValue {
    switch first {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null": return .null
    default: break
    }
    var path = [first]
    var isIndexed = false
    while true {
      if take(".") {
        path.append(try name())
      } else if take("[") {
        if case .string(let key) = try value() { path.append(key) } else { isIndexed = true }
        guard take("]") else { throw failure("`]` expected") }
      } else {
        break
      }
    }
    guard take("(") else { return isIndexed ? .other : .reference(path) }
    var arguments: [AlloyValue] = []
    while !take(")") {
      arguments.append(try value())
      guard take(",") || token == .symbol(")") else { throw failure("`,` or `)` expected") }
    }
    // What is taken out of a call's result is not followed.
    while take(".") { _ = try name() }
    return .call(path, arguments)
  }
}

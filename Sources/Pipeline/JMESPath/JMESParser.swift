/// Reads an expression by the binding powers of its symbols.
struct JMESParser {
  private let tokens: [JMESToken]
  private var at = 0
  private var depth = 0

  private static let depthMax = 64

  init(tokens: [JMESToken]) { self.tokens = tokens }

  mutating func parse() throws(JMESError) -> JMESNode {
    let node = try expression(0)
    guard token == .end else { throw unexpected() }
    return node
  }

  private var token: JMESToken { tokens[min(at, tokens.count - 1)] }

  private func ahead(_ count: Int) -> JMESToken { tokens[min(at + count, tokens.count - 1)] }

  private func unexpected() -> JMESError {
    switch token {
    case .end: JMESError("the expression ends too early")
    case .symbol(let text): JMESError("`\(text)` is not expected here")
    case .name(let name), .quotedName(let name): JMESError("`\(name)` is not expected here")
    case .number(let value): JMESError("`\(value)` is not expected here")
    case .literal: JMESError("a literal is not expected here")
    }
  }

  private mutating func expect(_ symbol: String) throws(JMESError) {
    guard token == .symbol(symbol) else { throw unexpected() }
    at += 1
  }

  private mutating func take(_ symbol: String) -> Bool {
    guard token == .symbol(symbol) else { return false }
    at += 1
    return true
  }

  private var power: Int {
    guard case .symbol(let text) = token else { return 0 }
    return switch text {
    case "|": 1
    case "||": 2
    case "&&": 3
    case "==", "!=", "<", "<=", ">", ">=": 5
    case "[]": 9
    case "*": 20
    case "[?": 21
    case ".": 40
    case "!": 45
    case "{": 50
    case "[": 55
    case "(": 60
    default: 0
    }
  }

  private mutating func expression(_ minimum: Int) throws(JMESError) -> JMESNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= JMESParser.depthMax else { throw JMESError("nested too deep") }
    var left = try prefix()
    while minimum < power { left = try infix(left) }
    return left
  }

  private mutating func prefix() throws(JMESError) -> JMESNode {
    let first = token
    at += 1
    switch first {
    case .literal(let value): return .literal(value)
    case .name(let name): return .field(name)
    case .quotedName(let name):
      guard token != .symbol("(") else { throw JMESError("a function's name cannot be quoted") }
      return .field(name)
    case .symbol("*"):
      let right = token == .symbol("]") ? .current : try projected(20)
      return .valueProjection(.current, right)
    case .symbol("[?"): return try filter(.current)
    case .symbol("{"): return try multiselectHash()
    case .symbol("[]"): return .projection(.flatten(.current), try projected(9))
    case .symbol("["): return try bracket()
    case .symbol("@"): return .current
    case .symbol("&"): return .reference(try expression(0))
    case .symbol("!"): return .not(try expression(45))
    case .symbol("("):
      let inner = try expression(0)
      try expect(")")
      return inner
    case .number, .symbol, .end:
      at -= 1
      throw unexpected()
    }
  }

  /// What follows a `[` at the beginning of an expression.
  private mutating func bracket() throws(JMESError) -> JMESNode {
    switch token {
    case .number, .symbol(":"): return try indexed(.current)
    case .symbol("*") where ahead(1) == .symbol("]"):
      at += 2
      return .projection(.current, try projected(20))
    default: return try multiselectList()
    }
  }

  private mutating func infix(_ left: JMESNode) throws(JMESError) -> JMESNode {
    guard case .symbol(let text) = token else { throw unexpected() }
    at += 1
    switch text {
    case ".":
      if take("*") { return .valueProjection(left, try projected(40)) }
      return .subexpression(left, try afterDot(40))
    case "|": return .pipe(left, try expression(1))
    case "||": return .or(left, try expression(2))
    case "&&": return .and(left, try expression(3))
    case "[?": return try filter(left)
    case "[]": return .projection(.flatten(left), try projected(9))
    case "(": return try call(left)
    case "[":
      switch token {
      case .number, .symbol(":"): return try indexed(left)
      default:
        try expect("*")
        try expect("]")
        return .projection(left, try projected(20))
      }
    default:
      guard let comparison = JMESComparison(rawValue: text) else {
        at -= 1
        throw unexpected()
      }
      return .comparison(comparison, left, try expression(5))
    }
  }

  private mutating func call(_ left: JMESNode) throws(JMESError) -> JMESNode {
    guard case .field(let name) = left else { throw JMESError("only a name can be called") }
    guard JMESFunctions.names.contains(name) else {
      throw JMESError("unknown function `\(name)`")
    }
    var arguments: [JMESNode] = []
    while !take(")") {
      arguments.append(try expression(0))
      if token != .symbol(")") { try expect(",") }
    }
    return .function(name, arguments)
  }

  /// What follows a dot.
  private mutating func afterDot(_ power: Int) throws(JMESError) -> JMESNode {
    switch token {
    case .name, .quotedName, .symbol("*"): return try expression(power)
    case .symbol("["):
      at += 1
      return try multiselectList()
    case .symbol("{"):
      at += 1
      return try multiselectHash()
    default: throw unexpected()
    }
  }

  /// What is done with each item of a projection.
  private mutating func projected(_ minimum: Int) throws(JMESError) -> JMESNode {
    if power < 10 { return .current }
    switch token {
    case .symbol("["), .symbol("[?"): return try projectedExpression(minimum)
    case .symbol("."):
      at += 1
      return try afterDot(minimum)
    default: throw unexpected()
    }
  }

  private mutating func projectedExpression(_ minimum: Int) throws(JMESError) -> JMESNode {
    try expression(minimum)
  }

  private mutating func filter(_ left: JMESNode) throws(JMESError) -> JMESNode {
    let condition = try expression(0)
    try expect("]")
    let right = token == .symbol("[]") ? .current : try projected(21)
    return .filterProjection(left, condition: condition, right)
  }

  /// `0]` or `1:2:3]`, behind the bracket.
  private mutating func indexed(_ left: JMESNode) throws(JMESError) -> JMESNode {
    if case .number(let index) = token, ahead(1) == .symbol("]") {
      at += 2
      return .subexpression(left, .index(index))
    }
    var parts: [Int?] = [nil, nil, nil]
    var part = 0
    while !take("]") {
      switch token {
      case .symbol(":") where part < 2: part += 1
      case .number(let value) where parts[part] == nil: parts[part] = value
      default: throw unexpected()
      }
      at += 1
    }
    guard parts[2] != 0 else { throw JMESError("a slice's step must not be 0") }
    let slice = JMESNode.slice(start: parts[0], stop: parts[1], step: parts[2])
    return .projection(.subexpression(left, slice), try projected(20))
  }

  private mutating func multiselectList() throws(JMESError) -> JMESNode {
    var nodes: [JMESNode] = []
    repeat { nodes.append(try expression(0)) } while take(",")
    try expect("]")
    return .multiselectList(nodes)
  }

  private mutating func multiselectHash() throws(JMESError) -> JMESNode {
    var pairs: [JMESPair] = []
    repeat {
      switch token {
      case .name(let name), .quotedName(let name):
        at += 1
        try expect(":")
        pairs.append(JMESPair(name: name, node: try expression(0)))
      default: throw unexpected()
      }
    } while take(",")
    try expect("}")
    return .multiselectHash(pairs)
  }
}

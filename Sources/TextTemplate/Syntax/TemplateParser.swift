import TelemetryModel

/// Builds a template's tree as Go's `text/template/parse` does, with its messages.
struct TemplateParser {
  let name: String
  /// Names of the functions that may be called.
  let functions: Set<String>
  var tokens: [TemplateToken]
  var at = 0
  /// Variables in scope, with their `$`.
  var variables = ["$"]
  private var actionLine = 0
  private var rangeDepth = 0
  private var depth = 0
  /// Templates that the text defines.
  private(set) var definitions: [String: [TemplateNode]] = [:]

  private static let depthMax = 200

  init(_ text: String, name: String, functions: Set<String>) {
    self.name = name
    self.functions = functions
    tokens = TemplateLexer.tokens(text)
  }

  // MARK: Tokens

  /// Tokens end with one of end or error, which is given again and again.
  mutating func next() -> TemplateToken {
    let token = tokens[min(at, tokens.count - 1)]
    at += 1
    return token
  }

  func peek() -> TemplateToken { tokens[min(at, tokens.count - 1)] }

  mutating func nextNonSpace() -> TemplateToken {
    while peek().kind == .space { at += 1 }
    return next()
  }

  mutating func peekNonSpace() -> TemplateToken {
    while peek().kind == .space { at += 1 }
    return peek()
  }

  mutating func backUp() { at -= 1 }

  func failure(_ message: String, line: Int? = nil) -> TemplateError {
    let shown = line ?? tokens[max(0, min(at, tokens.count) - 1)].line
    return TemplateError("template: \(name):\(shown): \(message)")
  }

  func unexpected(_ token: TemplateToken, _ context: String) -> TemplateError {
    guard token.kind == .error else {
      return failure("unexpected \(token.description) in \(context)", line: token.line)
    }
    var extra = ""
    if actionLine != 0, actionLine != token.line {
      let place = " started at \(name):\(actionLine)"
      extra = (token.text.hasSuffix(" action") ? "" : " in action") + place
    }
    return failure(token.text + extra, line: token.line)
  }

  private mutating func expect(_ kind: TemplateToken.Kind, _ context: String)
    throws(TemplateError) -> TemplateToken
  {
    let token = nextNonSpace()
    guard token.kind == kind else { throw unexpected(token, context) }
    return token
  }

  /// Goes one level deeper; templates nest 200 deep at most.
  mutating func enter() throws(TemplateError) {
    depth += 1
    if depth > TemplateParser.depthMax { throw failure("max expression depth exceeded") }
  }

  mutating func leave() { depth -= 1 }

  // MARK: Lists

  /// The whole text.
  mutating func parse() throws(TemplateError) -> [TemplateNode] {
    var nodes: [TemplateNode] = []
    while peek().kind != .end {
      if peek().kind == .leftDelimiter {
        let start = at
        _ = next()
        if nextNonSpace().isKeyword("define") {
          try parseDefinition()
          continue
        }
        at = start
      }
      let node = try textOrAction()
      switch node {
      case .end, .else: throw failure("unexpected \(node.description)")
      default: nodes.append(node)
      }
    }
    return nodes
  }

  private mutating func textOrAction() throws(TemplateError) -> TemplateNode {
    let token = nextNonSpace()
    switch token.kind {
    case .text: return .text(Array(token.text.utf8))
    case .leftDelimiter:
      actionLine = token.line
      defer { actionLine = 0 }
      return try action()
    default: throw unexpected(token, "input")
    }
  }

  /// Nodes up to `end` or `else`, and that one.
  private mutating func list() throws(TemplateError) -> ([TemplateNode], TemplateNode) {
    try enter()
    defer { leave() }
    var nodes: [TemplateNode] = []
    while peekNonSpace().kind != .end {
      let node = try textOrAction()
      switch node {
      case .end, .else: return (nodes, node)
      default: nodes.append(node)
      }
    }
    throw failure("unexpected EOF", line: peek().line)
  }

  // MARK: Actions

  private mutating func action() throws(TemplateError) -> TemplateNode {
    let token = nextNonSpace()
    guard token.kind == .keyword else {
      backUp()
      return .action(try pipeline("command", end: .rightDelimiter))
    }
    let place = TemplatePlace(position: token.position, line: token.line)
    switch token.text {
    case "if": return .branch(try branch(.if, place))
    case "range": return .branch(try branch(.range, place))
    case "with": return .branch(try branch(.with, place))
    case "end":
      _ = try expect(.rightDelimiter, "end")
      return .end
    case "else":
      let following = peekNonSpace()
      if following.isKeyword("if") || following.isKeyword("with") { return .else(place) }
      _ = try expect(.rightDelimiter, "else")
      return .else(place)
    case "break", "continue":
      _ = try expect(.rightDelimiter, "{{\(token.text)}}")
      guard rangeDepth > 0 else { throw failure("{{\(token.text)}} outside {{range}}") }
      return token.text == "break" ? .break : .continue
    case "block": return try block()
    case "template": return try call(place)
    default:
      backUp()
      return .action(try pipeline("command", end: .rightDelimiter))
    }
  }

  private mutating func branch(_ kind: TemplateBranch.Kind, _ place: TemplatePlace)
    throws(TemplateError) -> TemplateBranch
  {
    let scope = variables.count
    let pipe = try pipeline(kind.rawValue, end: .rightDelimiter)
    if kind == .range { rangeDepth += 1 }
    var (nodes, ending) = try list()
    if kind == .range { rangeDepth -= 1 }
    var elseNodes: [TemplateNode]?
    if case .else = ending {
      let following = peek()
      let isChained = following.isKeyword(kind.rawValue) && kind != .range
      if isChained {
        _ = next()
        try enter()
        let nested = try branch(
          kind, TemplatePlace(position: following.position, line: following.line))
        leave()
        elseNodes = [.branch(nested)]
      } else {
        let (others, last) = try list()
        elseNodes = others
        ending = last
        guard case .end = ending else {
          throw failure("expected end; found \(ending.description)")
        }
      }
    }
    variables.removeSubrange(scope...)
    return TemplateBranch(
      kind: kind, pipe: pipe, list: nodes, elseList: elseNodes, place: place)
  }

  private mutating func templateName(_ context: String) throws(TemplateError) -> String {
    let token = nextNonSpace()
    guard token.kind == .string || token.kind == .rawString else {
      throw unexpected(token, context)
    }
    guard let name = GoQuoting.unquote(token.text) else { throw failure("invalid syntax") }
    return name
  }

  private mutating func call(_ place: TemplatePlace) throws(TemplateError) -> TemplateNode {
    let name = try templateName("template clause")
    var pipe: TemplatePipe?
    if nextNonSpace().kind != .rightDelimiter {
      backUp()
      pipe = try pipeline("template clause", end: .rightDelimiter)
    }
    return .template(name: name, pipe, place)
  }

  private mutating func block() throws(TemplateError) -> TemplateNode {
    let token = peekNonSpace()
    let place = TemplatePlace(position: token.position, line: token.line)
    let name = try templateName("block clause")
    let pipe = try pipeline("block clause", end: .rightDelimiter)
    try define(name, "block clause")
    return .template(name: name, pipe, place)
  }

  private mutating func parseDefinition() throws(TemplateError) {
    let name = try templateName("define clause")
    _ = try expect(.rightDelimiter, "define clause")
    try define(name, "define clause")
  }

  private mutating func define(_ name: String, _ context: String) throws(TemplateError) {
    let outer = variables
    variables = ["$"]
    defer { variables = outer }
    let (nodes, ending) = try list()
    guard case .end = ending else {
      throw failure("unexpected \(ending.description) in \(context)")
    }
    definitions[name] = nodes
  }
}

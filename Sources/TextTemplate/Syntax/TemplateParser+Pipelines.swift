import TelemetryModel

extension TemplateParser {
  /// Commands up to `end`, with the variables that they declare.
  mutating func pipeline(_ context: String, end: TemplateToken.Kind) throws(TemplateError)
    -> TemplatePipe
  {
    let first = peekNonSpace()
    var pipe = TemplatePipe(
      place: TemplatePlace(position: first.position, line: first.line))
    try declarations(context, &pipe)
    while true {
      let token = nextNonSpace()
      switch token.kind {
      case end:
        try check(pipe, context)
        return pipe
      case .bool, .characterConstant, .number, .dot, .field, .identifier, .rawString, .string,
        .variable, .leftParenthesis:
        backUp()
        pipe.commands.append(try command())
      case .keyword where token.text == "nil":
        backUp()
        pipe.commands.append(try command())
      default: throw unexpected(token, context)
      }
    }
  }

  private mutating func declarations(_ context: String, _ pipe: inout TemplatePipe)
    throws(TemplateError)
  {
    while peekNonSpace().kind == .variable {
      let start = at
      let variable = next()
      let following = peekNonSpace()
      switch following.kind {
      case .assign, .declare:
        _ = next()
        pipe.isAssignment = following.kind == .assign
        pipe.declarations.append(variable.text)
        variables.append(variable.text)
        return
      case .character where following.text == ",":
        _ = next()
        pipe.declarations.append(variable.text)
        variables.append(variable.text)
        guard context == "range", pipe.declarations.count < 2 else {
          throw failure("too many declarations in \(context)")
        }
        switch peekNonSpace().kind {
        case .variable, .rightDelimiter, .rightParenthesis: continue
        default: throw failure("range can only initialize variables")
        }
      default:
        at = start
        return
      }
    }
  }

  private func check(_ pipe: TemplatePipe, _ context: String) throws(TemplateError) {
    guard !pipe.commands.isEmpty else { throw failure("missing value for \(context)") }
    for (index, command) in pipe.commands.enumerated().dropFirst() {
      switch command.operands[0].kind {
      case .bool, .dot, .nil, .number, .string:
        throw failure("non executable command in pipeline stage \(index + 1)")
      default: break
      }
    }
  }

  private mutating func command() throws(TemplateError) -> TemplateCommand {
    let first = peekNonSpace()
    var command = TemplateCommand(
      operands: [], place: TemplatePlace(position: first.position, line: first.line))
    loop: while true {
      _ = peekNonSpace()
      if let operand = try operand() { command.operands.append(operand) }
      let token = next()
      switch token.kind {
      case .space: continue
      case .rightDelimiter, .rightParenthesis:
        backUp()
        break loop
      case .pipe: break loop
      default: throw unexpected(token, "operand")
      }
    }
    guard !command.operands.isEmpty else { throw failure("empty command") }
    return command
  }

  private mutating func operand() throws(TemplateError) -> TemplateOperand? {
    guard let term = try term() else { return nil }
    guard peek().kind == .field else { return term }
    let place = TemplatePlace(position: peek().position, line: peek().line)
    var names: [String] = []
    while peek().kind == .field { names.append(String(next().text.dropFirst())) }
    switch term.kind {
    case .field(let first): return TemplateOperand(kind: .field(first + names), place: term.place)
    case .variable(let first):
      return TemplateOperand(kind: .variable(first + names), place: term.place)
    case .bool, .string, .number, .nil, .dot:
      throw failure("unexpected . after term \(quoted(term.description))")
    case .function, .pipe, .chain:
      return TemplateOperand(kind: .chain(term, names), place: place)
    }
  }

  private mutating func term() throws(TemplateError) -> TemplateOperand? {
    let token = nextNonSpace()
    let place = TemplatePlace(position: token.position, line: token.line)
    func made(_ kind: TemplateOperand.Kind) -> TemplateOperand {
      TemplateOperand(kind: kind, place: place)
    }
    switch token.kind {
    case .identifier:
      guard functions.contains(token.text) else {
        throw failure("function \(quoted(token.text)) not defined")
      }
      return made(.function(token.text))
    case .dot: return made(.dot)
    case .keyword where token.text == "nil": return made(.nil)
    case .variable:
      guard variables.contains(token.text) else {
        throw failure("undefined variable \(quoted(token.text))")
      }
      return made(.variable([token.text]))
    case .field: return made(.field([String(token.text.dropFirst())]))
    case .bool: return made(.bool(token.text == "true"))
    case .number, .characterConstant:
      let isCharacter = token.kind == .characterConstant
      guard let number = TemplateNumber(token.text, isCharacter: isCharacter) else {
        throw failure("illegal number syntax: \(quoted(token.text))")
      }
      return made(.number(number))
    case .leftParenthesis:
      try enter()
      defer { leave() }
      return made(.pipe(try pipeline("parenthesized pipeline", end: .rightParenthesis)))
    case .string, .rawString:
      guard let text = GoQuoting.unquote(token.text) else { throw failure("invalid syntax") }
      return made(.string(text, written: token.text))
    default:
      backUp()
      return nil
    }
  }
}

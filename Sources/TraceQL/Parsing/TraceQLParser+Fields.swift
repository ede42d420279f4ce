import TelemetryModel

/// What stands between braces.
extension TraceQLParser {
  private static let fieldPrecedences: [String: Int] = [
    "&&": 1, "||": 1, "=": 2, "!=": 2, "<": 2, "<=": 2, ">": 2, ">=": 2, "=~": 2, "!~": 2, "+": 3,
    "-": 3, "*": 5, "/": 5, "%": 5, "^": 6,
  ]

  /// `!` binds closer than `+` and looser than `*`, and so does the sign.
  private static let unaryPrecedence = 5

  mutating func fieldExpression(_ least: Int) throws(TraceQLError) -> FieldExpression {
    try nested { parser throws(TraceQLError) in
      var left = try parser.fieldOperand()
      while case .symbol(let symbol) = parser.current,
        let precedence = Self.fieldPrecedences[symbol], precedence >= max(least, 1),
        let operation = FieldOperator(rawValue: symbol)
      {
        parser.advance()
        let right = try parser.fieldExpression(symbol == "^" ? precedence : precedence + 1)
        left = try parser.combined(operation, left, right)
      }
      return left
    }
  }

  /// Comparisons with `nil` ask whether a field is there.
  private func combined(
    _ operation: FieldOperator, _ left: FieldExpression, _ right: FieldExpression
  ) throws(TraceQLError) -> FieldExpression {
    let isLeftNil = left == .literal(.absent)
    let isRightNil = right == .literal(.absent)
    guard isLeftNil || isRightNil else { return .binary(operation, left, right) }
    guard operation == .equal || operation == .notEqual else {
      throw fault("syntax error: nil can only be compared by = and !=")
    }
    if isLeftNil && isRightNil { return .literal(.bool(false)) }
    let field = isLeftNil ? right : left
    return operation == .notEqual ? .exists(field) : .isAbsent(field)
  }

  private mutating func fieldOperand() throws(TraceQLError) -> FieldExpression {
    if take("(") {
      let inner = try fieldExpression(0)
      try expect(")")
      return inner
    }
    if take("-") {
      let inner = try fieldExpression(Self.unaryPrecedence)
      if case .literal(let value) = inner, let negative = TraceArithmetic.negated(value) {
        return .literal(negative)
      }
      return .negative(inner)
    }
    if take("!") { return .not(try fieldExpression(Self.unaryPrecedence)) }
    if take(word: "nil") { return .literal(.absent) }
    if let field = fieldIfAny() { return .field(field) }
    return .literal(try literal())
  }

  private static let words: [String: TraceValue] = [
    "true": .bool(true), "false": .bool(false), "ok": .status(SpanStatus.ok),
    "error": .status(SpanStatus.error), "unset": .status(SpanStatus.unset),
    "unspecified": .kind(.unspecified), "internal": .kind(.internal), "server": .kind(.server),
    "client": .kind(.client), "producer": .kind(.producer), "consumer": .kind(.consumer),
    "minInt": .int(.min), "maxInt": .int(.max),
  ]

  /// A value without operators.
  mutating func literal() throws(TraceQLError) -> TraceValue {
    let value: TraceValue
    switch current {
    case .string(let text): value = .string(text)
    case .int(let number): value = .int(number)
    case .float(let number): value = .float(number)
    case .duration(let span): value = .duration(span)
    case .word(let word):
      guard let known = Self.words[word] else { throw fault("unknown identifier: \(word)") }
      value = known
    default: throw unexpected()
    }
    advance()
    return value
  }
}

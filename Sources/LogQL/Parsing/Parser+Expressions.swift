import Bytes

/// Operators, parentheses and literals.
extension Parser {
  /// Operands and the operators that bind tighter than `minimum`; `first` is an operand that was
  /// read already.
  mutating func parseExpression(
    minimum: Int = 0, startingWith first: Expression? = nil
  ) throws(LogQLError) -> Expression {
    try nested { (parser) throws(LogQLError) in
      var left: Expression
      if let first { left = first } else { left = try parser.operand() }
      var chained = 0
      while let function = parser.binaryOperator(), function.precedence > minimum {
        chained += 1
        guard chained <= Parser.depthMax else {
          throw LogQLError("more than \(Parser.depthMax) operators in a row")
        }
        try parser.advance()
        let (returnsBool, matching) = try parser.binaryModifier()
        // `^` groups to the right.
        let binding = function == .power ? function.precedence - 1 : function.precedence
        let right = try parser.parseExpression(minimum: binding)
        left = parser.combine(function, left, right, returnsBool, matching)
      }
      return left
    }
  }

  private func binaryOperator() -> BinaryOperator? {
    current.kind == .symbol ? BinaryOperator(rawValue: current.text) : nil
  }

  private mutating func operand() throws(LogQLError) -> Expression {
    switch current.kind {
    case .number: return .literal(try literal())
    case .function: return try functionCall()
    case .symbol:
      switch current.text {
      case "+", "-": return .literal(try literal())
      case "{": return .log(try logSelection())
      case "(":
        try advance()
        let inner = try parseExpression(minimum: 0)
        guard try take(")") else { throw unexpected() }
        return inner
      default: throw unexpected()
      }
    default: throw unexpected()
    }
  }

  /// A number with an optional sign.
  mutating func literal() throws(LogQLError) -> Double {
    var isNegative = false
    if current.is("+") || current.is("-") { isNegative = try advance().text == "-" }
    let text = try expect(.number, "NUMBER").text
    let value = goFloat(text, orReport: Parser.noLiteral)
    return isNegative ? -value : value
  }

  static let noLiteral = "unable to parse literal as a float"

  /// As Go's `strconv.ParseFloat`, for what the scanner calls a number; 0 where it is none, which
  /// is reported as `fault` with Go's words.
  mutating func goFloat(_ text: String, orReport fault: String) -> Double {
    let isPlain = text.utf8.allSatisfy { byte in
      byte.isASCIIDigit || ".eE+-_".utf8.contains(byte)
    }
    let digits = text.filter { $0 != "_" }
    // Hexadecimal numbers are those with an exponent of two.
    let isHexadecimal =
      digits.lowercased().hasPrefix("0x") && (digits.contains("p") || digits.contains("P"))
    var reason = "invalid syntax"
    if isPlain || isHexadecimal, let value = Double(digits.hasSuffix(".") ? digits + "0" : digits) {
      if value.isFinite { return value }
      reason = "value out of range"
    }
    report(LogQLError("\(fault): strconv.ParseFloat: parsing \"\(text)\": \(reason)"))
    return 0
  }

  private mutating func binaryModifier() throws(LogQLError) -> (Bool, VectorMatching?) {
    let returnsBool = try take("bool")
    guard current.is("on") || current.is("ignoring") else { return (returnsBool, nil) }
    var matching = VectorMatching(isOn: try advance().text == "on")
    matching.labels = try labelList()
    if current.is("group_left") || current.is("group_right") {
      matching.cardinality = try advance().text == "group_left" ? .manyToOne : .oneToMany
      if current.is("(") { matching.included = try labelList() }
    }
    return (returnsBool, matching)
  }

  /// `(a, b)`, maybe empty.
  mutating func labelList() throws(LogQLError) -> [String] {
    try expect("(")
    if try take(")") { return [] }
    guard current.kind == .identifier else { throw unexpected("IDENTIFIER", ")") }
    var labels = [try identifier()]
    while try take(",") { labels.append(try identifier()) }
    guard try take(")") else { throw unexpected(",", ")") }
    return labels
  }

  private mutating func combine(
    _ function: BinaryOperator, _ left: Expression, _ right: Expression, _ returnsBool: Bool,
    _ matching: VectorMatching?
  ) -> Expression {
    let operation = BinaryOperation(
      function: function, left: left, right: right, returnsBool: returnsBool, matching: matching)
    for (side, leg) in [("left", left), ("right", right)] {
      if case .log(let selection) = leg {
        let type = selection.stages.isEmpty ? "*syntax.MatchersExpr" : "*syntax.PipelineExpr"
        report(
          LogQLError(
            "unexpected type for \(side) leg of binary operation (\(function.rawValue)): \(type)"))
      } else if function.isSet, case .literal(let value) = leg {
        report(
          LogQLError(
            "unexpected literal for \(side) leg of logical/set binary operation "
              + "(\(function.rawValue)): \(sixPlaces(value))"))
      }
    }
    if case .literal(let a) = left, case .literal(let b) = right, !function.isSet {
      return .literal(function.apply(a, b))
    }
    return .binary(operation)
  }

  /// As C's `%f`.
  private func sixPlaces(_ value: Double) -> String {
    guard value.magnitude < 9e12 else { return "\(value)" }
    let scaled = (value.magnitude * 1e6).rounded(.toNearestOrEven)
    let whole = Int64(scaled)
    let digits = String(whole % 1_000_000)
    return (value < 0 ? "-" : "") + "\(whole / 1_000_000)."
      + String(repeating: "0", count: 6 - digits.utf8.count) + digits
  }
}

extension BinaryOperator {
  /// The result for two numbers as Loki has it: what is divided by zero is no number, comparisons
  /// answer 1 or 0. Set operators have none: 0.
  package func apply(_ a: Double, _ b: Double) -> Double {
    switch self {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: b == 0 ? .nan : a / b
    case .modulo: a.truncatingRemainder(dividingBy: b)
    case .power: realPower(a, b)
    case .equal: a == b ? 1 : 0
    case .notEqual: a != b ? 1 : 0
    case .greater: a > b ? 1 : 0
    case .greaterOrEqual: a >= b ? 1 : 0
    case .less: a < b ? 1 : 0
    case .lessOrEqual: a <= b ? 1 : 0
    case .or, .and, .unless: 0
    }
  }
}

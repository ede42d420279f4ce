import Regex

/// Aggregations, `vector` and `label_replace`.
extension Parser {
  mutating func functionCall() throws(LogQLError) -> Expression {
    if let function = RangeFunction(rawValue: current.text) {
      return .rangeAggregation(try rangeAggregation(function))
    }
    if let function = VectorFunction(rawValue: current.text) {
      return .vectorAggregation(try vectorAggregation(function))
    }
    switch current.text {
    case "vector":
      try advance()
      try expect("(")
      let text = try expect(.number, "NUMBER").text
      try expect(")")
      return .vector(goFloat(text, orReport: "unable to parse vectorExpr as a float"))
    case "label_replace": return .labelReplace(try labelReplace())
    default: throw unexpected()
    }
  }

  private mutating func rangeAggregation(_ function: RangeFunction) throws(LogQLError)
    -> RangeAggregation
  {
    try advance()
    try expect("(")
    var parameterText: String?
    if current.kind == .number {
      parameterText = try advance().text
      try expect(",")
    }
    guard current.is("{") || current.is("(") else {
      throw parameterText == nil ? unexpected("NUMBER", "{", "(") : unexpected("{", "(")
    }
    let range = try nested { (parser) throws(LogQLError) in try parser.logRange() }
    guard try take(")") else { throw unexpected(")") }
    let grouping = try optionalGrouping()
    var parameter: Double?
    if function == .quantile {
      if let text = parameterText {
        parameter = goFloat(text, orReport: "invalid parameter for operation \(function.rawValue)")
      } else {
        report(LogQLError("parameter required for operation \(function.rawValue)"))
      }
    } else if let text = parameterText {
      report(
        LogQLError("parameter \(text) not supported for operation \(function.rawValue)"))
    }
    let aggregation = RangeAggregation(
      function: function, parameter: parameter, range: range, grouping: grouping)
    if let error = aggregation.fault { report(error) }
    return aggregation
  }

  private mutating func vectorAggregation(_ function: VectorFunction) throws(LogQLError)
    -> VectorAggregation
  {
    try advance()
    var grouping = try optionalGrouping()
    try expect("(")
    var parameterText: String?
    var operand: Expression?
    if current.kind == .number {
      let number = try advance()
      if try take(",") {
        parameterText = number.text
      } else {
        operand = try continuedExpression(after: number)
      }
    }
    let inner: Expression
    if let operand { inner = operand } else { inner = try parseExpression(minimum: 0) }
    guard !inner.isLog else {
      throw current.is(")") || current.kind == .range
        ? unexpected() : LogQLError("syntax error: unexpected \(current.shown)")
    }
    guard try take(")") else { throw unexpected() }
    if grouping == nil { grouping = try optionalGrouping() }
    let parameter = groupParameter(function, parameterText)
    return VectorAggregation(
      function: function, parameter: parameter, operand: inner, grouping: grouping)
  }

  /// An expression whose first token, a number, was taken already: `sum(1 + …)`.
  private mutating func continuedExpression(after number: Token) throws(LogQLError) -> Expression {
    let value = goFloat(number.text, orReport: Parser.noLiteral)
    return try parseExpression(startingWith: .literal(value))
  }

  private mutating func groupParameter(_ function: VectorFunction, _ text: String?) -> Int {
    switch function {
    case .topK, .bottomK, .approximateTopK:
      guard let text else {
        report(LogQLError("parameter required for operation \(function.rawValue)"))
        return 0
      }
      guard let count = Int(text) else {
        report(LogQLError("invalid parameter \(function.rawValue)(\(text),"))
        return 0
      }
      if count <= 0 {
        report(
          LogQLError(
            "invalid parameter (must be greater than 0) \(function.rawValue)(\(count)"))
      }
      return count
    default:
      if let text {
        report(LogQLError("unsupported parameter for operation \(function.rawValue)(\(text),"))
      }
      return 0
    }
  }

  private mutating func optionalGrouping() throws(LogQLError) -> Grouping? {
    guard current.is("by") || current.is("without") else { return nil }
    let isWithout = try advance().text == "without"
    return Grouping(labels: try labelList(), isWithout: isWithout)
  }

  private mutating func labelReplace() throws(LogQLError) -> LabelReplace {
    try advance()
    try expect("(")
    let operand = try parseExpression(minimum: 0)
    var arguments: [String] = []
    guard current.is(",") else { throw unexpected() }
    for _ in 0..<4 {
      try expect(",")
      arguments.append(try string())
    }
    try expect(")")
    let replace = LabelReplace(
      operand: operand, destination: arguments[0], replacement: arguments[1],
      source: arguments[2], pattern: arguments[3])
    do {
      _ = try Regex("^(?:" + replace.pattern + ")$")
    } catch {
      report(LogQLError("invalid regex in label_replace: \(error.message)"))
    }
    return replace
  }
}

extension RangeAggregation {
  /// What Loki refuses after the syntax is right.
  var fault: LogQLError? {
    let name = function.rawValue
    switch function {
    case .average, .standardDeviation, .variance, .quantile, .maximum, .minimum, .first, .last:
      break
    default:
      if grouping != nil { return LogQLError("grouping not allowed for \(name) aggregation") }
    }
    switch function {
    case .count, .bytes, .bytesRate:
      return range.unwrap == nil ? nil : LogQLError("invalid aggregation \(name) with unwrap")
    case .rate, .absent: return nil
    default:
      return range.unwrap != nil ? nil : LogQLError("invalid aggregation \(name) without unwrap")
    }
  }
}

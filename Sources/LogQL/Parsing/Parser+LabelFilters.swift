import TelemetryModel

/// Conditions over labels.
///
/// In Loki's grammar `,` and mere juxtaposition have no precedence, so that they always take
/// everything to their right; `and` and `or` are as usual.
extension Parser {
  var startsLabelFilter: Bool { current.kind == .identifier || current.is("(") }

  mutating func labelFilter() throws(LogQLError) -> LabelFilter {
    try labelFilter(minimum: 0)
  }

  private mutating func labelFilter(minimum: Int) throws(LogQLError) -> LabelFilter {
    try nested { (parser) throws(LogQLError) in
      var left = try parser.labelCondition()
      var chained = 0
      while true {
        chained += 1
        guard chained <= Parser.depthMax else {
          throw LogQLError("more than \(Parser.depthMax) label filters in a row")
        }
        if parser.current.is(",") {
          try parser.advance()
          return .and(left, try parser.labelFilter(minimum: 0))
        } else if parser.startsLabelFilter {
          return .and(left, try parser.labelFilter(minimum: 0))
        } else if parser.current.is("and"), minimum < 2 {
          try parser.advance()
          left = .and(left, try parser.labelFilter(minimum: 2))
        } else if parser.current.is("or"), minimum < 1 {
          try parser.advance()
          left = .or(left, try parser.labelFilter(minimum: 1))
        } else {
          return left
        }
      }
    }
  }

  private mutating func labelCondition() throws(LogQLError) -> LabelFilter {
    if try take("(") {
      let inner = try labelFilter(minimum: 0)
      guard try take(")") else { throw unexpected() }
      return inner
    }
    guard current.kind == .identifier else { throw unexpected("IDENTIFIER", "(") }
    let label = try identifier()
    let matching = matchOperation()
    guard let comparison = numericComparison() else {
      guard let matching else { throw unexpected() }
      try advance()
      return .string(try checked(LabelMatcher(label, matching, try string())))
    }
    try advance()
    switch current.kind {
    case .string:
      guard let matching else { break }
      return .string(LabelMatcher(label, matching, try string()))
    case .duration: return .duration(label: label, comparison, try advance().span)
    case .bytes: return .bytes(label: label, comparison, try advance().size)
    case .number: return .number(label: label, comparison, try literal())
    case .symbol where current.text == "+" || current.text == "-":
      return .number(label: label, comparison, try literal())
    case .function where current.text == "ip":
      guard let matching else { break }
      return .address(label: label, isEqual: matching == .equal, try addressCall())
    default: break
    }
    throw unexpected()
  }

  private func numericComparison() -> NumericComparison? {
    guard current.kind == .symbol else { return nil }
    return current.text == "=" ? .equal : NumericComparison(rawValue: current.text)
  }
}

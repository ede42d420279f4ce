import Regex
import TelemetryModel

/// Stream selectors, ranges and the order of what stands around them.
extension Parser {
  /// `{…}` and its stages, without `unwrap`.
  mutating func logSelection() throws(LogQLError) -> LogSelection {
    var selection = LogSelection(matchers: try selector())
    var none: Unwrap?
    selection.stages = try pipeline(unwrap: &none, allowsUnwrap: false)
    return selection
  }

  mutating func selector() throws(LogQLError) -> [LabelMatcher] {
    guard try take("{") else { throw unexpected() }
    if try take("}") { return [] }
    guard current.kind == .identifier else { throw unexpected("IDENTIFIER", "}") }
    var matchers = [try matcher()]
    while try take(",") { matchers.append(try matcher()) }
    guard try take("}") else { throw unexpected("}", ",") }
    return matchers
  }

  mutating func matcher() throws(LogQLError) -> LabelMatcher {
    let name = try identifier()
    guard let operation = matchOperation() else { throw unexpected("=", "=~", "!~", "!=") }
    try advance()
    return try checked(LabelMatcher(name, operation, try string()))
  }

  func matchOperation() -> MatchOperation? {
    current.kind == .symbol ? MatchOperation(rawValue: current.text) : nil
  }

  /// Refuses a regular expression that doesn't compile.
  func checked(_ matcher: LabelMatcher) throws(LogQLError) -> LabelMatcher {
    guard matcher.operation == .regex || matcher.operation == .notRegex else { return matcher }
    do {
      _ = try Regex(matcher.value)
    } catch {
      throw LogQLError(error.message)
    }
    return matcher
  }

  /// What stands between the parentheses of a range aggregation.
  mutating func logRange() throws(LogQLError) -> LogRange {
    guard current.is("(") else { return try plainLogRange() }
    try advance()
    if current.is("(") {
      let inner = try nested { (parser) throws(LogQLError) in try parser.logRange() }
      try expect(")")
      return inner
    }
    guard current.is("{") else { throw unexpected("{", "(") }
    var range = LogRange(selection: LogSelection(matchers: try selector()), span: .zero)
    range.selection.stages = try pipeline(unwrap: &range.unwrap, allowsUnwrap: true)
    if current.kind == .range {
      range = try afterSelection(range)
      try expect(")")
      return range
    }
    try expect(")")
    return try afterSelection(range)
  }

  private mutating func plainLogRange() throws(LogQLError) -> LogRange {
    var range = LogRange(selection: LogSelection(matchers: try selector()), span: .zero)
    range.selection.stages = try pipeline(unwrap: &range.unwrap, allowsUnwrap: true)
    return try afterSelection(range)
  }

  /// `[5m]`, the offset, and the stages that may follow when none came before.
  private mutating func afterSelection(_ range: LogRange) throws(LogQLError) -> LogRange {
    guard current.kind == .range else {
      let mayGoOn = range.unwrap?.filters.isEmpty == true
      throw mayGoOn ? unexpected("RANGE", "|") : unexpected()
    }
    var range = range
    range.span = try advance().span
    if try take("offset") { range.offset = try expect(.duration, "DURATION").span }
    if range.selection.stages.isEmpty, range.unwrap == nil {
      range.selection.stages = try pipeline(unwrap: &range.unwrap, allowsUnwrap: true)
    }
    return range
  }
}

import TelemetryModel

/// What stands between operators outside braces.
extension TraceQLParser {
  mutating func primary() throws(TraceQLError) -> Node {
    switch current {
    case .symbol("{"): return .spansets(.filter(try braces()))
    case .symbol("("):
      advance()
      let node = try nested { parser throws(TraceQLError) in try parser.pipeline() }
      try expect(")")
      return try bracketed(node)
    case .symbol("-"):
      advance()
      guard case .scalar(.literal(let value)) = try primary(),
        let negative = TraceArithmetic.negated(value)
      else { throw unexpected("expecting a number after -") }
      return .scalar(.literal(negative))
    case .int(let value):
      advance()
      return .scalar(.literal(.int(value)))
    case .float(let value):
      advance()
      return .scalar(.literal(.float(value)))
    case .duration(let value):
      advance()
      return .scalar(.literal(.duration(value)))
    case .word(let word): return try function(word)
    default: throw unexpected()
    }
  }

  private func bracketed(_ node: Node) throws(TraceQLError) -> Node {
    switch node {
    case .stage(let stage): return .spansets(.pipeline(SpansetPipeline(stages: [stage])))
    case .metricsStage, .secondStages:
      throw fault("syntax error: a metrics function needs a pipeline before it")
    default: return node
    }
  }

  /// `{ … }`.
  mutating func braces() throws(TraceQLError) -> FieldExpression {
    try expect("{")
    if take("}") { return .literal(.bool(true)) }
    let expression = try fieldExpression(0)
    try expect("}")
    return expression
  }

  private mutating func function(_ word: String) throws(TraceQLError) -> Node {
    if let function = SpansetAggregate.Function(rawValue: word) {
      advance()
      try expect("(")
      var argument: FieldExpression?
      if function != .count { argument = try fieldExpression(0) }
      try expect(")")
      return .scalar(.aggregate(SpansetAggregate(function: function, argument: argument)))
    }
    switch word {
    case "by":
      advance()
      try expect("(")
      let expression = try fieldExpression(0)
      try expect(")")
      return .stage(.by(expression))
    case "coalesce":
      advance()
      try expect("(")
      try expect(")")
      return .stage(.coalesce)
    case "select":
      advance()
      return .stage(.select(try fieldList()))
    case "topk", "bottomk":
      advance()
      try expect("(")
      let count = Int(try integer())
      try expect(")")
      return .secondStages([word == "topk" ? .topk(count) : .bottomk(count)])
    default: return .metricsStage(try metricsFunction(word), [])
    }
  }

  private mutating func integer() throws(TraceQLError) -> Int64 {
    guard case .int(let value) = current else { throw unexpected("expecting a whole number") }
    advance()
    return value
  }

  /// `(field, field, …)`.
  private mutating func fieldList() throws(TraceQLError) -> [TraceField] {
    try expect("(")
    var fields = [try field()]
    while take(",") { fields.append(try field()) }
    try expect(")")
    return fields
  }

  private mutating func field() throws(TraceQLError) -> TraceField {
    guard let field = fieldIfAny() else { throw unexpected("expecting an attribute") }
    return field
  }

  /// The field that the current token names, if it does.
  mutating func fieldIfAny() -> TraceField? {
    switch current {
    case .field(let field):
      advance()
      return field
    case .word(let word):
      guard let intrinsic = TraceIntrinsic(name: word) else { return nil }
      advance()
      return .intrinsic(intrinsic)
    default: return nil
    }
  }

  private mutating func metricsFunction(_ name: String) throws(TraceQLError) -> MetricsFunction {
    guard Self.metricsFunctions.contains(name) else {
      throw fault("unknown identifier: \(name)")
    }
    advance()
    try expect("(")
    let operation = try metricsOperation(name)
    try expect(")")
    var by: [TraceField] = []
    if !name.hasPrefix("compare"), take(word: "by") { by = try fieldList() }
    return MetricsFunction(operation: operation, by: by)
  }

  private static let metricsFunctions: Set<String> = [
    "rate", "count_over_time", "min_over_time", "max_over_time", "sum_over_time", "avg_over_time",
    "quantile_over_time", "histogram_over_time", "compare",
  ]

  private mutating func metricsOperation(
    _ name: String
  ) throws(TraceQLError) -> MetricsFunction.Operation {
    switch name {
    case "rate": return .rate
    case "count_over_time": return .countOverTime
    case "min_over_time": return .minOverTime(try field())
    case "max_over_time": return .maxOverTime(try field())
    case "sum_over_time": return .sumOverTime(try field())
    case "avg_over_time": return .avgOverTime(try field())
    case "histogram_over_time": return .histogramOverTime(try field())
    case "quantile_over_time":
      let field = try field()
      try expect(",")
      var quantiles = [try quantile()]
      while take(",") { quantiles.append(try quantile()) }
      return .quantileOverTime(field, quantiles)
    default:
      let selection = try braces()
      guard take(",") else {
        return .compare(selection, topN: 10, startNanoseconds: 0, endNanoseconds: 0)
      }
      let count = Int(try integer())
      guard take(",") else {
        return .compare(selection, topN: count, startNanoseconds: 0, endNanoseconds: 0)
      }
      let start = Int(try integer())
      try expect(",")
      return .compare(
        selection, topN: count, startNanoseconds: start, endNanoseconds: Int(try integer()))
    }
  }

  private mutating func quantile() throws(TraceQLError) -> Double {
    switch current {
    case .float(let value):
      advance()
      return value
    case .int(let value):
      advance()
      return Double(value)
    default: throw unexpected("expecting a number")
    }
  }

  /// `(name=value, …)` after `with`.
  mutating func hints() throws(TraceQLError) -> [TraceHint] {
    var hints: [TraceHint] = []
    try expect("(")
    repeat {
      guard case .word(let name) = current else { throw unexpected("expecting a name") }
      advance()
      try expect("=")
      hints.append(TraceHint(name: name, value: try literal()))
    } while take(",")
    try expect(")")
    return hints
  }
}

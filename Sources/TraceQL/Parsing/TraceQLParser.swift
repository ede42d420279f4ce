import TelemetryModel

/// Reads a query by the grammar of Grafana Tempo's TraceQL (`pkg/traceql/expr.y`).
///
/// Spansets, scalars and metrics share their operators; what stands beside an operator decides
/// what it means, and what does not fit together is refused where it stands.
struct TraceQLParser {
  /// What a part of the text turned out to be.
  indirect enum Node {
    case spansets(SpansetExpression)
    case scalar(ScalarExpression)
    case stage(SpansetStage)
    case metricsStage(MetricsFunction, [SecondStage])
    case secondStages([SecondStage])
    case metrics(MetricsExpression)
  }

  enum SecondStage {
    case topk(Int)
    case bottomk(Int)
    case filter(FieldOperator, TraceValue)

    func applied(to metrics: MetricsExpression) -> MetricsExpression {
      switch self {
      case .topk(let count): .topk(metrics, count)
      case .bottomk(let count): .bottomk(metrics, count)
      case .filter(let operation, let value): .filter(metrics, operation, value)
      }
    }
  }

  var tokens: [TraceQLPlacedToken]
  var position = 0
  private var depth = 0

  /// Brackets deeper than anybody writes are refused.
  private static let depthMax = 200

  static func parse(_ text: String) throws(TraceQLError) -> TraceQuery {
    var lexer = try TraceQLLexer(text)
    var parser = TraceQLParser(tokens: try lexer.tokens())
    let node = try parser.pipeline()
    var hints: [TraceHint] = []
    while parser.take(word: "with") { hints += try parser.hints() }
    guard parser.current == .end else { throw parser.unexpected() }
    return TraceQuery(body: try parser.body(node), hints: hints)
  }

  init(tokens: [TraceQLPlacedToken]) { self.tokens = tokens }

  // MARK: - Tokens

  var current: TraceQLToken { tokens[position].token }

  mutating func advance() { position = min(position + 1, tokens.count - 1) }

  mutating func take(_ symbol: String) -> Bool {
    guard current == .symbol(symbol) else { return false }
    advance()
    return true
  }

  mutating func take(word: String) -> Bool {
    guard current == .word(word) else { return false }
    advance()
    return true
  }

  mutating func expect(_ symbol: String) throws(TraceQLError) {
    guard take(symbol) else { throw unexpected("expecting \(symbol)") }
  }

  func unexpected(_ expectation: String = "") -> TraceQLError {
    let suffix = expectation.isEmpty ? "" : ", " + expectation
    return fault("syntax error: unexpected \(current.description)\(suffix)")
  }

  func fault(_ message: String) -> TraceQLError {
    let place = tokens[position]
    return TraceQLError(
      .syntax, "parse error at line \(place.line), col \(place.column): \(message)")
  }

  mutating func nested<Answer>(
    _ body: (inout TraceQLParser) throws(TraceQLError) -> Answer
  ) throws(TraceQLError) -> Answer {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthMax else { throw fault("the query is nested too deep") }
    return try body(&self)
  }

  // MARK: - Pipelines

  private func body(_ node: Node) throws(TraceQLError) -> TraceQuery.Body {
    switch node {
    case .metrics(let metrics): return .metrics(metrics)
    case .spansets(.pipeline(let pipeline)): return .spansets(pipeline)
    case .spansets(let spansets): return .spansets(SpansetPipeline(stages: [.spansets(spansets)]))
    case .stage(let stage): return .spansets(SpansetPipeline(stages: [stage]))
    case .scalar: throw fault("syntax error: a number alone is no query, compare it")
    case .metricsStage, .secondStages:
      throw fault("syntax error: a metrics function needs a pipeline before it")
    }
  }

  /// Stages between bars, up to a closing bracket, `with` or the end.
  mutating func pipeline() throws(TraceQLError) -> Node {
    let first = try expression(0)
    guard current == .symbol("|") else { return first }
    if case .metrics(var metrics) = first {
      while take("|") {
        guard case .secondStages(let stages) = try expression(0) else {
          throw fault("syntax error: after metrics only topk and bottomk can follow")
        }
        for stage in stages { metrics = stage.applied(to: metrics) }
      }
      return .metrics(metrics)
    }
    var pipeline = SpansetPipeline(stages: [try stage(first, isFirst: true)])
    while take("|") {
      switch try expression(0) {
      case .metricsStage(let function, let stages):
        var metrics = MetricsExpression.aggregate(pipeline, function)
        for stage in stages { metrics = stage.applied(to: metrics) }
        while take("|") {
          guard case .secondStages(let stages) = try expression(0) else {
            throw fault("syntax error: after metrics only topk and bottomk can follow")
          }
          for stage in stages { metrics = stage.applied(to: metrics) }
        }
        return .metrics(metrics)
      case .scalar(let scalar) where current == .symbol(")"):
        guard !scalar.isConstant else { throw fault("syntax error: a number is no stage") }
        return .scalar(.pipeline(pipeline, scalar))
      case let node: pipeline.stages.append(try stage(node, isFirst: false))
      }
    }
    return .spansets(.pipeline(pipeline))
  }

  private func stage(_ node: Node, isFirst: Bool) throws(TraceQLError) -> SpansetStage {
    switch node {
    case .spansets(let spansets): return .spansets(spansets)
    case .stage(.coalesce) where isFirst:
      throw fault("syntax error: a pipeline cannot begin with coalesce()")
    case .stage(let stage): return stage
    case .scalar: throw fault("syntax error: a scalar must be compared with another")
    case .metricsStage, .secondStages, .metrics:
      throw fault("syntax error: metrics cannot stand here")
    }
  }

  // MARK: - Operators

  private static let precedences: [String: Int] = [
    "&&": 1, "||": 1, "=": 2, "!=": 2, "<": 2, "<=": 2, ">": 2, ">=": 2, "!~": 2, ">>": 2, "<<": 2,
    "~": 2, "!>": 2, "!<": 2, "!>>": 2, "!<<": 2, "&>": 2, "&<": 2, "&>>": 2, "&<<": 2, "&~": 2,
    "+": 3, "-": 3, "*": 4, "/": 4, "%": 4, "^": 5,
  ]

  private mutating func expression(_ least: Int) throws(TraceQLError) -> Node {
    try nested { parser throws(TraceQLError) in
      var left = try parser.primary()
      while case .symbol(let symbol) = parser.current,
        let precedence = Self.precedences[symbol], precedence >= max(least, 1)
      {
        parser.advance()
        let right = try parser.expression(symbol == "^" ? precedence : precedence + 1)
        left = try parser.combine(symbol, left, right)
      }
      return left
    }
  }

  private func combine(_ symbol: String, _ left: Node, _ right: Node) throws(TraceQLError) -> Node {
    let operation = FieldOperator(rawValue: symbol)
    switch (left, right) {
    case (.spansets(let left), .spansets(let right)):
      guard let operation = SpansetOperator.byText[symbol] else { break }
      return .spansets(.operation(operation, left, right))
    case (.scalar(let left), .scalar(let right)):
      guard let operation else { break }
      if operation.isArithmetic { return .scalar(try folded(operation, left, right)) }
      guard operation.isComparison, !(left.isConstant && right.isConstant) else { break }
      return .stage(.scalarFilter(left, operation, right))
    case (.metrics(let left), .metrics(let right)):
      guard let operation, Self.isOfMetrics(operation) else { break }
      return .metrics(.operation(operation, left, right))
    case (.metrics(let metrics), .scalar(.literal(let value))):
      guard let operation else { break }
      if operation.isComparison { return .metrics(.filter(metrics, operation, value)) }
      return .metrics(
        .scalar(operation, metrics, try plainNumber(operation, value), isLeft: false))
    case (.scalar(.literal(let value)), .metrics(let metrics)):
      guard let operation else { break }
      return .metrics(.scalar(operation, metrics, try plainNumber(operation, value), isLeft: true))
    case (.metricsStage(let function, let stages), .scalar(.literal(let value))):
      guard let operation, operation.isComparison else { break }
      return .metricsStage(function, stages + [.filter(operation, value)])
    case (.secondStages(let stages), .scalar(.literal(let value))):
      guard let operation, operation.isComparison else { break }
      return .secondStages(stages + [.filter(operation, value)])
    default: break
    }
    throw fault("syntax error: operator \(symbol) cannot stand between these")
  }

  private static func isOfMetrics(_ operation: FieldOperator) -> Bool {
    [.add, .subtract, .multiply, .divide].contains(operation)
  }

  /// A number without a unit, as arithmetic with series takes it.
  private func plainNumber(
    _ operation: FieldOperator, _ value: TraceValue
  ) throws(TraceQLError) -> Double {
    guard Self.isOfMetrics(operation) else {
      throw fault("syntax error: operator \(operation.rawValue) is not for metrics")
    }
    switch value {
    case .int(let number): return Double(number)
    case .float(let number): return number
    default: throw fault("metrics cannot be combined with \(value.text)")
    }
  }

  /// Literals are computed at once, as Tempo does: whole numbers divide to whole numbers.
  private func folded(
    _ operation: FieldOperator, _ left: ScalarExpression, _ right: ScalarExpression
  ) throws(TraceQLError) -> ScalarExpression {
    guard case .literal(let a) = left, case .literal(let b) = right else {
      return .arithmetic(operation, left, right)
    }
    if a.type == .duration || b.type == .duration {
      throw fault("arithmetic of durations is not possible here")
    }
    guard let value = TraceArithmetic.apply(operation, a, b) else {
      throw fault("\(a.text) \(operation.rawValue) \(b.text) has no value")
    }
    return .literal(value)
  }
}

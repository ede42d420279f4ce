import Regex
import TelemetryModel

/// Whether the types of a query fit: what its text alone can tell.
enum TraceQLCheck {
  static func check(_ query: TraceQuery) throws(TraceQLError) {
    switch query.body {
    case .spansets(let pipeline): try check(pipeline)
    case .metrics(let metrics): try check(metrics)
    }
  }

  private static func check(_ pipeline: SpansetPipeline) throws(TraceQLError) {
    for stage in pipeline.stages {
      switch stage {
      case .spansets(let spansets): try check(spansets)
      case .scalarFilter(let left, let operation, let right):
        try check(left)
        try check(right)
        try checkSides(operation, left.type, right.type, "a scalar filter")
      case .by(let expression):
        guard expression.readsSpan else {
          throw .types("grouping field expressions must reference the span: \(expression.text)")
        }
        try check(expression)
      case .coalesce: break
      case .select(let fields): for field in fields { try check(field) }
      }
    }
  }

  private static func check(_ spansets: SpansetExpression) throws(TraceQLError) {
    switch spansets {
    case .filter(let expression):
      try check(expression)
      guard expression.type == .unknown || expression.type == .bool else {
        throw .types(
          "span filter field expressions must resolve to a boolean: { \(expression.text) }")
      }
    case .operation(_, let left, let right):
      try check(left)
      try check(right)
    case .pipeline(let pipeline): try check(pipeline)
    }
  }

  private static func check(_ scalar: ScalarExpression) throws(TraceQLError) {
    switch scalar {
    case .literal: break
    case .aggregate(let aggregate):
      guard let argument = aggregate.argument else { return }
      try check(argument)
      guard argument.type == .unknown || argument.type.isNumeric else {
        throw .types(
          "aggregate field expressions must resolve to a number type: \(aggregate.text)")
      }
      guard argument.readsSpan else {
        throw .types("aggregate field expressions must reference the span: \(aggregate.text)")
      }
    case .arithmetic(let operation, let left, let right):
      try check(left)
      try check(right)
      try checkSides(operation, left.type, right.type, "a scalar")
    case .pipeline(let pipeline, let scalar):
      try check(pipeline)
      try check(scalar)
    }
  }

  private static func check(_ expression: FieldExpression) throws(TraceQLError) {
    switch expression {
    case .literal: break
    case .field(let field): try check(field)
    case .binary(let operation, let left, let right):
      try check(left)
      try check(right)
      try checkSides(operation, left.type, right.type, expression.text)
      if operation == .matches || operation == .matchesNot { try checkPattern(right) }
    case .not(let inner):
      try check(inner)
      try checkOperand(inner, expression) { $0 == .bool }
    case .negative(let inner):
      try check(inner)
      try checkOperand(inner, expression, \.isNumeric)
    case .exists(let inner): try check(inner)
    case .isAbsent(let inner):
      try check(inner)
      switch inner {
      case .field(.intrinsic):
        throw .types("\(inner.text)=nil is not valid because intrinsics cannot be nil")
      case .field(.attribute(.resource, "service.name")):
        throw .types("\(inner.text)=nil is not valid because it cannot be nil")
      default: break
      }
    }
  }

  private static func check(_ field: TraceField) throws(TraceQLError) {
    if field == .intrinsic(.parent) { throw .types("intrinsic (parent) not yet supported") }
  }

  private static func checkOperand(
    _ inner: FieldExpression, _ whole: FieldExpression, _ fits: (TraceValue.ValueType) -> Bool
  ) throws(TraceQLError) {
    guard inner.type == .unknown || fits(inner.type) else {
      throw .types("illegal operation for the given type: \(whole.text)")
    }
  }

  private static func checkSides(
    _ operation: FieldOperator, _ left: TraceValue.ValueType, _ right: TraceValue.ValueType,
    _ text: String
  ) throws(TraceQLError) {
    guard left.fits(right) else {
      throw .types("binary operations must operate on the same type: \(text)")
    }
    guard operation.takes(left), operation.takes(right) else {
      throw .types("illegal operation for the given types: \(text)")
    }
  }

  private static func checkPattern(_ expression: FieldExpression) throws(TraceQLError) {
    guard case .literal(.string(let pattern)) = expression else {
      throw .types("invalid type for =~ or !~: \(expression.text)")
    }
    do throws(RegexError) { _ = try Regex(pattern) } catch {
      throw .types("invalid regex: \(expression.text): \(error.message)")
    }
  }
}

/// Metrics.
extension TraceQLCheck {
  private static func check(_ metrics: MetricsExpression) throws(TraceQLError) {
    switch metrics {
    case .aggregate(let pipeline, let function):
      try check(pipeline)
      for field in function.by { try check(field) }
      try check(function.operation)
    case .operation(_, let left, let right):
      try checkIsSeries(left)
      try checkIsSeries(right)
      try check(left)
      try check(right)
    case .scalar(_, let inner, _, _), .filter(let inner, _, _):
      try checkIsSeries(inner)
      try check(inner)
    case .topk(let inner, let count), .bottomk(let inner, let count):
      guard count > 0 else { throw .types("topk and bottomk need a number above 0") }
      try checkIsSeries(inner)
      try check(inner)
    }
  }

  private static func check(_ operation: MetricsFunction.Operation) throws(TraceQLError) {
    switch operation {
    case .rate, .countOverTime: break
    case .minOverTime(let field), .maxOverTime(let field), .sumOverTime(let field),
      .avgOverTime(let field), .histogramOverTime(let field):
      try check(field)
    case .quantileOverTime(let field, let quantiles):
      try check(field)
      for quantile in quantiles where !(0...1).contains(quantile) {
        throw .types("quantile must be between 0 and 1: \(quantile)")
      }
    case .compare(let selection, let topN, let start, let end):
      try check(SpansetExpression.filter(selection))
      guard topN > 0 else { throw .types("compare() top number of values must be above 0") }
      guard start == 0 && end == 0 || start > 0 && end > start else {
        throw .types("compare() needs a start before its end, both in nanoseconds")
      }
    }
  }

  private static func checkIsSeries(_ metrics: MetricsExpression) throws(TraceQLError) {
    guard case .aggregate(_, let function) = metrics, case .compare = function.operation else {
      return
    }
    throw .types("`compare()` cannot be used with second stage functions")
  }
}

extension ScalarExpression {
  /// What the scalar gives, as far as the text tells.
  var type: TraceValue.ValueType {
    switch self {
    case .literal(let value): value.type
    case .aggregate(let aggregate):
      aggregate.function == .count ? .int : aggregate.argument?.type ?? .unknown
    case .arithmetic(_, let left, let right):
      left.type == .unknown || right.type == .unknown
        ? .unknown : left.type == .duration ? .duration : right.type
    case .pipeline(_, let scalar): scalar.type
    }
  }
}

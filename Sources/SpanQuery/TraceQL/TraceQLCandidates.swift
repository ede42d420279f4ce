import SpanStore
import TelemetryModel
import TraceQL

/// What a query asks of single spans, so that only traces are read whole that may answer it.
///
/// Every trace of the answer has a span that meets ``condition``; the reverse need not hold.
struct TraceQLCandidates: Sendable {
  /// Nil when any span may be in a trace of the answer.
  let condition: FieldExpression?
  /// Whether the spans that meet the condition are the answer, without looking at their trace.
  let isExact: Bool

  init(_ pipeline: SpansetPipeline) {
    var condition: FieldExpression?
    var isExact = true
    for stage in pipeline.stages {
      guard case .spansets(let spansets) = stage else {
        if case .select = stage { continue }
        // What a later stage asks of a group still holds for spans of the first stage.
        isExact = false
        break
      }
      if case .filter(let filter) = spansets {
        isExact = isExact && !filter.fields.contains(where: \.needsTrace)
      } else {
        isExact = false
      }
      condition = Self.both(condition, Self.weakened(spansets))
      if !isExact { break }
    }
    self.condition = condition
    self.isExact = isExact
  }

  private static func both(_ a: FieldExpression?, _ b: FieldExpression?) -> FieldExpression? {
    guard let a, let b else { return a ?? b }
    return .binary(.and, a, b)
  }

  /// A condition on one span that each trace has to meet by one.
  private static func weakened(_ spansets: SpansetExpression) -> FieldExpression? {
    switch spansets {
    case .filter(let expression): return weakened(expression)
    case .operation(let operation, let left, let right):
      switch operation.relation {
      case .or:
        guard let a = weakened(left), let b = weakened(right) else { return nil }
        return .binary(.or, a, b)
      default:
        // Spans of the right side are always there, those of the left for want of a negation.
        if operation.form == .negated { return weakened(right) }
        let (a, b) = (weakened(left), weakened(right))
        return (a.map(selectivity) ?? 0) >= (b.map(selectivity) ?? 0) ? a ?? b : b
      }
    case .pipeline(let pipeline): return TraceQLCandidates(pipeline).condition
    }
  }

  /// The expression without what only a whole trace tells; nil when nothing is left.
  private static func weakened(_ expression: FieldExpression) -> FieldExpression? {
    guard expression.fields.contains(where: \.needsTrace) else {
      return expression == .literal(.bool(true)) ? nil : expression
    }
    guard case .binary(let operation, let left, let right) = expression else { return nil }
    let (a, b) = (weakened(left), weakened(right))
    switch operation {
    case .and: return both(a, b)
    case .or:
      guard let a, let b else { return nil }
      return .binary(.or, a, b)
    default: return nil
    }
  }

  /// How few spans a condition may let through, roughly: equalities count most.
  private static func selectivity(_ expression: FieldExpression) -> Int {
    conjuncts(of: expression).reduce(0) { sum, part in
      guard case .binary(let operation, _, _) = part else { return sum + 1 }
      return sum + (operation == .equal ? 4 : operation.isComparison ? 2 : 1)
    }
  }

  static func conjuncts(of expression: FieldExpression) -> [FieldExpression] {
    guard case .binary(.and, let left, let right) = expression else { return [expression] }
    return conjuncts(of: left) + conjuncts(of: right)
  }

  /// The search for these spans: what the store's columns can decide, the rest on decoded spans.
  func search(
    tenant: TenantID, range: Range<Timestamp>?, limit: Int, _ fields: FieldEvaluator
  ) -> SpanSearch {
    var search = SpanSearch(tenant: tenant, limit: limit)
    search.start = range
    guard let condition else { return search }
    var isLeft = false
    for part in Self.conjuncts(of: condition) {
      if Self.narrow(&search, by: part) || Self.narrowByColumns(&search, by: part, fields) {
        continue
      }
      isLeft = true
    }
    guard isLeft else { return search }
    search.matches = { span, resource, scope in
      let view = SpanFields(span, scope, resource)
      return fields.holds(condition) { view.value($0) ?? .absent }
    }
    return search
  }

  /// Whether `part` is said wholly by a field of the search, which then has it.
  private static func narrow(_ search: inout SpanSearch, by part: FieldExpression) -> Bool {
    guard case .binary(let operation, .field(let field), .literal(let value)) = part else {
      return false
    }
    switch (field, operation, value) {
    case (.attribute(.resource, "service.name"), .equal, .string(let name))
    where search.service == nil && !name.isEmpty:
      search.service = name
    case (.intrinsic(.name), .equal, .string(let name)) where search.operation == nil:
      search.operation = name
    case (.intrinsic(.duration), .greaterOrEqual, .duration(let span))
    where search.minDuration == nil:
      search.minDuration = span
    case (.intrinsic(.duration), .greater, .duration(let span)) where search.minDuration == nil:
      search.minDuration = TimeSpan(nanoseconds: span.nanoseconds &+ 1)
    case (.intrinsic(.duration), .lessOrEqual, .duration(let span))
    where search.maxDuration == nil:
      search.maxDuration = span
    case (.intrinsic(.duration), .less, .duration(let span)) where search.maxDuration == nil:
      search.maxDuration = TimeSpan(nanoseconds: span.nanoseconds &- 1)
    default: return false
    }
    return true
  }

  /// Whether `part` is said wholly by a condition that the store decides on columns.
  private static func narrowByColumns(
    _ search: inout SpanSearch, by part: FieldExpression, _ fields: FieldEvaluator
  ) -> Bool {
    guard case .binary(let operation, .field(let field), .literal(let value)) = part,
      operation.isComparison || operation == .matches || operation == .matchesNot
    else { return false }
    switch field {
    case .intrinsic(.status):
      search.conditions.append(
        SpanCondition(
          .statusCode,
          .holds { number in
            guard case .int(let code) = number else { return false }
            return fields.compare(operation, .status(Int32(truncatingIfNeeded: code)), value)
          }))
      return true
    case .intrinsic(.kind):
      search.conditions.append(
        SpanCondition(
          .kind,
          .holds { number in
            guard case .int(let kind) = number else { return false }
            let known = SpanKind(rawValue: Int32(truncatingIfNeeded: kind))
            return fields.compare(operation, .kind(known), value)
          }))
      return true
    case .attribute(let scope, let key):
      let places: SpanCondition.Places
      switch scope {
      case .span: places = .span
      case .resource: places = .resource
      case .instrumentation: places = .scope
      case .any, .event, .link: places = .anywhere
      }
      search.conditions.append(
        SpanCondition(
          .attribute(key, places), .holds { fields.compare(operation, TraceValue($0), value) }))
      // Of several places the first counts, which only the whole span tells.
      return places != .anywhere
    default: return false
    }
  }
}

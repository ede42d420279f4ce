import Bytes
import Regex
import TelemetryModel
import TraceQL

/// Evaluates expressions over fields; patterns are compiled once.
///
/// A side that is not there makes a comparison false, as does one whose type does not fit:
/// attributes of one name may hold a text here and a number there.
struct FieldEvaluator: Sendable {
  private var patterns: [ByteText: Regex] = [:]

  /// - Throws: ``TraceQLError`` on a pattern that is no regular expression.
  init(_ query: TraceQuery) throws(TraceQLError) {
    for pattern in TraceQLPatterns.of(query) where patterns[pattern] == nil {
      do throws(RegexError) {
        // Whole values are matched, line breaks included.
        patterns[pattern] = try Regex("(?s:" + pattern + ")")
      } catch {
        throw TraceQLError(.types, "invalid regex: \(pattern): \(error.message)")
      }
    }
  }

  /// Whether a span meets a filter.
  func holds(
    _ expression: FieldExpression, _ read: (TraceField) -> TraceValue
  ) -> Bool {
    evaluate(expression, read) == .bool(true)
  }

  func evaluate(
    _ expression: FieldExpression, _ read: (TraceField) -> TraceValue
  ) -> TraceValue {
    switch expression {
    case .literal(let value): return value
    case .field(let field): return read(field)
    case .not(let inner):
      guard case .bool(let flag) = evaluate(inner, read) else { return .absent }
      return .bool(!flag)
    case .negative(let inner): return TraceArithmetic.negated(evaluate(inner, read)) ?? .absent
    case .exists(let inner): return .bool(evaluate(inner, read) != .absent)
    case .isAbsent(let inner): return .bool(evaluate(inner, read) == .absent)
    case .binary(let operation, let left, let right):
      let left = evaluate(left, read)
      // The right side is left alone where the left one decides.
      if operation == .and, left == .bool(false) { return left }
      if operation == .or, left == .bool(true) { return left }
      let right = evaluate(right, read)
      if operation == .and || operation == .or {
        guard case .bool(let a) = left, case .bool(let b) = right else { return .bool(false) }
        return .bool(operation == .and ? a && b : a || b)
      }
      if operation.isArithmetic { return TraceArithmetic.apply(operation, left, right) ?? .absent }
      return .bool(compare(operation, left, right))
    }
  }

  /// Whether a comparison holds.
  func compare(_ operation: FieldOperator, _ left: TraceValue, _ right: TraceValue) -> Bool {
    if case .several(let values) = left { return values.contains { compare(operation, $0, right) } }
    if case .several(let values) = right { return values.contains { compare(operation, left, $0) } }
    if case .array(let values) = left {
      return ofElements(operation, values) { compare(operation, $0, right) }
    }
    if case .array(let values) = right {
      return ofElements(operation, values) { compare(operation, left, $0) }
    }
    guard left.type.fits(right.type), operation.takes(left.type), operation.takes(right.type)
    else { return false }
    switch operation {
    case .equal: return left != .absent && right != .absent && isEqual(left, right)
    case .notEqual: return left != .absent && right != .absent && !isEqual(left, right)
    case .matches, .matchesNot:
      guard case .string(let text) = left, case .string(let pattern) = right,
        let regex = patterns[pattern]
      else { return false }
      return regex.matches(text, .whole) == (operation == .matches)
    default: return isOrdered(operation, left, right)
    }
  }

  /// An array meets a condition by one element, and a denied one by all.
  private func ofElements(
    _ operation: FieldOperator, _ values: [TraceValue], _ holds: (TraceValue) -> Bool
  ) -> Bool {
    operation == .notEqual || operation == .matchesNot
      ? values.allSatisfy(holds) : values.contains(where: holds)
  }

  private func isEqual(_ left: TraceValue, _ right: TraceValue) -> Bool {
    switch (left, right) {
    case (.int(let a), .int(let b)): a == b
    case (.duration(let a), .int(let b)), (.int(let b), .duration(let a)): a.nanoseconds == b
    case (.kind, _), (_, .kind), (.bool, _), (.string, _), (.duration, .duration): left == right
    default: left.number != nil && left.number == right.number
    }
  }

  private func isOrdered(
    _ operation: FieldOperator, _ left: TraceValue, _ right: TraceValue
  ) -> Bool {
    if case .string(let a) = left, case .string(let b) = right {
      return Self.isOrdered(operation, Array(a.utf8), Array(b.utf8)) {
        $0.lexicographicallyPrecedes($1)
      }
    }
    if case .int(let a) = left, case .int(let b) = right {
      return Self.isOrdered(operation, a, b, <)
    }
    guard let a = left.number, let b = right.number else { return false }
    if a.isNaN || b.isNaN { return false }
    return Self.isOrdered(operation, a, b, <)
  }

  private static func isOrdered<Value>(
    _ operation: FieldOperator, _ a: Value, _ b: Value, _ precedes: (Value, Value) -> Bool
  ) -> Bool {
    switch operation {
    case .less: precedes(a, b)
    case .lessOrEqual: !precedes(b, a)
    case .greater: precedes(b, a)
    case .greaterOrEqual: !precedes(a, b)
    default: false
    }
  }
}

/// The patterns of a query's regular expressions.
enum TraceQLPatterns {
  static func of(_ query: TraceQuery) -> [String] {
    query.expressions.flatMap(of)
  }

  private static func of(_ expression: FieldExpression) -> [String] {
    switch expression {
    case .literal, .field: []
    case .not(let inner), .negative(let inner), .exists(let inner), .isAbsent(let inner):
      of(inner)
    case .binary(let operation, let left, let right):
      if operation == .matches || operation == .matchesNot,
        case .literal(.string(let pattern)) = right
      {
        [pattern] + of(left)
      } else {
        of(left) + of(right)
      }
    }
  }
}

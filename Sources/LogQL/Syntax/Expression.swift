/// A parsed and checked LogQL query.
///
/// Grammar: Loki's, as of 2026 (no variants, no subqueries).
package indirect enum Expression: Sendable, Hashable {
  /// Lines: `{app="x"} |= "y" | json`.
  case log(LogSelection)
  /// `rate({…}[5m])`.
  case rangeAggregation(RangeAggregation)
  /// `sum by (app) (…)`.
  case vectorAggregation(VectorAggregation)
  /// `a / b`.
  case binary(BinaryOperation)
  /// `1.5`.
  case literal(Double)
  /// `vector(1.5)`.
  case vector(Double)
  /// `label_replace(…)`.
  case labelReplace(LabelReplace)

  /// Whether the answer is lines rather than samples.
  package var isLog: Bool {
    if case .log = self { true } else { false }
  }

  /// The ranges of all its range aggregations, from left to right.
  package var logRanges: [LogRange] {
    switch self {
    case .log, .literal, .vector: []
    case .rangeAggregation(let aggregation): [aggregation.range]
    case .vectorAggregation(let aggregation): aggregation.operand.logRanges
    case .binary(let operation): operation.left.logRanges + operation.right.logRanges
    case .labelReplace(let replace): replace.operand.logRanges
    }
  }
}

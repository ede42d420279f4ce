import Bytes
import LogQL
import TelemetryModel

/// Evaluates a metric expression over all steps at once, bottom up.
struct MetricEvaluation {
  let engine: QueryEngine
  let tenants: [TenantID]
  let grid: StepGrid
  let limits: QueryLimits
  var statistics = QueryStatistics()
  /// Of range aggregations that the query holds more than once.
  private var known: [LeafKey: SeriesMatrix] = [:]

  /// Two leaves are the same when their texts are too: texts in their stages compare by bytes.
  private struct LeafKey: Hashable {
    let leaf: RangeLeaf
    @ByteText var text: String
  }

  init(engine: QueryEngine, tenants: [TenantID], grid: StepGrid, limits: QueryLimits) {
    self.engine = engine
    self.tenants = tenants
    self.grid = grid
    self.limits = limits
  }

  mutating func evaluate(_ expression: Expression) throws(QueryError) -> MetricOperand {
    try limits.check()
    switch expression {
    case .log:
      throw QueryError("unexpected type (*syntax.MatchersExpr): logs have no samples")
    case .literal(let value): return .scalar(value)
    case .vector(let value):
      let values = [Double](repeating: value, count: grid.count)
      return .matrix(SeriesMatrix(series: [MatrixSeries(labels: .none, values: values)]))
    case .rangeAggregation(let aggregation):
      return .matrix(try evaluate(RangeLeaf(aggregation)))
    case .vectorAggregation(let aggregation): return .matrix(try evaluate(aggregation))
    case .binary(let operation): return try evaluate(operation)
    case .labelReplace(let replace):
      let operand = try matrix(replace.operand)
      return .matrix(try LabelReplacement(replace).apply(to: operand))
    }
  }

  /// Numbers count as one series without labels.
  mutating func matrix(_ expression: Expression) throws(QueryError) -> SeriesMatrix {
    switch try evaluate(expression) {
    case .matrix(let matrix): return matrix
    case .scalar(let value):
      let values = [Double](repeating: value, count: grid.count)
      return SeriesMatrix(series: [MatrixSeries(labels: .none, values: values)])
    }
  }

  private mutating func evaluate(_ aggregation: VectorAggregation) throws(QueryError)
    -> SeriesMatrix
  {
    if let leaf = RangeLeaf(summed: aggregation) { return try evaluate(leaf) }
    return try VectorGroups(
      try matrix(aggregation.operand), aggregation, steps: grid.count, limits: limits
    ).aggregated()
  }

  private mutating func evaluate(_ leaf: RangeLeaf) throws(QueryError) -> SeriesMatrix {
    let key = LeafKey(leaf: leaf, text: leaf.aggregation.description)
    if let result = known[key] { return result }
    let result = try evaluate(leaf, over: grid)
    known[key] = result
    return result
  }

  /// All steps at once, or half of them after the other where too many samples or panes would
  /// have to be kept; a single one, whose samples are too many, in parts.
  private mutating func evaluate(_ leaf: RangeLeaf, over grid: StepGrid) throws(QueryError)
    -> SeriesMatrix
  {
    do throws(QueryError) {
      return try RangeScan(leaf, grid, self).evaluate(&statistics)
    } catch {
      guard error == .tooManySamples(limits.samplesMax) else { throw error }
    }
    guard grid.count > 1 else {
      return try RangeScan(leaf, grid, self).evaluateInParts(&statistics)
    }
    let (first, second) = grid.halves
    let left = try evaluate(leaf, over: first)
    return left.followed(by: try evaluate(leaf, over: second), first.count, second.count)
  }
}

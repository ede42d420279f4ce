import LogQL

/// A range aggregation, and the grouping of a `sum` around it where that may be done right away.
struct RangeLeaf: Hashable {
  let aggregation: RangeAggregation
  /// The grouping that the series are made by; nil keeps all labels.
  let grouping: Grouping?

  init(_ aggregation: RangeAggregation) {
    self.aggregation = aggregation
    grouping = aggregation.grouping
  }

  /// `sum by (a) (rate(…))` is the rate of what falls together; nil for what is no such sum.
  init?(summed outer: VectorAggregation) {
    guard outer.function == .sum, case .rangeAggregation(let inner) = outer.operand,
      inner.grouping == nil
    else { return nil }
    switch inner.function {
    case .count, .rate, .bytes, .bytesRate, .sum: break
    default: return nil
    }
    aggregation = inner
    grouping = outer.grouping ?? Grouping(labels: [], isWithout: false)
  }

  /// The labels that the stages have to find.
  var need: LabelNeed {
    if aggregation.function == .absent { return .only([]) }
    guard let grouping, !grouping.isWithout else { return .all }
    return .only(Set(grouping.labels))
  }
}

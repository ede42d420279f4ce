import LogQL

/// A range aggregation, and the grouping of a `sum` around it where that may be done right away.
struct RangeLeaf: Hashable {
  let aggregation: RangeAggregation
  /// The grouping that the series are made by; nil keeps all labels.
  let grouping: Grouping?

  init(_ aggregation: RangeAggregation) {
    self.aggregation = aggregation.withoutIdleFormats
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
    aggregation = inner.withoutIdleFormats
    grouping = outer.grouping ?? Grouping(labels: [], isWithout: false)
  }

  /// The labels that the stages have to find.
  var need: LabelNeed {
    if aggregation.function == .absent { return .only([]) }
    guard let grouping, !grouping.isWithout else { return .all }
    return .only(Set(grouping.labels))
  }
}

extension RangeAggregation {
  /// Without each `line_format` that no parser and no line filter follows: nobody reads its line,
  /// and Loki does not even look whether its template is right.
  fileprivate var withoutIdleFormats: RangeAggregation {
    if function == .bytes || function == .bytesRate { return self }
    var changed = self
    var isRead = false
    var kept: [Stage] = []
    for stage in range.selection.stages.reversed() {
      switch stage {
      case .lineFormat where !isRead: continue
      case .lineFilter, .parser: isRead = true
      default: break
      }
      kept.append(stage)
    }
    changed.range.selection.stages = kept.reversed()
    return changed
  }
}

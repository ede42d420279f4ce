import LogQL

/// A range aggregation, and the grouping of a `sum` around it where that may be done right away.
struct RangeLeaf: Hashable {
  let aggregation: RangeAggregation
  /// The grouping that the series are made by; nil keeps all labels.
  let grouping: Grouping?
  /// Labels that stages made empty are left out of the series. So does `sum without`, and Loki
  /// puts that around a range aggregation whose stages may leave fewer labels.
  let leavesEmpty: Bool

  init(_ aggregation: RangeAggregation) {
    self.aggregation = aggregation.withoutIdleFormats
    grouping = aggregation.grouping
    leavesEmpty = aggregation.isSummedUp
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
    leavesEmpty = grouping?.isWithout ?? false
  }

  /// The labels that the stages have to find.
  var need: LabelNeed {
    if aggregation.function == .absent { return .only([]) }
    guard let grouping, !grouping.isWithout else { return .all }
    return .only(Set(grouping.labels))
  }
}

extension RangeAggregation {
  /// Whether Loki sums up, or takes the extremes of, series that parts of it may have in common.
  fileprivate var isSummedUp: Bool {
    switch function {
    case .count, .rate, .bytes, .bytesRate, .sum, .minimum, .maximum: break
    default: return false
    }
    guard grouping?.isWithout ?? true else { return false }
    return range.selection.stages.contains { stage in
      switch stage {
      case .drop, .keep: true
      case .labelFormat(let format):
        format.assignments.contains { if case .rename = $0.source { true } else { false } }
      default: false
      }
    }
  }

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

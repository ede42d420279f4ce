extension [Stage] {
  /// The order in which Loki runs the stages: line filters come before the parsers that they
  /// follow, up to a stage that changes the line or a label filter.
  ///
  /// `decolorize` changes lines too, but Loki moves filters before it all the same.
  package var executionOrder: [Stage] {
    var ordered: [Stage] = []
    var lineFilters: [Stage] = []
    var others: [Stage] = []
    func flush() {
      ordered += lineFilters + others
      lineFilters = []
      others = []
    }
    for stage in self {
      switch stage {
      case .lineFilter: lineFilters.append(stage)
      case .labelFilter:
        flush()
        ordered.append(stage)
      case .lineFormat, .parser(.unpack):
        others.append(stage)
        flush()
      default: others.append(stage)
      }
    }
    flush()
    return ordered
  }
}

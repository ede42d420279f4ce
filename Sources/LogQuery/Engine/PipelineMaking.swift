import LogQL

extension LogPipeline {
  /// The stages in the order in which Loki runs them.
  init(
    running stages: [Stage], unwrap: Unwrap? = nil, need: LabelNeed = .all,
    hasLinesDecided: Bool = false
  ) throws(QueryError) {
    do {
      try self.init(
        stages: stages.executionOrder, unwrap: unwrap, need: need,
        hasLinesDecided: hasLinesDecided)
    } catch {
      throw QueryError(error)
    }
  }
}

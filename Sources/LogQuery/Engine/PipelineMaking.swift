import LogQL

extension LogPipeline {
  /// The stages in the order in which Loki runs them.
  init(
    running stages: [Stage], unwrap: Unwrap? = nil, need: LabelNeed = .all
  ) throws(QueryError) {
    do {
      try self.init(stages: stages.executionOrder, unwrap: unwrap, need: need)
    } catch {
      throw QueryError(error)
    }
  }
}

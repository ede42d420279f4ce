import LogQL

/// Makes the stages of a query ready.
func makePipeline(
  _ stages: [Stage], unwrap: Unwrap? = nil, need: LabelNeed = .all
) throws(QueryError) -> any RowProcessing {
  if stages.isEmpty, unwrap == nil { return PlainRows() }
  throw QueryError("stages are not evaluated yet")
}

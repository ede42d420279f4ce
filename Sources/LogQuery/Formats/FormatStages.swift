import LogQL

/// `| line_format "…"`.
final class LineFormatStage: PipelineStage {
  /// The labels that the template reads.
  let labels: [LabelNames.ID] = []
  let readsLine = true

  init(_ format: LineFormat, _ names: LabelNames, _ environment: TemplateEnvironment)
    throws(LogQLError)
  {
    throw LogQLError("line_format is not evaluated yet")
  }
}

/// `| label_format a=b, c="…"`.
final class LabelFormatStage: PipelineStage {
  /// The labels that are read.
  let labels: [LabelNames.ID] = []
  let readsLine = true

  init(_ format: LabelFormat, _ names: LabelNames, _ environment: TemplateEnvironment)
    throws(LogQLError)
  {
    throw LogQLError("label_format is not evaluated yet")
  }
}

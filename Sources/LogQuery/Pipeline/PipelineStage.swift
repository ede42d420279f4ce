/// One step that rows run through; kept per pipeline.
class PipelineStage {
  /// Changes the row, or answers false to drop it.
  func run(_ row: RowBuilder) -> Bool { true }

  /// For parsers: as ``run(_:)`` does over a line that has these values, nil for none.
  func use(_ fields: [(id: LabelNames.ID, value: UnsafeRawBufferPointer?)], _ row: RowBuilder)
    -> Bool
  { run(row) }

  /// Numbers of label names were taken back: caches of them must go.
  func forgetNames() {}
}

/// A parser that makes a label of every field of a line.
class LabelParserStage: PipelineStage {
  override func use(
    _ fields: [(id: LabelNames.ID, value: UnsafeRawBufferPointer?)], _ row: RowBuilder
  ) -> Bool {
    if row.wantsNoLabels { return true }
    for (id, value) in fields {
      guard let value, let wanted = row.parsedID(id) else { continue }
      row.setParsed(wanted, value)
      if !row.passesFilter(after: wanted) { return false }
    }
    return true
  }
}

/// `|= "x"` behind a stage that changes the line; those before it are asked first of all.
final class LineFilterStage: PipelineStage {
  private let filter: CompiledLineFilter
  init(_ filter: CompiledLineFilter) { self.filter = filter }
  override func run(_ row: RowBuilder) -> Bool { filter.passes(row.line) }
}

/// `| level="x"`.
final class LabelFilterStage: PipelineStage {
  private let filter: CompiledLabelFilter
  init(_ filter: CompiledLabelFilter) { self.filter = filter }
  override func run(_ row: RowBuilder) -> Bool { filter.passes(row) }
}

/// One step that rows run through; kept per pipeline.
class PipelineStage {
  /// Changes the row, or answers false to drop it.
  func run(_ row: RowBuilder) -> Bool { true }

  /// Numbers of label names were taken back: caches of them must go.
  func forgetNames() {}
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

import LogStore

/// The fields of one row of a batch, or of all rows with one combination of values.
struct RowFields {
  let plan: FieldPlan
  let columns: [FieldColumn]
  /// For each column the row that has its value, or of a dictionary the place of the value.
  enum Place {
    case row(Int)
    /// For columns that were taken apart into codes.
    case codes([Int])
  }

  let place: Place
  /// A column whose value does not matter beyond being there: the number is taken from the
  /// column itself.
  var standIn: Int?

  private static let one: [UInt8] = [UInt8(ascii: "1")]

  private func lend(_ column: Int, _ row: RowBuilder) -> UnsafeRawBufferPointer? {
    if column == standIn { return row.arena.copy(Self.one) }
    switch place {
    case .row(let at): return columns[column].withText(at) { $0.map(row.arena.copy) }
    case .codes(let codes):
      switch columns[column] {
      case .constant(let value): return value.map(row.arena.copy)
      case .dictionary(let dictionary):
        return dictionary.values[codes[column]].map(row.arena.copy)
      case .numbers, .texts: return nil
      }
    }
  }

  func addMetadata(to row: RowBuilder) {
    for field in plan.metadata {
      if let value = lend(field.column, row) { row.addMetadata(field.id, value) }
    }
  }

  func use(_ stage: PipelineStage, on row: RowBuilder) -> Bool {
    stage.use(plan.parsed.map { ($0.id, lend($0.column, row)) }, row)
  }
}

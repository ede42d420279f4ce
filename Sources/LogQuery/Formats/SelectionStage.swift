import LogQL
import TelemetryModel

/// `| drop …` and `| keep …`.
final class SelectionStage: PipelineStage {
  private enum Item {
    case name(LabelNames.ID)
    case matcher(LabelNames.ID, CompiledLabelFilter)
  }

  private let keeps: Bool
  private let items: [Item]

  init(_ selections: [LabelSelection], keeps: Bool, _ names: LabelNames) throws(LogQLError) {
    self.keeps = keeps
    var items: [Item] = []
    for selection in selections {
      switch selection {
      case .name(let name): items.append(.name(names.id(of: name)))
      case .matcher(let matcher):
        items.append(.matcher(names.id(of: matcher.name), try .init(whole: matcher, names)))
      }
    }
    self.items = items
  }

  override func run(_ row: RowBuilder) -> Bool {
    if keeps { keep(row) } else { drop(row) }
    return true
  }

  private func drop(_ row: RowBuilder) {
    for item in items {
      switch item {
      case .name(let id):
        if id == LabelNames.error {
          row.clearError()
        } else if id == LabelNames.errorDetails {
          row.clearErrorDetails()
        } else if row.value(id) != nil {
          row.delete(id)
        }
      case .matcher(let id, let filter):
        if id == LabelNames.errorDetails {
          if filter.holds(row.errorDetails) { row.clearErrorDetails() }
        } else if filter.passes(row) {
          if id == LabelNames.error { row.clearError() } else { row.delete(id) }
        }
      }
    }
  }

  private func keep(_ row: RowBuilder) {
    guard !items.isEmpty, let base = row.base else { return }
    for id in base.ids where row.keepsBase(id) { keepOrDelete(id, row) }
    for index in row.entries.indices {
      let id = row.entries[index].id
      if id >= 0 { keepOrDelete(id, row) }
    }
  }

  private func keepOrDelete(_ id: LabelNames.ID, _ row: RowBuilder) {
    if id == LabelNames.error || id == LabelNames.errorDetails { return }
    for item in items {
      switch item {
      case .name(let name): if name == id { return }
      case .matcher(let name, let filter): if name == id, filter.passes(row) { return }
      }
    }
    row.delete(id)
  }
}

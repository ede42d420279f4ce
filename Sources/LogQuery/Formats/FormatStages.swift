import LogQL
import TextTemplate

/// `| line_format "…"`.
final class LineFormatStage: PipelineStage {
  private let template: RowTemplate

  /// The labels that the template reads.
  var labels: [LabelNames.ID] { template.labels }
  var readsLine: Bool { template.readsLine }

  init(_ format: LineFormat, _ names: LabelNames, _ environment: TemplateEnvironment)
    throws(LogQLError)
  {
    do {
      template = try RowTemplate(format.template, name: "line", names, environment)
    } catch {
      let stage = "| line_format \(quotedGo(format.template))"
      throw LogQLError("stage '\(stage)' : invalid line template: \(error.message)")
    }
  }

  override func run(_ row: RowBuilder) -> Bool {
    if let only = template.onlyLabel {
      row.line = row.value(only) ?? UnsafeRawBufferPointer(start: nil, count: 0)
      return true
    }
    do {
      row.line = try template.execute(row, RowTemplate.snapshot(row, for: [template]))
    } catch {
      row.setError(.templateFormat, details: error.message)
    }
    return true
  }
}

/// `| label_format a=b, c="…"`.
final class LabelFormatStage: PipelineStage {
  private enum Source {
    case rename(LabelNames.ID)
    case template(RowTemplate)
  }

  private let assignments: [(id: LabelNames.ID, source: Source)]
  private let templates: [RowTemplate]
  /// The labels that are read.
  let labels: [LabelNames.ID]
  let readsLine: Bool
  let readsTimestamp: Bool

  init(_ format: LabelFormat, _ names: LabelNames, _ environment: TemplateEnvironment)
    throws(LogQLError)
  {
    var assignments: [(id: LabelNames.ID, source: Source)] = []
    var templates: [RowTemplate] = []
    var labels: [LabelNames.ID] = []
    for assignment in format.assignments {
      let id = names.id(of: assignment.name)
      switch assignment.source {
      case .rename(let source):
        let sourceID = names.id(of: source)
        labels.append(sourceID)
        assignments.append((id, .rename(sourceID)))
      case .template(let text):
        do {
          let template = try RowTemplate(text, name: "label", names, environment)
          templates.append(template)
          labels += template.labels
          assignments.append((id, .template(template)))
        } catch {
          throw LogQLError(
            "stage '\(LabelFormatStage.text(format))' : invalid template for label "
              + "'\(assignment.name)': \(error.message)")
        }
      }
    }
    self.assignments = assignments
    self.templates = templates
    self.labels = labels
    readsLine = templates.contains(where: \.readsLine)
    readsTimestamp = templates.contains(where: \.readsTimestamp)
  }

  private static func text(_ format: LabelFormat) -> String {
    let parts = format.assignments.map { assignment in
      switch assignment.source {
      case .rename(let source): "\(assignment.name)=\(source)"
      case .template(let text): "\(assignment.name)=\(quotedGo(text))"
      }
    }
    return "| label_format " + parts.joined(separator: ",")
  }

  override func run(_ row: RowBuilder) -> Bool {
    // Templates all see the labels as they are when the first one runs.
    var snapshot: RowTemplate.Snapshot?
    for (id, source) in assignments {
      switch source {
      case .rename(let from):
        guard let value = row.value(from) else { continue }
        row.setParsed(id, value)
        row.delete(from)
      case .template(let template):
        let seen = snapshot ?? RowTemplate.snapshot(row, for: templates)
        snapshot = seen
        do {
          row.setParsed(id, try template.execute(row, seen))
        } catch {
          row.setError(.templateFormat, details: error.message)
        }
      }
    }
    return true
  }
}

import Configuration
import TextTemplate

/// `template`: sets an extracted value to what a Go template makes of the extracted map.
final class TemplateStage: Stage {
  private let source: Int
  private let template: EntryTemplate

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    source = shared.slots.slot(try section.needed("source"))
    var text = ""
    try section.readText("template", &text)
    try section.finish()
    do { template = try EntryTemplate(text, shared) } catch {
      throw section.error("template", "is malformed: \(error.message)")
    }
  }

  /// A template that fails leaves the value as it was; an empty result takes it away.
  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    let value = entry.text(source)
    let line = entry.string(entry.line)
    guard let text = template.text(&entry, value: value.map { entry.string($0) }, line: line)
    else { return .proceed }
    entry[source] = text.isEmpty ? .absent : .text(entry.append(text))
    return .proceed
  }
}

/// A Go template over the extracted map, with `.Value` and `.Entry` besides.
struct EntryTemplate {
  private let template: Template
  private let slots: SlotTable

  init(_ text: String, _ shared: StageResources) throws(TemplateError) {
    slots = shared.slots
    template = try Template(
      text, name: "pipeline_template", functions: shared.templateFunctions)
    for name in template.fields { _ = slots.slot(name) }
  }

  /// What the template makes of the entry; nil when it fails.
  ///
  /// - Parameters:
  ///   - value: `.Value`; nil leaves it to the extracted map.
  ///   - line: `.Entry`; nil leaves it to the extracted map.
  func text(_ entry: inout StageEntry, value: String?, line: String?) -> [UInt8]? {
    var members: [(key: String, value: TemplateValue)] = []
    if template.readsWholeData {
      for (name, value) in entry.allExtracted(slots) {
        guard let range = entry.text(value) else { continue }
        members.append((name, .string(entry.string(range))))
      }
    } else {
      for name in template.fields {
        guard let slot = slots.known(name), let range = entry.text(slot) else { continue }
        members.append((name, .string(entry.string(range))))
      }
    }
    if let value { members.append(("Value", .string(value))) }
    if let line { members.append(("Entry", .string(line))) }
    return try? template.execute(.map(TemplateMap(members)))
  }
}

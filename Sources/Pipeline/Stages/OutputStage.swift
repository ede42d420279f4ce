import Configuration

/// `output`: makes an extracted value the line.
final class OutputStage: Stage {
  private let source: Int

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    source = shared.slots.slot(try section.needed("source"))
    try section.finish()
  }

  init(source: String, _ shared: StageResources) { self.source = shared.slots.slot(source) }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    if let range = entry.text(source) { entry.line = range }
    return .proceed
  }
}

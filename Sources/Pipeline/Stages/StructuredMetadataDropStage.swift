import Configuration
import TelemetryModel
import WireFormats

/// `structured_metadata_drop`: takes structured metadata away by name (Alloy's stage of that
/// name). Settings: a list of names, or `values` with one.
final class StructuredMetadataDropStage: Stage {
  private let names: [String]

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    if stage.settings.members != nil {
      var section = try stage.section(shared)
      var names: [String] = []
      try section.readWeakly("values", &names)
      try section.finish()
      self.names = names
    } else {
      names = try stage.texts()
    }
    guard !names.isEmpty else { throw stage.error("needs the names of structured metadata") }
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    entry.structuredMetadata.removeAll { names.contains($0.name) }
    return .proceed
  }
}

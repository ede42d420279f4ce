import Bytes
import Configuration
import Regex
import TelemetryModel

/// `structured_metadata`: makes structured metadata of extracted values and of labels.
///
/// Alloy's form is read too: `values` with the mapping, and `regex` for further names.
final class StructuredMetadataStage: Stage {
  private let fields: [(name: String, source: Int)]
  private let regex: Regex?

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    if let inner = try section.alloyValues() {
      regex = try section.nameRegex()
      try section.finish()
      section = inner
    } else {
      regex = nil
    }
    fields = try section.textMembers().map { name, source in
      (name, shared.slots.slot(source.flatMap { $0.isEmpty ? nil : $0 } ?? name))
    }
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    for (name, source) in fields {
      let extracted = entry.text(source).flatMap { entry.isUTF8($0) ? $0 : nil }
      if let extracted {
        entry.structuredMetadata.append(Label(name, entry.string(extracted)))
      }
      // A label that says the same moves over; one that differs from what was extracted stays.
      guard let label = entry.label(source) else { continue }
      if let extracted {
        guard entry.bytes[extracted] == entry.bytes[label] else { continue }
      } else {
        entry.structuredMetadata.append(Label(name, entry.string(label)))
      }
      entry.removeLabel(source)
    }
    if let regex { takeMatching(regex, &entry, shared) }
    return .proceed
  }

  /// As in Alloy: what matches is set, labels that match move over.
  private func takeMatching(_ regex: Regex, _ entry: inout StageEntry, _ shared: StageResources) {
    for (name, value) in entry.allExtracted(shared.slots) where regex.matches(name) {
      guard let range = entry.text(value), entry.isUTF8(range) else { continue }
      set(name, entry.string(range), &entry)
    }
    for slot in entry.labelSlots where regex.matches(shared.slots.names[slot]) {
      guard let range = entry.label(slot) else { continue }
      set(shared.slots.names[slot], entry.string(range), &entry)
      entry.removeLabel(slot)
    }
  }

  private func set(_ name: String, _ value: String, _ entry: inout StageEntry) {
    if let index = entry.structuredMetadata.firstIndex(where: { $0.name.hasSameBytes(as: name) }) {
      entry.structuredMetadata[index].value = value
    } else {
      entry.structuredMetadata.append(Label(name, value))
    }
  }
}

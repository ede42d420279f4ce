import Bytes
import Configuration
import TelemetryModel
import WireFormats

/// `labels`: makes labels of extracted values.
///
/// Alloy's form is read too: `values` with the mapping, and `source_type: structured_metadata` to
/// take the values from there.
final class LabelsStage: Stage {
  private let labels: [(label: Int, source: Int)]
  /// The names in structured metadata, where values come from there.
  private var metadataNames: [String] = []

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    var type = "extracted"
    if let inner = try section.alloyValues() {
      try section.read("source_type", &type)
      try section.finish()
      guard ["extracted", "structured_metadata"].contains(type) else {
        throw section.error("source_type", "must be extracted or structured_metadata")
      }
      section = inner
    }
    var labels: [(label: Int, source: Int)] = []
    for (name, source) in try section.textMembers() {
      guard LabelNames.isValid(name) else { throw section.error(name, "is no label name") }
      let from = source.flatMap { $0.isEmpty ? nil : $0 } ?? name
      labels.append((shared.slots.slot(name), shared.slots.slot(from)))
      if type != "extracted" { metadataNames.append(from) }
    }
    self.labels = labels
  }

  init(copying names: [String], _ shared: StageResources) {
    labels = names.map { (shared.slots.slot($0), shared.slots.slot($0)) }
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    for (index, name) in metadataNames.enumerated() {
      guard let found = entry.structuredMetadata.first(where: { $0.name.hasSameBytes(as: name) })
      else { continue }
      entry.setLabel(labels[index].label, entry.append(Array(found.value.utf8)))
    }
    guard metadataNames.isEmpty else { return .proceed }
    for (label, source) in labels {
      guard let range = entry.text(source), entry.isUTF8(range) else { continue }
      entry.setLabel(label, range)
    }
    return .proceed
  }
}

/// `static_labels`: sets labels to fixed values.
final class StaticLabelsStage: Stage {
  private let labels: [(label: Int, value: [UInt8])]

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    let section = try stage.section(shared)
    var labels: [(label: Int, value: [UInt8])] = []
    for member in section.allMembers where !member.value.isNull {
      guard let scalar = member.value.scalar, !scalar.isOtherThanText else {
        throw section.error(
          member.key, "must be a text; put the value in quotes", at: member.value)
      }
      if !scalar.text.isEmpty {
        labels.append((shared.slots.slot(member.key), Array(scalar.text.utf8)))
      }
    }
    self.labels = labels
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    for (label, value) in labels { entry.setLabel(label, entry.append(value)) }
    return .proceed
  }
}

/// `labeldrop`: takes labels away.
final class LabelDropStage: Stage {
  private let labels: [Int]

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    let names = try stage.texts()
    guard !names.isEmpty else { throw stage.error("needs the names of labels") }
    labels = names.map { shared.slots.slot($0) }
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    for label in labels { entry.removeLabel(label) }
    return .proceed
  }
}

/// `labelallow`: takes all labels away but those named.
final class LabelAllowStage: Stage {
  private let labels: Set<Int>

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    let names = try stage.texts()
    guard !names.isEmpty else { throw stage.error("needs the names of labels") }
    labels = Set(names.map { shared.slots.slot($0) })
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    for slot in entry.labelSlots where !labels.contains(slot) { entry.removeLabel(slot) }
    return .proceed
  }
}

extension SettingSection {
  /// The mapping `values` of a stage's Alloy form; nil for Promtail's form, in which values are
  /// single texts.
  mutating func alloyValues() throws(ConfigurationError) -> SettingSection? {
    guard allMembers.contains(where: { $0.key == "values" && $0.value.members != nil }) else {
      return nil
    }
    return try section("values")
  }
}

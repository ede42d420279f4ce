import Configuration
import TelemetryModel
import WireFormats

/// `labels`: makes labels of extracted values.
final class LabelsStage: Stage {
  private let labels: [(label: Int, source: Int)]

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    let section = try stage.section()
    guard !stage.settings.isNull else { throw stage.error("needs labels") }
    var labels: [(label: Int, source: Int)] = []
    for (name, source) in try section.texts() {
      guard LabelNames.isValid(name) else { throw section.error(name, "is no label name") }
      let from = source.flatMap { $0.isEmpty ? nil : $0 } ?? name
      labels.append((shared.slots.slot(name), shared.slots.slot(from)))
    }
    self.labels = labels
  }

  init(copying names: [String], _ shared: StageResources) {
    labels = names.map { (shared.slots.slot($0), shared.slots.slot($0)) }
  }

  func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
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
    let section = try stage.section()
    var labels: [(label: Int, value: [UInt8])] = []
    for member in section.allMembers where !member.value.isNull {
      guard let scalar = member.value.scalar, !scalar.isNumberOrBool else {
        throw section.error(
          member.key, "must be a text; put the value in quotes", at: member.value)
      }
      if !scalar.text.isEmpty {
        labels.append((shared.slots.slot(member.key), Array(scalar.text.utf8)))
      }
    }
    self.labels = labels
  }

  func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    for (label, value) in labels { entry.setLabel(label, entry.append(value)) }
    return .proceed
  }
}

extension YAMLScalar {
  /// Whether YAML takes the value for a number, `true` or `false`.
  var isNumberOrBool: Bool {
    isPlain
      && (intValue != nil || doubleValue != nil
        || ["true", "True", "TRUE", "false", "False", "FALSE"].contains(text))
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

  func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
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

  func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    for slot in entry.labelSlots where !labels.contains(slot) { entry.removeLabel(slot) }
    return .proceed
  }
}

/// `structured_metadata`: makes structured metadata of extracted values and of labels.
final class StructuredMetadataStage: Stage {
  private let fields: [(name: String, source: Int)]

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    let section = try stage.section()
    fields = try section.texts().map { name, source in
      (name, shared.slots.slot(source.flatMap { $0.isEmpty ? nil : $0 } ?? name))
    }
  }

  func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
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
    return .proceed
  }
}

/// `tenant`: chooses the tenant by a label, an extracted value or a fixed one.
final class TenantStage: Stage {
  private enum Origin {
    case label(Int)
    case extracted(Int)
    case value([UInt8])
  }
  private let origin: Origin
  private let target: Int

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section()
    var label = ""
    var source = ""
    var value = ""
    try section.read("label", &label)
    try section.read("source", &source)
    try section.read("value", &value)
    try section.finish()
    switch (label.isEmpty, source.isEmpty, value.isEmpty) {
    case (false, true, true): origin = .label(shared.slots.slot(label))
    case (true, false, true): origin = .extracted(shared.slots.slot(source))
    case (true, true, false): origin = .value(Array(value.utf8))
    default: throw stage.error("needs one of `label`, `source` and `value`")
    }
    target = shared.slots.slot("__tenant_id__")
  }

  func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    let range: Range<Int>?
    switch origin {
    case .label(let slot): range = entry.label(slot)
    case .extracted(let slot): range = entry.text(slot)
    case .value(let bytes): range = entry.append(bytes)
    }
    if let range, !range.isEmpty { entry.setLabel(target, range) }
    return .proceed
  }
}

import Configuration

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
    var section = try stage.section(shared)
    var label = ""
    var source = ""
    var value = ""
    try section.readText("label", &label)
    try section.readText("source", &source)
    try section.readText("value", &value)
    try section.finish()
    switch (label.isEmpty, source.isEmpty, value.isEmpty) {
    case (false, true, true): origin = .label(shared.slots.slot(label))
    case (true, false, true): origin = .extracted(shared.slots.slot(source))
    case (true, true, false): origin = .value(Array(value.utf8))
    default: throw stage.error("needs one of `label`, `source` and `value`")
    }
    target = shared.slots.slot("__tenant_id__")
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
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

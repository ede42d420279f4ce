import Configuration
import TelemetryModel
import WireFormats

/// `pack`: moves values into the line, which becomes `{"label":"value","_entry":"the line"}`.
final class PackStage: Stage {
  /// Sorted by name.
  private let fields: [(name: String, slot: Int)]
  private let setsTimestamp: Bool

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    var labels: [String] = []
    try section.readWeakly("labels", &labels)
    var setsTimestamp = true
    try section.readWeakly("ingest_timestamp", &setsTimestamp)
    try section.finish()
    self.setsTimestamp = setsTimestamp
    fields = Set(labels).sorted().map { ($0, shared.slots.slot($0)) }
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    var writer = JSONWriter()
    writer.escapesHTML = true
    writer.beginObject()
    for (name, slot) in fields {
      guard let range = entry.text(slot) else { continue }
      writer.key(name)
      writer.string(bytes: Array(entry.bytes[range]))
      entry.removeLabel(slot)
    }
    writer.key("_entry")
    writer.string(bytes: Array(entry.bytes[entry.line]))
    writer.endObject()
    entry.line = entry.append(writer.bytes)
    if setsTimestamp {
      entry.timestamp = Timestamp(nanoseconds: shared.now)
      entry.distantTime = nil
    }
    return .proceed
  }
}

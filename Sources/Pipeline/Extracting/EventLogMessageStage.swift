import Bytes
import Configuration

/// `eventlogmessage`: takes the lines `Name: value` of a Windows event's message into the
/// extracted map.
final class EventLogMessageStage: Stage {
  private let source: Int
  private let dropsInvalid: Bool
  private let overwrites: Bool

  /// Why lines are dropped whose message has no text.
  static let dropReason = "eventlogmessage_stage_no_text"

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    var name = "message"
    try section.readText("source", &name)
    var drops = false
    var overwrites = false
    try section.read("drop_invalid_labels", &drops)
    try section.read("overwrite_existing", &overwrites)
    try section.finish()
    guard LabelNames.isValid(name) else { throw section.error("source", "is no label name") }
    source = shared.slots.slot(name)
    dropsInvalid = drops
    self.overwrites = overwrites
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    if entry[source] == .absent { return .proceed }
    // As in Promtail, a message that is null takes the whole line with it.
    guard let message = entry.text(source) else {
      return .drop(reason: EventLogMessageStage.dropReason)
    }
    var start = message.lowerBound
    while start <= message.upperBound {
      let rest = start..<message.upperBound
      let end =
        entry.withText(rest) { ByteSearch.firstIndex(of: [0x0d, 0x0a], in: $0) }
        .map { start + $0 } ?? message.upperBound
      read(start..<end, &entry, shared)
      start = end + 2
    }
    return .proceed
  }

  private func read(_ line: Range<Int>, _ entry: inout StageEntry, _ shared: StageResources) {
    guard let colon = entry.bytes[line].firstIndex(of: UInt8(ascii: ":")) else { return }
    var name = entry.string(line.lowerBound..<colon)
    if !LabelNames.isValid(name) {
      guard !dropsInvalid else { return }
      name = EventLogMessageStage.labelName(of: name)
    }
    if !overwrites, entry.extracted(named: name, shared.slots) != .absent { name += "_extracted" }
    let value = EventLogMessageStage.trimmed(entry.string((colon + 1)..<line.upperBound))
    guard entry.isUTF8((colon + 1)..<line.upperBound) else { return }
    entry.extract(.text(entry.append(Array(value.utf8))), as: name, shared.slots)
  }

  /// The name with `_` in place of what labels cannot have.
  private static func labelName(of text: String) -> String {
    guard !text.isEmpty else { return "_" }
    var name = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "a"..."z", "A"..."Z", "_": name.append(scalar)
      case "0"..."9" where !name.isEmpty: name.append(scalar)
      default: name.append("_")
      }
    }
    return String(name)
  }

  private static func trimmed(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return String(scalars[first...last])
  }
}

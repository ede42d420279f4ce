import Configuration
import Regex
import TelemetryModel
import WireFormats

/// `drop`: drops lines for which every given condition holds.
final class DropStage: Stage {
  private let reason: String
  /// Extracted values to look at; nil for the line.
  private let sources: [Int]?
  private let separator: [UInt8]
  private let regex: Regex?
  private let value: [UInt8]?
  private let longerThan: Int?
  private let olderThan: TimeSpan?

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    var names: [String] = []
    let hasSource = section.node("source") != nil
    if let scalar = section.node("source")?.scalar, scalar.isOtherThanText {
      throw section.error("source", "must be a name or a list of names", at: .scalar(scalar))
    }
    try section.readWeakly("source", &names)
    sources = hasSource ? names.map { shared.slots.slot($0) } : nil
    var separator = ";"
    try section.readWeakly("separator", &separator)
    self.separator = Array(separator.utf8)
    var value: String?
    try section.readWeakly("value", &value)
    self.value = value.map { Array($0.utf8) }
    regex = try section.regex("expression", weakly: true)
    longerThan = try DropStage.size(&section)
    olderThan = try DropStage.age(&section)
    var reason = ""
    try section.readWeakly("drop_counter_reason", &reason)
    self.reason = reason.isEmpty ? "drop_stage" : reason
    try section.finish()
    guard hasSource || value == nil else {
      throw section.error("value", "needs `source` too")
    }
    guard regex == nil || value == nil else {
      throw section.error("value", "cannot stand beside `expression`")
    }
    guard hasSource || regex != nil || longerThan != nil || olderThan != nil else {
      throw stage.error("needs one of `source`, `expression`, `older_than` and `longer_than`")
    }
  }

  private static func size(_ section: inout SettingSection) throws(ConfigurationError) -> Int? {
    var text: String?
    try section.readWeakly("longer_than", &text)
    guard let text else { return nil }
    if text.isEmpty { return 0 }
    guard !text.contains("."), let size = ByteSizeText.parse(text) else {
      throw section.error("longer_than", "must be a size such as 8KB, not `\(text)`")
    }
    return size
  }

  private static func age(_ section: inout SettingSection) throws(ConfigurationError) -> TimeSpan? {
    var span: TimeSpan?
    try section.readWeakly("older_than", &span)
    return span
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    if let longerThan, entry.line.count <= longerThan { return .proceed }
    if let olderThan {
      let edge = Timestamp(nanoseconds: shared.now) - olderThan
      guard entry.timestamp < edge else { return .proceed }
    }
    return contentMatches(&entry) ? .drop(reason: reason) : .proceed
  }

  private func contentMatches(_ entry: inout StageEntry) -> Bool {
    guard let sources else {
      guard let regex else { return true }
      return entry.withText(entry.line) { regex.matches($0) }
    }
    guard regex != nil || value != nil else {
      return sources.allSatisfy { entry[$0] != .absent }
    }
    var joined: [UInt8] = []
    var isFirst = true
    for source in sources where entry[source] != .absent {
      guard let range = entry.text(source) else { return false }
      if !isFirst { joined += separator }
      joined += entry.bytes[range]
      isFirst = false
    }
    if let value { return joined == value }
    return regex?.matches(joined) ?? true
  }
}

import Configuration
import Regex
import TelemetryModel
import WireFormats

extension StageConfiguration {
  /// The stage's settings to read by name.
  func section(_ shared: StageResources) throws(ConfigurationError) -> SettingSection {
    var section = try SettingSection(settings, path: path, file: file)
    section.remarks = shared.remarks
    return section
  }

  /// An error about the stage as a whole.
  func error(_ message: String) -> ConfigurationError {
    ConfigurationError(file: file, mark: mark, message: "`\(path)` \(message)")
  }

  /// The list of texts that are the stage's only setting; one text stands for a list of it.
  func texts() throws(ConfigurationError) -> [String] {
    if settings.isNull { return [] }
    if let scalar = settings.scalar { return [scalar.text] }
    var texts: [String] = []
    for item in settings.items ?? [] {
      guard let scalar = item.scalar else { throw error("must hold names, not \(item.kind)") }
      texts.append(scalar.text)
    }
    guard settings.items != nil else { throw error("must be a list of names") }
    return texts
  }
}

extension SettingSection {
  /// The optional `source`: nil when absent; an empty one is an error.
  mutating func source() throws(ConfigurationError) -> String? {
    var source: String?
    try readText("source", &source)
    guard source != "" else { throw error("source", "must not be empty") }
    return source
  }

  /// A setting that must be there and not be empty.
  mutating func needed(_ key: String) throws(ConfigurationError) -> String {
    var text = ""
    try readText(key, &text)
    guard !text.isEmpty else { throw error(key, "is needed") }
    return text
  }

  /// The expression `key`, compiled; nil when absent.
  mutating func regex(_ key: String, weakly: Bool = false) throws(ConfigurationError) -> Regex? {
    var text: String?
    if weakly { try readWeakly(key, &text) } else { try readText(key, &text) }
    guard let text else { return nil }
    do { return try Regex(text) } catch { throw self.error(key, "is malformed: \(error.message)") }
  }

  /// Alloy's `regex` for names; nil when absent or empty.
  mutating func nameRegex() throws(ConfigurationError) -> Regex? {
    node("regex")?.scalar?.text.isEmpty == false ? try regex("regex") : nil
  }

  /// A text; a number, truth value or date without quotes is an error, as it is in Promtail.
  mutating func readText(_ key: String, _ value: inout String?) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    value = try text(scalar, key)
  }

  /// The same for a text that is there by default.
  mutating func readText(_ key: String, _ value: inout String) throws(ConfigurationError) {
    if let scalar = try scalar(key) { value = try text(scalar, key) }
  }

  private func text(_ scalar: YAMLScalar, _ key: String) throws(ConfigurationError) -> String {
    guard !scalar.isOtherThanText else {
      throw error(key, "must be a text; put the value in quotes", at: .scalar(scalar))
    }
    return scalar.text
  }

  /// A list of texts.
  mutating func readTextList(_ key: String, _ value: inout [String]) throws(ConfigurationError) {
    guard node(key) != nil else { return }
    value = []
    for item in try list(key) {
      guard let scalar = item.scalar else {
        throw error(key, "must hold texts, not \(item.kind)", at: item)
      }
      value.append(scalar.isNull ? "" : try text(scalar, key))
    }
  }

  /// All members of this mapping as names and texts, in order; a null value is nil.
  func textMembers() throws(ConfigurationError) -> [(name: String, value: String?)] {
    for member in allMembers {
      if let scalar = member.value.scalar, !scalar.isNull { _ = try text(scalar, member.key) }
    }
    return try texts()
  }
}

extension YAMLNode {
  /// What stands where nothing was written.
  static func nothing(at mark: YAMLMark) -> YAMLNode {
    .scalar(YAMLScalar(text: "", isPlain: true, mark: mark))
  }
}

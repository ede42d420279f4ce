import Configuration
import Regex
import TelemetryModel
import WireFormats

extension StageConfiguration {
  /// The stage's settings to read by name.
  func section() throws(ConfigurationError) -> SettingSection {
    try SettingSection(settings, path: path, file: file)
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
    try read("source", &source)
    guard source != "" else { throw error("source", "must not be empty") }
    return source
  }

  /// A setting that must be there and not be empty.
  mutating func needed(_ key: String) throws(ConfigurationError) -> String {
    var text = ""
    try read(key, &text)
    guard !text.isEmpty else { throw error(key, "is needed") }
    return text
  }

  /// The expression `key`, compiled; nil when absent.
  mutating func regex(_ key: String) throws(ConfigurationError) -> Regex? {
    var text: String?
    try read(key, &text)
    guard let text else { return nil }
    do { return try Regex(text) } catch { throw self.error(key, "is malformed: \(error.message)") }
  }

  /// Alloy's `regex` for names; nil when absent or empty.
  mutating func nameRegex() throws(ConfigurationError) -> Regex? {
    node("regex")?.scalar?.text.isEmpty == false ? try regex("regex") : nil
  }

  /// A text; a number or truth value without quotes is an error, as it is in Promtail.
  mutating func readText(_ key: String, _ value: inout String?) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    guard !scalar.isNumberOrBool else {
      throw error(key, "must be a text; put the value in quotes", at: .scalar(scalar))
    }
    value = scalar.text
  }

  /// A truth value, written as text too.
  mutating func readWeakly(_ key: String, _ value: inout Bool) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    let plain = YAMLScalar(text: scalar.text, isPlain: true, mark: scalar.mark)
    guard let flag = plain.boolValue else {
      throw error(key, "must be true or false, not `\(scalar.text)`", at: .scalar(scalar))
    }
    value = flag
  }

  /// A number, written as text too.
  mutating func readWeakly(_ key: String, _ value: inout Double) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    let plain = YAMLScalar(text: scalar.text, isPlain: true, mark: scalar.mark)
    guard let number = plain.doubleValue, number.isFinite else {
      throw error(key, "must be a number, not `\(scalar.text)`", at: .scalar(scalar))
    }
    value = number
  }

  /// A whole number, written as text too.
  mutating func readWeakly(_ key: String, _ value: inout Int) throws(ConfigurationError) {
    guard let scalar = try scalar(key) else { return }
    let plain = YAMLScalar(text: scalar.text, isPlain: true, mark: scalar.mark)
    guard let number = plain.intValue else {
      throw error(key, "must be a whole number, not `\(scalar.text)`", at: .scalar(scalar))
    }
    value = number
  }

  /// A list of texts, or one text.
  mutating func readWeakly(_ key: String, _ value: inout [String]) throws(ConfigurationError) {
    if let scalar = node(key)?.scalar {
      value = [scalar.text]
    } else {
      try read(key, &value)
    }
  }
}

extension YAMLNode {
  /// What stands where nothing was written.
  static func nothing(at mark: YAMLMark) -> YAMLNode {
    .scalar(YAMLScalar(text: "", isPlain: true, mark: mark))
  }
}

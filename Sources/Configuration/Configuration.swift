import WireFormats

/// The one configuration file: a part for the server, one for the agent, or both.
package struct Configuration: Sendable {
  /// The file's name as it was given, for messages.
  package var name: String
  /// nil when the file has no part `server`.
  package var server: ServerConfiguration?
  /// nil when the file has no part `agent`.
  package var agent: AgentConfiguration?
  /// What is no fault and may not be meant, in the order of the file.
  package var remarks: [ConfigurationError] = []

  /// Reads a configuration's text.
  ///
  /// A file with keys of Promtail's own at the top is an agent's as it is, and its `server` is
  /// Promtail's. References to the environment are put in first (``EnvironmentExpansion``). Throws
  /// ``ConfigurationError`` for malformed YAML, an unknown key, and a value that cannot be meant;
  /// each names file, line and column.
  package static func parse(text: String, name: String, environment: [String: String])
    throws(ConfigurationError) -> Configuration
  {
    let expanded = try EnvironmentExpansion.expand(text, file: name, environment: environment)
    var configuration = try read(try tree(expanded.text, name), name: name)
    configuration.remarks = expanded.remarks
    return configuration
  }

  /// The YAML of an expanded text.
  static func tree(_ expanded: String, _ name: String) throws(ConfigurationError) -> YAMLNode {
    do { return try YAMLNode.parse(expanded) } catch {
      throw ConfigurationError(file: name, mark: error.mark, message: error.message)
    }
  }

  /// Reads the settings of a whole file.
  static func read(_ root: YAMLNode, name: String) throws(ConfigurationError) -> Configuration {
    var section = try SettingSection(root, path: "", file: name)
    var configuration = Configuration(name: name)
    let promtail: Set<String> = ["clients", "client", "positions", "scrape_configs"]
    if !section.keys.contains("agent"), section.keys.contains(where: promtail.contains) {
      configuration.agent = try AgentConfiguration(&section)
      return configuration
    }
    if let member = section.member("server") {
      var inner = try SettingSection(member.value, path: "server", file: name)
      configuration.server = try ServerConfiguration(&inner)
    }
    if let member = section.member("agent") {
      var inner = try SettingSection(member.value, path: "agent", file: name)
      configuration.agent = try AgentConfiguration(&inner)
    }
    try section.finish { key in
      promtail.contains(key)
        ? "`\(key)` is a key of Promtail's: it belongs under `agent:` here" : nil
    }
    guard configuration.server != nil || configuration.agent != nil else {
      throw ConfigurationError(
        file: name, mark: root.mark, message: "neither `server` nor `agent` is configured")
    }
    return configuration
  }
}

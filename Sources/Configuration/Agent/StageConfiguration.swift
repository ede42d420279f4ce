package import WireFormats

/// One stage of a pipeline: its name is known, its settings are read by whoever runs it.
package struct StageConfiguration: Hashable, Sendable {
  /// `json`, `match`, …
  package var name: String
  /// The settings; a null scalar when there are none.
  package var settings: YAMLNode
  package var mark: YAMLMark
  /// The setting's path for messages: `agent.scrape_configs[0].pipeline_stages[2].json`.
  package var path: String
  package var file: String

  package init(name: String, settings: YAMLNode, mark: YAMLMark, path: String, file: String) {
    self.name = name
    self.settings = settings
    self.mark = mark
    self.path = path
    self.file = file
  }

  /// The names of all stages that Promtail knows, and of Alloy's additions.
  package static let names: Set<String> = [
    "cri", "decolorize", "docker", "drop", "eventlogmessage", "geoip", "json", "labelallow",
    "labeldrop", "labels", "limit", "logfmt", "luhn", "match", "metrics", "multiline",
    "non_indexed_labels", "output", "pack", "pattern", "regex", "replace", "sampling",
    "split_json", "static_labels", "structured_metadata", "structured_metadata_drop", "template",
    "tenant", "timestamp", "truncate",
  ]

  /// Reads a list of stages: mappings of one known name each.
  package static func list(_ node: YAMLNode, path: String, file: String)
    throws(ConfigurationError) -> [StageConfiguration]
  {
    if node.isNull { return [] }
    guard let items = node.items else {
      throw ConfigurationError(
        file: file, mark: node.mark, message: "`\(path)` must be a list, not \(node.kind)")
    }
    var stages: [StageConfiguration] = []
    for (index, item) in items.enumerated() {
      stages.append(try one(item, path: "\(path)[\(index)]", file: file))
    }
    return stages
  }

  private static func one(_ node: YAMLNode, path: String, file: String)
    throws(ConfigurationError) -> StageConfiguration
  {
    // `- docker` without a colon is a scalar in YAML; Promtail refuses it, as it does two names.
    guard let members = node.members, let member = members.first, members.count == 1 else {
      throw ConfigurationError(
        file: file, mark: node.mark,
        message: "`\(path)` must be one stage: a mapping of one name, such as `json: {…}`")
    }
    guard names.contains(member.key) else {
      var message = "unknown stage `\(member.key)` in `\(path)`"
      if let nearest = NearestName.find(member.key, among: names) {
        message += "; did you mean `\(nearest)`?"
      }
      throw ConfigurationError(file: file, mark: member.keyMark, message: message)
    }
    return StageConfiguration(
      name: member.key, settings: member.value, mark: member.keyMark,
      path: "\(path).\(member.key)", file: file)
  }
}

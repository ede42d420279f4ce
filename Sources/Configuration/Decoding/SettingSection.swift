package import WireFormats

/// What was noticed in settings that are good nevertheless; for one thread.
package final class SettingRemarks {
  /// `file:line:column: …`, in the order in which they were read.
  package private(set) var texts: [String] = []

  package init() {}

  package func add(_ remark: ConfigurationError) { texts.append(remark.description) }
}

/// Reads the settings of one mapping by name; what nobody asked for is an error in the end.
///
/// With ``remarks`` it is read as Promtail reads a stage's settings: the case of names does not
/// matter, and what nobody asked for is remarked on alone.
///
/// A key that is absent or null leaves the value as it was, so that defaults stand in the types.
/// Every message names file, line, column and the setting's path (`server.limits.max_line_size`).
package struct SettingSection {
  /// Where this mapping stands, or the whole file when it is the root.
  package let mark: YAMLMark
  /// The path of this mapping for messages; empty for the root.
  package let path: String
  package let file: String
  /// All members, in order.
  package let allMembers: [YAMLMember]
  private var asked: [String] = []
  /// Takes what is unknown; nil where that is an error.
  package var remarks: SettingRemarks?

  /// Takes a mapping; null is an empty one. Throws for another kind of node.
  package init(_ node: YAMLNode, path: String, file: String) throws(ConfigurationError) {
    self.path = path
    self.file = file
    mark = node.mark
    if node.isNull {
      allMembers = []
    } else if let members = node.members {
      allMembers = members
    } else {
      throw ConfigurationError(
        file: file, mark: node.mark,
        message: "`\(path.isEmpty ? file : path)` must be a mapping, not \(node.kind)")
    }
  }

  /// The keys that stand here, in order.
  package var keys: [String] { allMembers.map(\.key) }

  /// The setting's path for messages.
  package func path(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

  /// The value of `key`, which is known from now on; nil when absent or null.
  package mutating func node(_ key: String) -> YAMLNode? {
    guard let node = member(key)?.value, !node.isNull else { return nil }
    return node
  }

  /// The member `key` even when its value is null.
  package mutating func member(_ key: String) -> YAMLMember? {
    asked.append(key)
    if let member = allMembers.first(where: { $0.key == key }) { return member }
    guard remarks != nil else { return nil }
    return allMembers.first { $0.key.lowercased() == key }
  }

  /// Marks keys as known that have no meaning here.
  package mutating func ignore(_ keys: [String]) { asked += keys }

  /// Throws for the first key that was not asked for.
  ///
  /// - Parameter explain: a better message for a key that is known elsewhere.
  package func finish(_ explain: (String) -> String? = { _ in nil }) throws(ConfigurationError) {
    let known = Set(asked)
    for member in allMembers where !known.contains(member.key) {
      if remarks != nil, known.contains(member.key.lowercased()) { continue }
      let place = path.isEmpty ? "at the top level" : "under `\(path)`"
      var message = explain(member.key) ?? "unknown key `\(member.key)` \(place)"
      if remarks != nil { message += ", which has no effect" }
      if explain(member.key) == nil, let nearest = NearestName.find(member.key, among: known) {
        message += "; did you mean `\(nearest)`?"
      }
      guard let remarks else {
        throw ConfigurationError(file: file, mark: member.keyMark, message: message)
      }
      remarks.add(ConfigurationError(file: file, mark: member.keyMark, message: message))
    }
  }

  /// An error at `node` about the setting `key`.
  package func error(_ key: String, _ message: String, at node: YAMLNode? = nil)
    -> ConfigurationError
  {
    let mark = node?.mark ?? allMembers.first { $0.key == key }?.keyMark ?? mark
    return ConfigurationError(file: file, mark: mark, message: "`\(path(key))` \(message)")
  }

  /// The mapping `key`, or nil when absent or null.
  package mutating func section(_ key: String) throws(ConfigurationError) -> SettingSection? {
    guard let node = node(key) else { return nil }
    var section = try SettingSection(node, path: path(key), file: file)
    section.remarks = remarks
    return section
  }

  /// Whether `key` stands here, be it without a value.
  package func hasKey(_ key: String) -> Bool { allMembers.contains { $0.key == key } }

  /// The mapping `key`; without a value it is an empty one.
  package mutating func sectionOrEmpty(_ key: String) throws(ConfigurationError)
    -> SettingSection
  {
    if let found = try section(key) { return found }
    return try SettingSection(
      .scalar(YAMLScalar(text: "", isPlain: true, mark: mark)), path: path(key), file: file)
  }

  /// The list `key`; empty when absent or null.
  package mutating func list(_ key: String) throws(ConfigurationError) -> [YAMLNode] {
    guard let node = node(key) else { return [] }
    guard let items = node.items else {
      throw error(key, "must be a list, not \(node.kind)", at: node)
    }
    return items
  }

  /// The mappings of the list `key`, each with its own path (`clients[0]`).
  package mutating func sections(_ key: String) throws(ConfigurationError) -> [SettingSection] {
    var sections: [SettingSection] = []
    for (index, item) in try list(key).enumerated() {
      sections.append(
        try SettingSection(item, path: "\(path(key))[\(index)]", file: file))
    }
    return sections
  }
}

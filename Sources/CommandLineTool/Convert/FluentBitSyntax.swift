import WireFormats

/// One section of Fluent Bit's configuration: `[INPUT]` with its keys.
struct FluentBitSection {
  /// In small letters: input, filter, output, parser, service, multiline_parser.
  var kind: String
  var line: Int
  /// Keys in small letters; of repeated keys all.
  var settings: [(key: String, value: String)] = []

  /// The last value of a key.
  subscript(key: String) -> String? { settings.last { $0.key == key }?.value }

  func all(_ key: String) -> [String] { settings.filter { $0.key == key }.map(\.value) }

  func isOn(_ key: String) -> Bool {
    ["on", "true", "yes", "1"].contains((self[key] ?? "").lowercased())
  }
}

/// Reads Fluent Bit's classic configuration and the YAML one.
///
/// `${NAME}` is what the file sets (`@SET`, `env`), or a reference to the environment.
enum FluentBitSyntax {
  static func sections(_ text: String, file: String) throws(CommandFailure) -> [FluentBitSection] {
    var sections: [FluentBitSection] = try written(text, file: file)
    var variables: [String: String] = [:]
    sections.removeAll { section in
      guard section.kind == "directive", let set = section["@set"],
        let equals = set.firstIndex(of: "=")
      else { return false }
      variables[String(set[..<equals])] = String(set[set.index(after: equals)...])
      return true
    }
    for section in sections where section.kind == "env" {
      for (name, value) in section.settings { variables[name] = value }
    }
    sections.removeAll { $0.kind == "env" }
    for section in sections.indices {
      for setting in sections[section].settings.indices {
        let value = sections[section].settings[setting].value
        sections[section].settings[setting].value = value.replacing(/\$\{(\w+)\}/) {
          variables[String($0.1)] ?? ConvertedYAML.environment(String($0.1))
        }
      }
    }
    return sections
  }

  /// The sections as they stand.
  private static func written(_ text: String, file: String) throws(CommandFailure)
    -> [FluentBitSection]
  {
    let isClassic = text.split(separator: "\n").contains { line in
      line.drop { $0 == " " || $0 == "\t" }.hasPrefix("[")
    }
    return isClassic ? classic(text) : try yaml(text, file: file)
  }

  private static func classic(_ text: String) -> [FluentBitSection] {
    var sections: [FluentBitSection] = []
    for (number, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let line = raw.drop { $0 == " " || $0 == "\t" }
      if line.isEmpty || line.hasPrefix("#") { continue }
      if line.hasPrefix("["), let end = line.firstIndex(of: "]") {
        let kind = line[line.index(after: line.startIndex)..<end].lowercased()
        sections.append(FluentBitSection(kind: kind, line: number + 1))
        continue
      }
      let key = line.prefix { $0 != " " && $0 != "\t" }
      var value = line[key.endIndex...].drop { $0 == " " || $0 == "\t" }
      while let last = value.last, last == " " || last == "\t" || last == "\r" {
        value.removeLast()
      }
      let owner = sections.lastIndex { $0.kind != "directive" }
      if let owner, !key.hasPrefix("@") {
        sections[owner].settings.append((key.lowercased(), String(value)))
      } else {
        sections.append(
          FluentBitSection(
            kind: "directive", line: number + 1, settings: [(key.lowercased(), String(value))]))
      }
    }
    return sections
  }

  private static func yaml(_ text: String, file: String) throws(CommandFailure)
    -> [FluentBitSection]
  {
    let root: YAMLNode
    do { root = try YAMLNode.parse(text) } catch {
      throw CommandFailure(message: "\(file): \(error.description)")
    }
    var sections: [FluentBitSection] = []
    func add(_ kind: String, _ node: YAMLNode?) {
      for item in node?.items ?? [] {
        var section = FluentBitSection(kind: kind, line: item.mark.line)
        for member in item.members ?? [] {
          let key = member.key.lowercased()
          if let scalar = member.value.scalar {
            section.settings.append((key, scalar.text))
          } else if let items = member.value.items {
            for value in items { section.settings.append((key, value.scalar?.text ?? "")) }
          } else {
            section.settings.append((key, ""))
          }
        }
        sections.append(section)
      }
    }
    add("parser", root["parsers"])
    add("multiline_parser", root["multiline_parsers"])
    add("input", root["pipeline"]?["inputs"])
    add("filter", root["pipeline"]?["filters"])
    add("output", root["pipeline"]?["outputs"])
    var environment = FluentBitSection(kind: "env", line: 0)
    for member in root["env"]?.members ?? [] {
      environment.settings.append((member.key, member.value.scalar?.text ?? ""))
    }
    sections.append(environment)
    for member in root.members ?? []
    where !["service", "env", "parsers", "multiline_parsers", "pipeline"].contains(member.key) {
      sections.append(
        FluentBitSection(
          kind: "directive", line: member.keyMark.line, settings: [(member.key, "")]))
    }
    return sections
  }
}

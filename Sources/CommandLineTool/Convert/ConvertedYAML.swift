import TelemetryModel

/// YAML that is written for people: mappings in order, one key a line.
indirect enum ConvertedYAML: Sendable {
  /// A text, quoted where YAML would take it for something else.
  case text(String)
  /// A number, a truth value or null, as it stands.
  case plain(String)
  case list([ConvertedYAML])
  case map([(key: String, value: ConvertedYAML)])

  static let null = ConvertedYAML.plain("")

  var isEmpty: Bool {
    switch self {
    case .text, .plain: false
    case .list(let items): items.isEmpty
    case .map(let members): members.isEmpty
    }
  }

  /// The member, for changes in place.
  subscript(key: String) -> ConvertedYAML? {
    get {
      if case .map(let members) = self { members.first { $0.key == key }?.value } else { nil }
    }
    set {
      guard case .map(var members) = self else { return }
      let at = members.firstIndex { $0.key == key }
      switch (at, newValue) {
      case (let at?, let value?): members[at].value = value
      case (let at?, nil): members.remove(at: at)
      case (nil, let value?): members.append((key, value))
      case (nil, nil): break
      }
      self = .map(members)
    }
  }

  /// The document's lines.
  func document() -> String { lines().joined(separator: "\n") + "\n" }

  private func lines() -> [String] {
    switch self {
    case .text, .plain: return [inline]
    case .list(let items):
      if items.isEmpty { return ["[]"] }
      return items.flatMap { item -> [String] in
        let lines = item.isEmpty ? [item.inline] : item.lines()
        return lines.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
      }
    case .map(let members):
      if members.isEmpty { return ["{}"] }
      return members.flatMap { member -> [String] in
        let key = Self.quoted(member.key)
        switch member.value {
        case .list(let items) where !items.isEmpty:
          return ["\(key):"] + member.value.lines().map { "  " + $0 }
        case .map(let inner) where !inner.isEmpty:
          return ["\(key):"] + member.value.lines().map { "  " + $0 }
        case .plain(""): return ["\(key):"]
        default: return ["\(key): \(member.value.inline)"]
        }
      }
    }
  }

  private var inline: String {
    switch self {
    case .text(let text): Self.quoted(Self.escapedReferences(text))
    case .plain(let text): text.isEmpty ? "null" : text
    case .list: "[]"
    case .map: "{}"
    }
  }

  /// `$$` and `${NAME}` would be read as references to the environment. A reference that is meant
  /// is marked by ``environment(_:)``.
  private static func escapedReferences(_ text: String) -> String {
    guard text.contains("$") else { return text }
    var out = text.replacing("$$", with: "$$$$")
    out = out.replacing(/\$\{([A-Za-z_])/) { "$${\($0.1)" }
    return out.replacing("\u{1}", with: "${").replacing("\u{2}", with: "}")
  }

  /// A reference to the environment that stays one.
  static func environment(_ name: String) -> String { "\u{1}\(name)\u{2}" }

  private static func quoted(_ text: String) -> String {
    let text = text.replacing("\u{1}", with: "${").replacing("\u{2}", with: "}")
    let isSafe =
      !text.isEmpty && text.first?.isLetter == true
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: "_-./".utf8.contains(byte)
        }
      }
    let isWord = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan"]
      .contains(text.lowercased())
    if isSafe, !isWord { return text }
    if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
      return TelemetryModel.quoted(text)
    }
    return "'" + text.replacing("'", with: "''") + "'"
  }
}

/// What a conversion made, and what it could not take along.
struct ConvertedConfiguration {
  var clients: [ConvertedYAML] = []
  var jobs: [ConvertedYAML] = []
  /// Further keys of the part `agent:`.
  var others: [(key: String, value: ConvertedYAML)] = []
  /// `FILE:LINE: what`, for people.
  var losses: [String] = []

  var yaml: ConvertedYAML {
    .map([
      (
        "agent",
        .map(
          others + [("clients", .list(clients)), ("scrape_configs", .list(jobs))])
      )
    ])
  }
}

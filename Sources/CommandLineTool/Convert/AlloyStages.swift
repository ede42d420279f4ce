/// The stages of a `loki.process` as Promtail writes them, with Alloy's defaults spelt out.
struct AlloyStages {
  private let name: String
  /// What could not be carried over.
  private(set) var losses: [String] = []

  init(name: String) { self.name = name }

  private static let renamed = ["label_drop": "labeldrop", "label_keep": "labelallow"]
  private static let known: Set<String> = [
    "cri", "decolorize", "docker", "drop", "eventlogmessage", "geoip", "json", "label_drop",
    "label_keep", "labels", "limit", "logfmt", "luhn", "match", "metrics", "multiline", "output",
    "pack", "pattern", "regex", "replace", "sampling", "split_json", "static_labels",
    "structured_metadata", "structured_metadata_drop", "template", "tenant", "timestamp",
    "truncate",
  ]

  mutating func stages(_ block: AlloyBlock) -> [ConvertedYAML] {
    var stages: [ConvertedYAML] = []
    for inner in block.blocks {
      guard inner.name.count == 2, inner.name[0] == "stage", Self.known.contains(inner.name[1])
      else {
        lose(inner, "`\(inner.kind)`")
        continue
      }
      let stage = inner.name[1]
      stages.append(.map([(Self.renamed[stage] ?? stage, settings(stage, inner))]))
    }
    return stages
  }

  private mutating func lose(_ block: AlloyBlock, _ what: String) {
    losses.append("\(name):\(block.line): \(what)")
  }

  private mutating func settings(_ stage: String, _ block: AlloyBlock) -> ConvertedYAML {
    var settings = attributes(block)
    func preset(_ key: String, _ value: String) {
      if settings[key] == nil { settings[key] = .plain(value) }
    }
    switch stage {
    case "label_drop", "label_keep", "structured_metadata_drop":
      return settings["values"] ?? .list([])
    case "static_labels": return settings["values"] ?? .map([])
    case "labels", "structured_metadata":
      guard case .map(let values)? = settings["values"] else { break }
      // An empty source is the name itself.
      let named = ConvertedYAML.map(
        values.map { key, value in
          if case .text("") = value { (key, .null) } else { (key, value) }
        })
      if settings["source_type"] == nil, settings["regex"] == nil { return named }
      settings["values"] = named
    case "json", "logfmt":
      let key = stage == "json" ? "expressions" : "mapping"
      guard case .map(let values)? = settings[key] else { break }
      settings[key] = .map(
        values.map { name, value in
          if case .text("") = value { (name, .null) } else { (name, value) }
        })
    case "timestamp": preset("action_on_duplicate_timestamp", "fudge")
    case "multiline": preset("trim_newlines", "true")
    case "geoip": settings["target"] = .text("extracted")
    case "match":
      settings["stages"] = .list(stages(block))
      if case .list(let inner)? = settings["stages"], inner.isEmpty { settings["stages"] = nil }
    case "metrics": return metrics(block)
    case "truncate":
      settings["rules"] = .list(block.blocks.filter { $0.kind == "rule" }.map { attributes($0) })
    default: break
    }
    return settings
  }

  private mutating func metrics(_ block: AlloyBlock) -> ConvertedYAML {
    var metrics: [(key: String, value: ConvertedYAML)] = []
    for inner in block.blocks {
      guard inner.name.count == 2, inner.name[0] == "metric" else { continue }
      let all = attributes(inner)
      guard case .text(let metric)? = all["name"] else { continue }
      var outer: [(key: String, value: ConvertedYAML)] = [("type", .text(inner.name[1]))]
      var config: [(key: String, value: ConvertedYAML)] = []
      if all["prefix"] == nil { outer.append(("prefix", .text("loki_process_custom_"))) }
      guard case .map(let members) = all else { continue }
      for (key, value) in members where key != "name" {
        switch key {
        case "description", "source", "prefix", "max_idle_duration": outer.append((key, value))
        default: config.append((key, value))
        }
      }
      outer.append(("config", .map(config)))
      metrics.append((metric, .map(outer)))
    }
    return .map(metrics)
  }

  private mutating func attributes(_ block: AlloyBlock) -> ConvertedYAML {
    var problems: [String] = []
    let members = block.attributes.map { ($0.key, Self.yaml($0.value, &problems)) }
    for problem in problems { lose(block, problem) }
    return .map(members)
  }

  /// A value of Alloy's as YAML; `problems` gets what cannot be reckoned out here.
  static func yaml(_ value: AlloyValue, _ problems: inout [String]) -> ConvertedYAML {
    switch value {
    case .string(let text): return .text(text)
    case .number(let text): return .plain(text)
    case .bool(let flag): return .plain(flag ? "true" : "false")
    case .null: return .null
    case .list(let items): return .list(items.map { yaml($0, &problems) })
    case .object(let members): return .map(members.map { ($0.key, yaml($0.value, &problems)) })
    case .call(let path, let arguments):
      if path == ["sys", "env"] || path == ["env"], case .string(let name)? = arguments.first {
        return .text(ConvertedYAML.environment(name))
      }
      if path.first == "convert", let inner = arguments.first { return yaml(inner, &problems) }
      if path == ["constants", "hostname"] { return .text(ConvertedYAML.environment("HOSTNAME")) }
      problems.append("the value of `\(path.joined(separator: "."))(…)`")
      return .text("")
    case .reference(let path):
      if path == ["constants", "hostname"] { return .text(ConvertedYAML.environment("HOSTNAME")) }
      problems.append("the value of `\(path.joined(separator: "."))`")
      return .text("")
    case .other:
      problems.append("a value that is reckoned out")
      return .text("")
    }
  }
}

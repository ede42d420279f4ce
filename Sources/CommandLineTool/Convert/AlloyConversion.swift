/// Alloy's components for logs as jobs and clients.
///
/// Each way from a source through `loki.process` and `loki.relabel` to a `loki.write` becomes a
/// job. Components for anything but logs are named and left out.
struct AlloyConversion {
  private let name: String
  private let blocks: [AlloyBlock]
  private var made = ConvertedConfiguration()
  /// The `discovery.file` blocks that the targets of the source at hand come from.
  private var discoveries: [ConvertedYAML] = []

  init(_ text: String, name: String) throws(CommandFailure) {
    self.name = name
    blocks = try AlloyParser.parse(text, file: name)
  }

  /// Top-level blocks that stand for nothing here, or for what is always so.
  private static let silent: Set<String> = [
    "logging", "tracing", "http", "livedebugging", "local.file_match", "discovery.file",
    "discovery.relabel",
    "loki.relabel", "loki.process", "loki.write",
  ]

  func result() -> ConvertedConfiguration {
    var copy = self
    copy.convert()
    return copy.made
  }

  private mutating func lose(_ block: AlloyBlock, _ what: String) {
    made.losses.append("\(name):\(block.line): \(what)")
  }

  private mutating func convert() {
    for block in blocks where block.kind == "loki.write" { addClients(block) }
    for block in blocks {
      switch block.kind {
      case "loki.source.file", "loki.source.journal", "loki.source.syslog", "loki.source.api",
        "loki.source.gelf":
        addJobs(block)
      case let kind where Self.silent.contains(kind): break
      default: lose(block, "`\(block.kind)`")
      }
    }
    let writes = blocks.filter { $0.kind == "loki.write" }
    if writes.count > 1, let second = writes.dropFirst().first {
      lose(second, "the choice of servers: every job sends to every client")
    }
  }

  // MARK: Clients

  private mutating func addClients(_ block: AlloyBlock) {
    for endpoint in block.blocks {
      guard endpoint.kind == "endpoint" else {
        // The disk queue is always there.
        if endpoint.kind != "wal" { lose(endpoint, "`\(endpoint.kind)` of loki.write") }
        continue
      }
      var client: [(key: String, value: ConvertedYAML)] = []
      let names = [
        "url": "url", "name": "name", "tenant_id": "tenant_id", "batch_wait": "batchwait",
        "batch_size": "batchsize", "remote_timeout": "timeout", "headers": "headers",
        "bearer_token": "bearer_token", "bearer_token_file": "bearer_token_file",
        "proxy_url": "proxy_url", "follow_redirects": "follow_redirects",
        "enable_http2": "enable_http2",
      ]
      var backoff: [(key: String, value: ConvertedYAML)] = []
      for (key, value) in endpoint.attributes {
        switch key {
        case "min_backoff_period": backoff.append(("min_period", yaml(value, endpoint)))
        case "max_backoff_period": backoff.append(("max_period", yaml(value, endpoint)))
        case "max_backoff_retries": backoff.append(("max_retries", yaml(value, endpoint)))
        case "retry_on_http_429": break
        default:
          if let known = names[key] {
            client.append((known, yaml(value, endpoint)))
          } else {
            lose(endpoint, "`\(key)` of an endpoint")
          }
        }
      }
      if !backoff.isEmpty { client.append(("backoff_config", .map(backoff))) }
      for inner in endpoint.blocks {
        switch inner.kind {
        case "basic_auth", "authorization", "oauth2", "tls_config":
          client.append((inner.kind, section(inner)))
        case "queue_config": break
        default: lose(inner, "`\(inner.kind)` of an endpoint")
        }
      }
      if let labels = block["external_labels"] {
        client.append(("external_labels", yaml(labels, block)))
      }
      made.clients.append(.map(client))
    }
  }

  // MARK: Jobs

  private mutating func addJobs(_ source: AlloyBlock) {
    let ways = ways(from: source["forward_to"], seen: [])
    if ways.isEmpty { lose(source, "`\(source.kind)`: it leads to no loki.write") }
    let bodies = ways.isEmpty ? [] : bodies(source)
    let jobs = ways.flatMap { way in bodies.map { (way, $0) } }
    for (index, (way, body)) in jobs.enumerated() {
      var job: [(key: String, value: ConvertedYAML)] = [
        ("job_name", .text(source.label + (index == 0 ? "" : "-\(index + 1)")))
      ]
      job += body
      var rules: [ConvertedYAML] = []
      if case .reference(let path)? = source["relabel_rules"] ?? relabelRules(source),
        let block = block(path.dropLast())
      {
        rules += self.rules(block)
      }
      var stages: [ConvertedYAML] = []
      for block in way {
        if block.kind == "loki.process" {
          var converter = AlloyStages(name: name)
          stages += converter.stages(block)
          for loss in converter.losses where !made.losses.contains(loss) {
            made.losses.append(loss)
          }
        } else if stages.isEmpty {
          // Before all stages the labels are those of the target.
          rules += self.rules(block)
        } else {
          lose(block, "`loki.relabel` behind `loki.process`")
        }
      }
      if !rules.isEmpty {
        if case .list(let own)? = job.first(where: { $0.key == "relabel_configs" })?.value {
          job.removeAll { $0.key == "relabel_configs" }
          rules = own + rules
        }
        job.append(("relabel_configs", .list(rules)))
      }
      if !stages.isEmpty { job.append(("pipeline_stages", .list(stages))) }
      made.jobs.append(.map(job))
    }
  }

  private func relabelRules(_ source: AlloyBlock) -> AlloyValue? {
    source.blocks.lazy.compactMap { $0["relabel_rules"] }.first
  }

  private func block(_ path: some Collection<String>) -> AlloyBlock? {
    blocks.first { $0.path.elementsEqual(path) }
  }

  /// The blocks on each way from `forward_to` to a loki.write.
  private mutating func ways(from value: AlloyValue?, seen: Set<[String]>) -> [[AlloyBlock]] {
    guard case .list(let receivers)? = value else { return [] }
    var ways: [[AlloyBlock]] = []
    var reachesWrite = false
    for receiver in receivers {
      guard case .reference(let path) = receiver, !seen.contains(path),
        let block = block(path.dropLast())
      else { continue }
      switch block.kind {
      case "loki.write":
        // All clients get every job: one way stands for all of them.
        if !reachesWrite { ways.append([]) }
        reachesWrite = true
      case "loki.process", "loki.relabel":
        let rest = self.ways(from: block["forward_to"], seen: seen.union([path]))
        ways += rest.map { [block] + $0 }
      default: lose(block, "`\(block.kind)`: lines go on without it")
      }
      if ways.count > 64 { break }
    }
    return ways
  }

  // MARK: Sources

  /// What jobs of a source have besides rules and stages: one job, or one for each listener.
  private mutating func bodies(_ block: AlloyBlock) -> [[(key: String, value: ConvertedYAML)]] {
    guard block.kind == "loki.source.syslog" else { return [source(block)] }
    return block.blocks.filter { $0.kind == "listener" }.map { listener in
      let known: Set = [
        "address", "protocol", "idle_timeout", "label_structured_data", "labels",
        "use_incoming_timestamp", "use_rfc5424_message", "max_message_length", "syslog_format",
      ]
      return [
        (
          "syslog",
          section(
            listener, renaming: ["address": "listen_address", "protocol": "listen_protocol"],
            only: known)
        )
      ]
    }
  }

  private mutating func source(_ block: AlloyBlock) -> [(key: String, value: ConvertedYAML)] {
    switch block.kind {
    case "loki.source.file": return files(block)
    case "loki.source.journal":
      let known: Set = ["format_as_json", "max_age", "path", "matches", "labels"]
      return [("journal", section(block, renaming: ["format_as_json": "json"], only: known))]
    case "loki.source.gelf":
      return [("gelf", section(block, only: ["listen_address", "use_incoming_timestamp"]))]
    default:
      var push = section(block, only: ["labels", "use_incoming_timestamp"])
      let http = block.blocks.first { $0.kind == "http" }
      var server: [(key: String, value: ConvertedYAML)] = []
      if let value = http?["listen_address"] {
        server.append(("http_listen_address", yaml(value, block)))
      }
      server.append(
        ("http_listen_port", http?["listen_port"].map { yaml($0, block) } ?? .plain("8080")))
      push["server"] = .map(server)
      for inner in block.blocks {
        if inner.kind != "http" { lose(inner, "`\(inner.kind)` of \(block.kind)") }
        push[inner.kind] = nil
      }
      return [("loki_push_api", push)]
    }
  }

  private mutating func files(_ block: AlloyBlock) -> [(key: String, value: ConvertedYAML)] {
    var targets: [ConvertedYAML] = []
    var rules: [ConvertedYAML] = []
    discoveries = []
    addTargets(block["targets"], block, &targets, &rules, depth: 0)
    var keys: [(key: String, value: ConvertedYAML)] = []
    if !targets.isEmpty || discoveries.isEmpty {
      keys.append(("static_configs", .list(targets.map { .map([("labels", $0)]) })))
    }
    if !discoveries.isEmpty { keys.append(("file_sd_configs", .list(discoveries))) }
    if !rules.isEmpty { keys.append(("relabel_configs", .list(rules))) }
    for (key, value) in block.attributes {
      switch key {
      case "targets", "forward_to": break
      case "encoding": keys.append(("encoding", yaml(value, block)))
      case "tail_from_end":
        if case .bool(false) = value { break }
        lose(block, "`tail_from_end`: files are read from their beginning")
      default: lose(block, "`\(key)` of loki.source.file")
      }
    }
    for inner in block.blocks {
      switch inner.kind {
      case "decompression": keys.append(("decompression", section(inner)))
      case "file_watch", "file_match": break
      default: lose(inner, "`\(inner.kind)` of loki.source.file")
      }
    }
    return keys
  }

  private mutating func addTargets(
    _ value: AlloyValue?, _ block: AlloyBlock, _ targets: inout [ConvertedYAML],
    _ rules: inout [ConvertedYAML], depth: Int
  ) {
    switch value {
    case .list(let items) where depth < 16:
      for item in items { addTargets(item, block, &targets, &rules, depth: depth + 1) }
    case .object: if let value { targets.append(yaml(value, block)) }
    case .reference(let path) where depth < 16:
      guard let from = self.block(path.dropLast()) else {
        lose(block, "the targets `\(path.joined(separator: "."))`")
        return
      }
      switch from.kind {
      case "local.file_match":
        addTargets(from["path_targets"], from, &targets, &rules, depth: depth + 1)
      case "discovery.file":
        discoveries.append(section(from, only: ["files", "refresh_interval"]))
      case "discovery.relabel":
        addTargets(from["targets"], from, &targets, &rules, depth: depth + 1)
        rules += self.rules(from)
      default: lose(from, "the targets of `\(from.kind)`")
      }
    case .call(let path, let arguments) where path == ["array", "concat"] || path == ["concat"]:
      for item in arguments { addTargets(item, block, &targets, &rules, depth: depth + 1) }
    default: lose(block, "targets that are reckoned out")
    }
  }

  private mutating func rules(_ block: AlloyBlock) -> [ConvertedYAML] {
    block.blocks.filter { $0.kind == "rule" }.map { section($0) }
  }

  // MARK: Values

  /// A block's settings under the names that they have here; with `only` others are named as
  /// lost, but those that say where lines go.
  private mutating func section(
    _ block: AlloyBlock, renaming: [String: String] = [:], only: Set<String>? = nil
  ) -> ConvertedYAML {
    var members: [(key: String, value: ConvertedYAML)] = []
    for (key, value) in block.attributes {
      if only?.contains(key) == false {
        if !["forward_to", "relabel_rules"].contains(key) {
          lose(block, "`\(key)` of \(block.kind)")
        }
        continue
      }
      members.append((renaming[key] ?? key, yaml(value, block)))
    }
    for inner in block.blocks where inner.kind != "rule" {
      members.append((inner.kind, section(inner)))
    }
    return .map(members)
  }

  private mutating func yaml(_ value: AlloyValue, _ block: AlloyBlock) -> ConvertedYAML {
    var problems: [String] = []
    let made = AlloyStages.yaml(value, &problems)
    for problem in problems { lose(block, problem) }
    return made
  }
}

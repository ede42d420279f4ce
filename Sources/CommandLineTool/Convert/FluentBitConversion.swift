/// Fluent Bit's inputs, filters and Loki outputs as jobs and clients.
struct FluentBitConversion {
  private let name: String
  private let sections: [FluentBitSection]
  private var made = ConvertedConfiguration()

  init(_ text: String, name: String) throws(CommandFailure) {
    self.name = name
    sections = try FluentBitSyntax.sections(text, file: name)
  }

  func result() -> ConvertedConfiguration {
    var copy = self
    copy.convert()
    return copy.made
  }

  private mutating func lose(_ section: FluentBitSection, _ what: String) {
    let loss = "\(name):\(section.line): \(what)"
    if !made.losses.contains(loss) { made.losses.append(loss) }
  }

  private mutating func convert() {
    for section in sections {
      switch section.kind {
      case "output": addClient(section)
      case "directive": lose(section, "`\(section.settings.first?.key ?? "")`")
      default: break
      }
    }
    for section in sections where section.kind == "input" { addJob(section) }
  }

  /// Whether a tag is what a `Match` with `*` means.
  private static func matches(_ tag: Substring, _ pattern: Substring) -> Bool {
    guard let first = pattern.first else { return tag.isEmpty }
    if first == "*" {
      let rest = pattern.dropFirst()
      return tag.indices.contains { matches(tag[$0...], rest) } || matches("", rest)
    }
    return tag.first == first && matches(tag.dropFirst(), pattern.dropFirst())
  }

  // MARK: Outputs

  private static let silentOutput: Set<String> = [
    "name", "match", "host", "port", "uri", "tls", "labels", "label_keys", "line_format",
    "retry_limit", "workers", "auto_kubernetes_labels", "compress", "alias", "log_level",
    "drop_single_key", "net.connect_timeout", "net.keepalive", "storage.total_limit_size",
    "structured_metadata",
  ]

  private mutating func addClient(_ section: FluentBitSection) {
    guard section["name"]?.lowercased() == "loki" else {
      lose(section, "output `\(section["name"] ?? "")`")
      return
    }
    let scheme = section.isOn("tls") ? "https" : "http"
    let host = section["host"] ?? "127.0.0.1"
    let path = section["uri"] ?? "/loki/api/v1/push"
    var client: [(key: String, value: ConvertedYAML)] = [
      ("url", .text("\(scheme)://\(host):\(section["port"] ?? "3100")\(path)"))
    ]
    var basic: [(key: String, value: ConvertedYAML)] = []
    var tls: [(key: String, value: ConvertedYAML)] = []
    var headers: [(key: String, value: ConvertedYAML)] = []
    for (key, value) in section.settings {
      switch key {
      case "tenant_id": client.append(("tenant_id", .text(value)))
      case "http_user": basic.append(("username", .text(value)))
      case "http_passwd": basic.append(("password", .text(value)))
      case "bearer_token": client.append(("bearer_token", .text(value)))
      case "tls.verify":
        if !section.isOn("tls.verify") { tls.append(("insecure_skip_verify", .plain("true"))) }
      case "tls.ca_file": tls.append(("ca_file", .text(value)))
      case "tls.crt_file": tls.append(("cert_file", .text(value)))
      case "tls.key_file": tls.append(("key_file", .text(value)))
      case "header":
        let name = value.prefix { $0 != " " }
        headers.append((String(name), .text(String(value[name.endIndex...].drop { $0 == " " }))))
      default:
        if !Self.silentOutput.contains(key) { lose(section, "`\(key)` of the output") }
      }
    }
    if !basic.isEmpty { client.append(("basic_auth", .map(basic))) }
    if !tls.isEmpty { client.append(("tls_config", .map(tls))) }
    if !headers.isEmpty { client.append(("headers", .map(headers))) }
    if section["line_format"]?.lowercased() == "key_value" {
      lose(section, "`line_format key_value`: lines are sent as they are read")
    }
    if section.isOn("auto_kubernetes_labels") { lose(section, "`auto_kubernetes_labels`") }
    made.clients.append(.map(client))
  }

  /// Labels that a Loki output gives: fixed ones and those of fields.
  private func labels(_ output: FluentBitSection) -> (
    fixed: [(key: String, value: ConvertedYAML)], fields: [(label: String, path: String)]
  ) {
    var fixed: [(key: String, value: ConvertedYAML)] = []
    var fields: [(label: String, path: String)] = []
    for part in (output["labels"] ?? "job=fluent-bit").split(separator: ",") {
      let trimmed = part.drop { $0 == " " }
      guard let equals = trimmed.firstIndex(of: "=") else {
        if trimmed.hasPrefix("$") { fields.append(field(trimmed, label: nil)) }
        continue
      }
      let label = String(trimmed[..<equals]).filter { $0 != " " }
      let value = trimmed[trimmed.index(after: equals)...].drop { $0 == " " }
      if value.hasPrefix("$") {
        fields.append(field(value, label: label))
      } else {
        fixed.append((label, .text(String(value))))
      }
    }
    for part in (output["label_keys"] ?? "").split(separator: ",") {
      fields.append(field(part.drop { $0 == " " }, label: nil))
    }
    return (fixed, fields)
  }

  /// Fields that a Loki output sends as structured metadata; fixed values are lost.
  private mutating func metadata(_ output: FluentBitSection) -> [(label: String, path: String)] {
    var fields: [(label: String, path: String)] = []
    for part in (output["structured_metadata"] ?? "").split(separator: ",") {
      let pair = part.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
      guard let value = pair.last, value.hasPrefix("$") else {
        lose(output, "`\(part.drop { $0 == " " })` of structured_metadata")
        continue
      }
      fields.append(field(value[...], label: pair.count == 2 ? pair[0] : nil))
    }
    return fields
  }

  /// `$a['b']['c']` as a path of JMESPath.
  private func field(_ text: Substring, label: String?) -> (label: String, path: String) {
    let names = text.drop { $0 == "$" }.split { "[]'".contains($0) }.map(String.init)
    let path = names.map { name in
      name.allSatisfy { $0.isLetter || $0 == "_" } ? name : "\"\(name)\""
    }.joined(separator: ".")
    return (label ?? names.joined(separator: "_"), path)
  }

  // MARK: Inputs

  private mutating func addJob(_ input: FluentBitSection) {
    let kind = input["name"]?.lowercased() ?? ""
    let tag = input["tag"] ?? kind
    guard ["tail", "systemd", "syslog"].contains(kind) else {
      lose(input, "input `\(kind)`")
      return
    }
    let output = sections.first { section in
      section.kind == "output" && section["name"]?.lowercased() == "loki"
        && Self.matches(tag[...], (section["match"] ?? "*")[...])
    }
    let labels = output.map { self.labels($0) }
    var fixed = labels?.fixed ?? []
    if fixed.isEmpty { fixed = [("job", .text(tag))] }
    var job: [(key: String, value: ConvertedYAML)] = [
      ("job_name", .text(input["alias"] ?? "\(kind)-\(made.jobs.count + 1)"))
    ]
    var stages = FluentBitStages(name: name, sections: sections)
    switch kind {
    case "tail":
      let paths = (input["path"] ?? "").split(separator: ",")
      job.append(("static_configs", .list(paths.map { files($0, input, fixed) })))
      stages.addInput(input)
    case "systemd": job.append(("journal", journal(input, fixed)))
    default: job.append(("syslog", syslog(input, fixed)))
    }
    if kind != "tail" { stages.checkReceiver(input, kind) }
    for filter in sections where filter.kind == "filter" {
      if Self.matches(tag[...], (filter["match"] ?? "*")[...]) { stages.addFilter(filter) }
    }
    stages.addLabels(labels?.fields ?? [])
    let metadata = output.map { self.metadata($0) } ?? []
    stages.addLabels(metadata, stage: "structured_metadata")
    made.losses += stages.losses.filter { !made.losses.contains($0) }
    if !stages.stages.isEmpty { job.append(("pipeline_stages", .list(stages.stages))) }
    made.jobs.append(.map(job))
  }

  private func files(
    _ path: Substring, _ input: FluentBitSection, _ labels: [(key: String, value: ConvertedYAML)]
  ) -> ConvertedYAML {
    var all = labels
    all.append(("__path__", .text(String(path.drop { $0 == " " }))))
    if let exclude = input["exclude_path"] {
      let first = exclude.split(separator: ",").first ?? ""
      all.append(("__path_exclude__", .text(String(first))))
    }
    return .map([("labels", .map(all))])
  }

  private mutating func journal(
    _ input: FluentBitSection, _ labels: [(key: String, value: ConvertedYAML)]
  ) -> ConvertedYAML {
    var journal: [(key: String, value: ConvertedYAML)] = [("labels", .map(labels))]
    if let path = input["path"] { journal.append(("path", .text(path))) }
    let filters = input.all("systemd_filter")
    if !filters.isEmpty {
      let isAnd = input["systemd_filter_type"]?.lowercased() == "and"
      journal.append(("matches", .text(filters.joined(separator: isAnd ? " " : " + "))))
    }
    return .map(journal)
  }

  private mutating func syslog(
    _ input: FluentBitSection, _ labels: [(key: String, value: ConvertedYAML)]
  ) -> ConvertedYAML {
    let mode = input["mode"]?.lowercased() ?? "unix_udp"
    var syslog: [(key: String, value: ConvertedYAML)] = [("labels", .map(labels))]
    switch mode {
    case "tcp", "udp":
      let address = "\(input["listen"] ?? "0.0.0.0"):\(input["port"] ?? "5140")"
      syslog.append(("listen_address", .text(address)))
      syslog.append(("listen_protocol", .text(mode)))
    default:
      syslog.append(("listen_address", .text(input["path"] ?? "/tmp/syslog")))
      syslog.append(("listen_protocol", .text(mode == "unix_tcp" ? "unix" : "unixgram")))
    }
    if input["parser"]?.contains("3164") ?? true {
      syslog.append(("syslog_format", .text("rfc3164")))
    }
    return .map(syslog)
  }
}

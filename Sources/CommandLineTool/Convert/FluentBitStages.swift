/// Fluent Bit's parsers and filters as stages.
struct FluentBitStages {
  private let name: String
  private let sections: [FluentBitSection]
  private(set) var stages: [ConvertedYAML] = []
  private(set) var losses: [String] = []
  /// Fields that stages took out of the line so far.
  private var fields: Set<String> = []

  init(name: String, sections: [FluentBitSection]) {
    self.name = name
    self.sections = sections
  }

  private mutating func lose(_ section: FluentBitSection, _ what: String) {
    losses.append("\(name):\(section.line): \(what)")
  }

  private mutating func add(_ stage: String, _ settings: ConvertedYAML) {
    stages.append(.map([(stage, settings)]))
  }

  // MARK: Inputs

  private static let silentInput: Set<String> = [
    "name", "tag", "path", "path_key", "exclude_path", "db", "db.sync", "db.locking", "alias",
    "refresh_interval", "rotate_wait", "mem_buf_limit", "buffer_chunk_size", "buffer_max_size",
    "skip_long_lines", "skip_empty_lines", "storage.type", "read_from_head", "inotify_watcher",
    "key", "parser", "multiline.parser", "docker_mode", "log_level", "static_batch_size",
    "truncate_long_lines",
  ]

  mutating func addInput(_ input: FluentBitSection) {
    for (key, _) in input.settings where !Self.silentInput.contains(key) {
      lose(input, "`\(key)` of the input")
    }
    let multiline = (input["multiline.parser"] ?? "").split(separator: ",")
      .map { $0.filter { $0 != " " } }
    if multiline.contains("cri") { add("cri", .map([])) }
    if multiline.contains("docker") || input.isOn("docker_mode") { add("docker", .map([])) }
    for parser in multiline where !["cri", "docker"].contains(parser) {
      addMultiline(parser, input)
    }
    if let parser = input["parser"], !multiline.contains(parser) {
      addParser(parser, source: nil, input)
    }
  }

  private static let silentReceivers: [String: Set<String>] = [
    "systemd": [
      "name", "tag", "alias", "path", "db", "db.sync", "systemd_filter", "systemd_filter_type",
      "max_entries", "max_fields", "log_level", "storage.type", "mem_buf_limit",
    ],
    "syslog": [
      "name", "tag", "alias", "mode", "listen", "port", "path", "parser", "unix_perm",
      "buffer_chunk_size", "buffer_max_size", "log_level", "storage.type", "mem_buf_limit",
      "receive_buffer_size",
    ],
  ]

  /// Names what of an input that is no file is not carried over.
  mutating func checkReceiver(_ input: FluentBitSection, _ kind: String) {
    for (key, _) in input.settings where Self.silentReceivers[kind]?.contains(key) == false {
      lose(input, "`\(key)` of the input")
    }
    guard kind == "syslog", let parser = input["parser"],
      !["rfc5424", "rfc3164"].contains(where: { parser.contains($0) })
    else { return }
    lose(input, "parser `\(parser)`: messages are read as RFC 5424 or RFC 3164")
  }

  private mutating func addMultiline(_ parser: String, _ section: FluentBitSection) {
    let found = sections.first { $0.kind == "multiline_parser" && $0["name"] == parser }
    let start = found?.all("rule").first { $0.contains("start_state") }
    guard let start, let pattern = Self.quotedParts(start).dropFirst().first else {
      lose(section, "multiline parser `\(parser)`")
      return
    }
    let trimmed = pattern.hasPrefix("/") ? String(pattern.dropFirst().dropLast()) : pattern
    add("multiline", .map([("firstline", .text(Self.expression(trimmed)))]))
    if (found?.all("rule").count ?? 0) > 2 {
      lose(section, "the further rules of multiline parser `\(parser)`")
    }
  }

  /// `"start_state" "/regex/" "cont"`.
  private static func quotedParts(_ text: String) -> [String] {
    text.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
  }

  // MARK: Parsers

  private mutating func addParser(
    _ parser: String, source: String?, _ section: FluentBitSection
  ) {
    if source == nil, ["cri", "docker"].contains(parser) {
      add(parser, .map([]))
      return
    }
    guard let found = sections.first(where: { $0.kind == "parser" && $0["name"] == parser }) else {
      if parser == "json" {
        fields.insert("*")
      } else {
        lose(section, "parser `\(parser)`: its definition is in another file")
      }
      return
    }
    var settings: [(key: String, value: ConvertedYAML)] = []
    if let source { settings.append(("source", .text(source))) }
    let time = found["time_key"]
    switch found["format"]?.lowercased() {
    case "regex":
      let expression = Self.expression(found["regex"] ?? "")
      for match in expression.matches(of: /\(\?P<(\w+)>/) { fields.insert(String(match.1)) }
      if expression.contains("(?<") || expression.contains("(?=") || expression.contains("(?!") {
        lose(found, "the expression of parser `\(parser)`: it looks ahead or behind")
      }
      settings.append(("expression", .text(expression)))
      add("regex", .map(settings))
    case "json":
      fields.insert("*")
      guard let time else { return }
      settings.append(("expressions", .map([(time, .null)])))
      add("json", .map(settings))
    case "logfmt":
      fields.insert("*logfmt")
      guard let time else { return }
      settings.append(("mapping", .map([(time, .null)])))
      add("logfmt", .map(settings))
    default: lose(found, "format `\(found["format"] ?? "")` of parser `\(parser)`")
    }
    guard let time, let format = found["time_format"] else { return }
    let layout = Self.layout(format)
    add(
      "timestamp",
      .map([
        ("source", .text(time)), ("format", .text(layout.text)),
        ("action_on_failure", .text("skip")),
      ]))
    if !layout.isWhole { lose(found, "`time_format \(format)`: read the layout again") }
  }

  /// Onigmo's named groups as RE2 has them.
  private static func expression(_ text: String) -> String {
    text.replacing(/\(\?<([A-Za-z_])/) { "(?P<\($0.1)" }
  }

  /// `strptime`'s format as a layout of Go's.
  static func layout(_ format: String) -> (text: String, isWhole: Bool) {
    if format == "%s" { return ("Unix", true) }
    if format == "%s.%L" { return ("Unix", true) }
    let known: [Character: String] = [
      "Y": "2006", "y": "06", "m": "01", "d": "02", "e": "_2", "H": "15", "I": "03", "M": "04",
      "S": "05", "z": "-0700", "Z": "MST", "b": "Jan", "h": "Jan", "B": "January", "a": "Mon",
      "A": "Monday", "p": "PM", "T": "15:04:05", "D": "01/02/06", "F": "2006-01-02", "j": "002",
      "R": "15:04", "n": "\n", "t": "\t", "%": "%",
    ]
    var out = ""
    var isWhole = true
    var rest = format[...]
    while let character = rest.popFirst() {
      guard character == "%", let letter = rest.popFirst() else {
        out.append(character)
        continue
      }
      if letter == "L" || letter == "N" {
        // Go reads a fraction behind the seconds by itself.
        if out.hasSuffix(".") || out.hasSuffix(",") { out.removeLast() }
      } else if let part = known[letter] {
        out += part
      } else {
        isWhole = false
      }
    }
    return (out, isWhole)
  }

  // MARK: Filters

  mutating func addFilter(_ filter: FluentBitSection) {
    switch filter["name"]?.lowercased() ?? "" {
    case "parser":
      let key = filter["key_name"]
      let isLine = key == nil || key == "log" || key == "message" || key == "MESSAGE"
      addParser(filter["parser"] ?? "", source: isLine ? nil : key, filter)
    case "grep": addGrep(filter)
    case "record_modifier", "modify":
      for key in ["record", "add", "set"] {
        for record in filter.all(key) {
          let name = record.prefix { $0 != " " }
          let value = record[name.endIndex...].drop { $0 == " " }
          add("static_labels", .map([(String(name), .text(String(value)))]))
        }
      }
      for (key, _) in filter.settings
      where !["name", "match", "record", "add", "set", "alias"].contains(key) {
        lose(filter, "`\(key)` of filter `\(filter["name"] ?? "")`")
      }
    case "throttle":
      let rate = filter["rate"] ?? "1"
      add(
        "limit", .map([("rate", .plain(rate)), ("burst", .plain(rate)), ("drop", .plain("true"))]))
    case let other: lose(filter, "filter `\(other)`")
    }
  }

  private mutating func addGrep(_ filter: FluentBitSection) {
    for (key, value) in filter.settings where key == "regex" || key == "exclude" {
      let field = value.prefix { $0 != " " }
      let expression = Self.expression(String(value[field.endIndex...].drop { $0 == " " }))
      let isLine = ["log", "message", "MESSAGE"].contains(String(field))
      switch (key, isLine) {
      case ("exclude", true): add("drop", .map([("expression", .text(expression))]))
      case ("exclude", false):
        take(String(field))
        add("drop", .map([("source", .text(String(field))), ("expression", .text(expression))]))
      case (_, true):
        let quoted = expression.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        add(
          "match",
          .map([("selector", .text("{job=~\".*\"} !~ \"\(quoted)\"")), ("action", .text("drop"))]))
      default: lose(filter, "`Regex \(field)`: only lines can be kept by an expression")
      }
    }
    for (key, _) in filter.settings where key == "logical_op" { lose(filter, "`logical_op`") }
  }

  /// Takes a field out of the line if no stage did so far.
  private mutating func take(_ field: String) {
    guard !fields.contains(field) else { return }
    fields.insert(field)
    if fields.contains("*logfmt") {
      add("logfmt", .map([("mapping", .map([(field, .null)]))]))
    } else {
      add("json", .map([("expressions", .map([(field, .null)]))]))
    }
  }

  // MARK: Labels

  /// Makes labels, or what else a stage makes of fields, under other names.
  mutating func addLabels(_ wanted: [(label: String, path: String)], stage: String = "labels") {
    guard !wanted.isEmpty else { return }
    let missing = wanted.filter { !fields.contains($0.path) }
    if !missing.isEmpty {
      add("json", .map([("expressions", .map(missing.map { ($0.label, .text($0.path)) }))]))
    }
    add(
      stage,
      .map(
        wanted.map { label, path in
          (label, fields.contains(path) && path != label ? .text(path) : .null)
        }))
  }
}

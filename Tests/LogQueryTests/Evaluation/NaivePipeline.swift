import Foundation
import LogQL
import TelemetryModel

/// Runs one row through the stages of a query, by the rules that Loki's stages follow: slow, and
/// plain enough to be seen right. For lines of well-formed JSON, of `key=value` words, and texts.
struct NaivePipeline {
  /// The labels of the stream, the structured metadata, and what stages made.
  private var stream: [String: String] = [:]
  private var metadata: [String: String] = [:]
  private var parsed: [String: String] = [:]
  private var deleted: Set<String> = []
  private var extracted: Set<String> = []
  private(set) var error = ""
  private(set) var line = ""
  private(set) var value = 0.0

  /// nil when a stage drops the row.
  init?(_ labels: Labels, _ entry: LogEntry, _ stages: [Stage], _ unwrap: Unwrap?) {
    for label in labels.sorted { stream[label.name] = label.value }
    for label in entry.structuredMetadata {
      metadata[stream[label.name] == nil ? label.name : label.name + "_extracted"] = label.value
    }
    line = String(decoding: entry.line, as: UTF8.self)
    for stage in Self.ordered(stages) {
      guard run(stage) else { return nil }
    }
    guard let unwrap else { return }
    guard let text = self[unwrap.label], !text.isEmpty else { return nil }
    if let number = Self.number(text, unwrap.conversion) {
      value = number
    } else {
      error = "SampleExtractionErr"
    }
    for filter in unwrap.filters where !passes(filter) { return nil }
  }

  /// All labels; empty ones that stages made are among them.
  var labels: Labels {
    var all = stream.filter { !deleted.contains($0.key) }
    all.merge(metadata) { $1 }
    all.merge(parsed) { $1 }
    if !error.isEmpty { all["__error__"] = error }
    return Labels(all.map { Label($0, $1) })
  }

  private subscript(_ name: String) -> String? {
    if let value = parsed[name] ?? metadata[name] { return value }
    return deleted.contains(name) ? nil : stream[name]
  }

  private mutating func set(_ name: String, _ value: String) {
    metadata[name] = nil
    parsed[name] = value
    extracted.insert(name)
  }

  private mutating func delete(_ name: String) {
    parsed[name] = nil
    metadata[name] = nil
    deleted.insert(name)
  }

  /// What a parser makes of a field: never over a label that is there, the first one counts.
  private mutating func parse(_ name: String, _ value: String) {
    let isTaken = stream[name] != nil || metadata[name] != nil
    let name = isTaken ? name + "_extracted" : name
    if !extracted.contains(name) { set(name, value) }
  }

  /// Line filters go before the stages since the last label filter, `line_format` or `unpack`.
  private static func ordered(_ stages: [Stage]) -> [Stage] {
    var result: [Stage] = []
    var groupStart = 0
    for stage in stages {
      switch stage {
      case .lineFilter:
        result.insert(stage, at: groupStart)
        groupStart += 1
      case .labelFilter, .lineFormat, .parser(.unpack):
        result.append(stage)
        groupStart = result.count
      default: result.append(stage)
      }
    }
    return result
  }

  private mutating func run(_ stage: Stage) -> Bool {
    switch stage {
    case .lineFilter(let filter): return passes(filter)
    case .labelFilter(let filter): return passes(filter)
    case .parser(let parser): run(parser)
    case .lineFormat(let format): line = rendered(format.template)
    case .labelFormat(let format): run(format)
    case .drop(let items): drop(items)
    case .keep(let items): keep(items)
    case .decolorize: line = line.replacing(#/\u{1b}\[[0-9;]*m/#, with: "")
    }
    return true
  }

  // MARK: Filters

  private func passes(_ filter: LineFilter) -> Bool {
    let found = filter.operands.contains { operand in
      switch operand {
      case .address(let text): return NaiveAddresses.hold(line, text)
      case .text(let bytes):
        let text = String(decoding: bytes, as: UTF8.self)
        switch filter.operation {
        case .contains, .notContains: return text.isEmpty || line.contains(text)
        case .matches, .notMatches: return (try? Regex(text).firstMatch(in: line)) != nil
        case .hasPattern, .lacksPattern: return hasPattern(text)
        }
      }
    }
    return found != filter.operation.isNegative
  }

  /// `<_>` stands for one character at least; each text is looked for once, where it comes first.
  private func hasPattern(_ pattern: String) -> Bool {
    var rest = Substring(line)
    for (place, part) in pattern.components(separatedBy: "<_>").enumerated() where !part.isEmpty {
      guard let found = rest.firstRange(of: part) else { return false }
      if place > 0, found.lowerBound == rest.startIndex { return false }
      rest = rest[found.upperBound...]
    }
    return pattern.hasSuffix("<_>") != rest.isEmpty
  }

  private mutating func passes(_ filter: LabelFilter) -> Bool {
    switch filter {
    case .string(let matcher):
      return matches(matcher.name == "__error__" ? error : self[matcher.name] ?? "", matcher)
    case .number(let label, let comparison, let number):
      return compare(label, comparison, number) { Self.number($0, .number) }
    case .duration(let label, let comparison, let span):
      return compare(label, comparison, span.seconds) { Self.number($0, .duration) }
    case .bytes(let label, let comparison, let size):
      return compare(label, comparison, Double(size)) { Self.number($0, .bytes) }
    case .address(let label, let isEqual, let text):
      if !error.isEmpty { return true }
      guard let value = self[label] else { return false }
      return NaiveAddresses.hold(value, text) == isEqual
    case .and(let left, let right):
      let first = passes(left)
      let second = passes(right)
      return first && second
    case .or(let left, let right):
      return passes(left) || passes(right)
    }
  }

  /// A row without the label does not pass, with an error or without; no number is an error.
  private mutating func compare(
    _ label: String, _ comparison: NumericComparison, _ wanted: Double,
    _ read: (String) -> Double?
  ) -> Bool {
    guard let text = self[label] else { return false }
    guard let number = read(text) else {
      error = "LabelFilterErr"
      return true
    }
    switch comparison {
    case .equal: return number == wanted
    case .notEqual: return number != wanted
    case .greater: return number > wanted
    case .greaterOrEqual: return number >= wanted
    case .less: return number < wanted
    case .lessOrEqual: return number <= wanted
    }
  }

  private func matches(_ value: String, _ matcher: LabelMatcher) -> Bool {
    let isWhole = (try? Regex(matcher.value).wholeMatch(in: value)) != nil
    switch matcher.operation {
    case .equal: return value == matcher.value
    case .notEqual: return value != matcher.value
    case .regex: return isWhole
    case .notRegex: return !isWhole
    }
  }

  /// Units as far as random rows have them.
  private static func number(_ text: String, _ conversion: Unwrap.Conversion) -> Double? {
    let units: [(String, Double)] =
      switch conversion {
      case .number: []
      case .duration, .durationSeconds: [("ms", 1e-3), ("s", 1), ("m", 60)]
      case .bytes: [("KB", 1e3), ("B", 1), ("", 1)]
      }
    guard conversion != .number else { return text == "x" ? nil : Double(text) }
    for (unit, scale) in units where text.hasSuffix(unit) {
      let digits = text.dropLast(unit.count)
      guard digits.allSatisfy({ $0.isNumber || $0 == "." }) else { return nil }
      if let count = Double(digits) { return count * scale }
    }
    return nil
  }

  // MARK: Selections and formats

  private mutating func drop(_ items: [LabelSelection]) {
    for item in items {
      switch item {
      case .name("__error__"): error = ""
      case .name(let name): if self[name] != nil { delete(name) }
      case .matcher(let matcher) where matcher.name == "__error__":
        if matches(error, matcher) { error = "" }
      case .matcher(let matcher):
        if matches(self[matcher.name] ?? "", matcher) { delete(matcher.name) }
      }
    }
  }

  private mutating func keep(_ items: [LabelSelection]) {
    let names = Set(stream.keys).union(metadata.keys).union(parsed.keys)
    for name in names {
      guard let value = self[name] else { continue }
      let isKept = items.contains { item in
        switch item {
        case .name(let other): other == name
        case .matcher(let matcher): matcher.name == name && matches(value, matcher)
        }
      }
      if !isKept { delete(name) }
    }
  }

  private mutating func run(_ format: LabelFormat) {
    // All templates see the labels as the first of them finds them.
    var seen: NaivePipeline?
    for assignment in format.assignments {
      switch assignment.source {
      case .rename(let other):
        guard let value = self[other] else { continue }
        set(assignment.name, value)
        delete(other)
      case .template(let text):
        let before = seen ?? self
        seen = before
        set(assignment.name, before.rendered(text))
      }
    }
  }

  /// The few templates that random queries use.
  private func rendered(_ template: String) -> String {
    let three = #"{{ if eq .code "3" }}three{{ else }}{{.level}}{{ end }}"#
    var text = template.replacing(three, with: self["code"] == "3" ? "three" : "{{.level}}")
    text = text.replacing("{{.level | ToUpper}}", with: (self["level"] ?? "").uppercased())
    text = text.replacing("{{__line__ | trunc 5}}", with: String(line.prefix(5)))
    return text.replacing(#/{{\.([a-z]+)}}/#) { self[String($0.output.1)] ?? "" }
  }
}

// MARK: Parsers

extension NaivePipeline {
  private mutating func run(_ parser: ParserStage) {
    switch parser {
    case .json(let fields):
      if fields.isEmpty { parseJSON() } else { parseJSON(fields) }
    case .logfmt(let isStrict, let keepsEmpty, let fields):
      parseLogfmt(isStrict, keepsEmpty, fields)
    case .regexp(let text):
      guard let match = try? Regex(text).firstMatch(in: line) else { return }
      for capture in match.output {
        if let name = capture.name { parse(name, capture.substring.map(String.init) ?? "") }
      }
    case .pattern(let pattern): parsePattern(pattern.text)
    case .unpack: unpack()
    }
  }

  private mutating func parseJSON() {
    guard case .object(let members) = NaiveJSON(line) else {
      error = "JSONParserErr"
      return
    }
    flatten(members, "")
  }

  private mutating func flatten(_ members: [(String, NaiveJSON)], _ prefix: String) {
    for (key, value) in members {
      let key = prefix.isEmpty ? key : prefix + "_" + key
      switch value {
      case .object(let inner): flatten(inner, key)
      case .text(let text), .plain(let text): parse(Self.sanitized(key), text)
      case .array, .null: break
      }
    }
  }

  private mutating func parseJSON(_ fields: [ExtractedField]) {
    guard let first = line.first, "{[\"".contains(first) else {
      if !line.isEmpty { error = "JSONParserErr" }
      return
    }
    let document = NaiveJSON(line)
    for field in fields {
      let isTaken = stream[field.name] != nil || metadata[field.name] != nil
      if let found = document?.value(field.expression) {
        set(isTaken ? field.name + "_extracted" : field.name, found)
      }
    }
    for field in fields where self[field.name] == nil { set(field.name, "") }
  }

  private mutating func parseLogfmt(
    _ isStrict: Bool, _ keepsEmpty: Bool, _ fields: [ExtractedField]
  ) {
    for field in fields where stream[field.name] == nil && metadata[field.name] == nil {
      set(field.name, "")
    }
    for word in line.split(whereSeparator: { $0 <= " " }) {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let key = String(parts[0])
      var value = parts.count > 1 ? String(parts[1]) : ""
      let isQuoted = value.count > 1 && value.hasPrefix("\"") && value.hasSuffix("\"")
      if isQuoted { value = String(value.dropFirst().dropLast()) }
      if key.isEmpty || key.contains("\"") || value.contains("\"") || value.contains("=") {
        guard isStrict else { continue }
        error = "LogfmtParserErr"
        return
      }
      let name = Self.sanitized(key)
      if fields.isEmpty {
        if keepsEmpty || !value.isEmpty { parse(name, value) }
        continue
      }
      let isOwnName = fields.contains { $0.name == name }
      if !isOwnName, extracted.contains(name) { continue }
      guard
        let field = fields.first(where: { $0.expression == name })?.name ?? (isOwnName ? name : nil)
      else { continue }
      let isTaken = stream[field] != nil || metadata[field] != nil
      set(isTaken ? field + "_extracted" : field, value)
    }
  }

  private mutating func parsePattern(_ pattern: String) {
    var rest = Substring(line)
    var names: [String] = []
    var literals: [String] = [""]
    for piece in pattern.split(separator: #/<(?=[a-z_]+>)/#, omittingEmptySubsequences: false)
      .dropFirst()
    {
      let halves = piece.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
      names.append(String(halves[0]))
      literals.append(String(halves[1]))
    }
    literals[0] = String(pattern.prefix { $0 != "<" })
    guard !rest.isEmpty, rest.hasPrefix(literals[0]) else { return }
    rest = rest.dropFirst(literals[0].count)
    for (name, literal) in zip(names, literals.dropFirst()) {
      let found = literal.isEmpty ? nil : rest.firstRange(of: literal)
      let text = found.map { rest[..<$0.lowerBound] } ?? rest
      if name != "_" { parse(name, String(text)) }
      guard let found else { return }
      rest = rest[found.upperBound...]
    }
  }

  private mutating func unpack() {
    if line.isEmpty { return }
    guard case .object(let members) = NaiveJSON(line) else {
      error = "JSONParserErr"
      return
    }
    guard case .text(let entry) = members.last(where: { $0.0 == "_entry" && $0.1.isText })?.1 else {
      return
    }
    for (key, value) in members where key != "_entry" {
      if case .text(let text) = value { parse(Self.sanitized(key), text) }
    }
    line = entry
  }

  private static func sanitized(_ key: String) -> String {
    let plain = String(
      key.trimmingCharacters(in: .whitespaces).map {
        $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "_"
      })
    return plain.first?.isNumber == true ? "_" + plain : plain
  }
}

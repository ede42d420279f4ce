import Configuration
import LogStore
import Regex
import TelemetryModel
import TraceFormats

/// Makes streams of OTLP's logs by Loki's rules: resource attributes that the rules name become
/// labels, all others structured metadata of each line; a record's body is its line.
struct OTLPLogStreams {
  private let rules: CompiledRules
  private let now: Timestamp
  private var places: [Labels: Int] = [:]
  private var streams: [StreamRows] = []
  /// Bytes of structured metadata, which repeat for each record what a body says once.
  private var metadataBytes = 0
  private let metadataBytesMax: Int

  init(rules: CompiledRules, now: Timestamp, metadataBytesMax: Int = 256 << 20) {
    self.rules = rules
    self.now = now
    self.metadataBytesMax = metadataBytesMax
  }

  /// The streams of all records. Throws ``LogStoreError`` for a name of nothing but `_`, and where
  /// a small body would become much metadata.
  static func of(
    _ batches: [ResourceLogs], rules: CompiledRules, now: Timestamp
  ) throws(LogStoreError) -> [StreamRows] {
    var builder = OTLPLogStreams(rules: rules, now: now)
    for batch in batches { try builder.append(batch) }
    return builder.streams
  }

  private mutating func append(_ batch: ResourceLogs) throws(LogStoreError) {
    var labels: [Label] = []
    var shared: [Label] = []
    for attribute in batch.resource.attributes {
      switch rules.resource.action(attribute.key) {
      case .indexLabel: try Self.append(attribute, to: &labels)
      case .structuredMetadata: try Self.append(attribute, to: &shared)
      case .drop: break
      }
    }
    guard batch.scopes.contains(where: { !$0.records.isEmpty }) || !labels.isEmpty else { return }
    let own = Labels(labels.filter { !$0.value.isEmpty })
    _ = place(own)
    for group in batch.scopes {
      let ofScope = shared + (try metadata(of: group.scope))
      for record in group.records { try append(record, own, ofScope) }
    }
  }

  private mutating func append(_ record: LogRecord, _ labels: Labels, _ shared: [Label])
    throws(LogStoreError)
  {
    var promoted: [Label] = []
    var metadata: [Label] = []
    for attribute in record.attributes {
      if attribute.key == "event_name", !record.eventName.isEmpty { continue }
      switch rules.log.action(attribute.key) {
      case .indexLabel: try Self.append(attribute, to: &promoted)
      case .structuredMetadata: try Self.append(attribute, to: &metadata)
      case .drop: break
      }
    }
    appendFields(of: record, to: &metadata)
    if rules.severityTextAsLabel, !record.severityText.isEmpty {
      promoted.append(Label("severity_text", record.severityText))
    }
    metadata += shared
    metadataBytes += metadata.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    guard metadataBytes <= metadataBytesMax else {
      throw LogStoreError(
        .refused,
        "the attributes of resources and scopes, repeated for each record, have more than "
          + "\(metadataBytesMax) bytes; send smaller batches", status: 413)
    }
    var at = labels
    if !promoted.isEmpty {
      at = Labels(labels.sorted + promoted.filter { !$0.value.isEmpty })
    }
    let time =
      record.time.nanoseconds != 0
      ? record.time : record.observedTime.nanoseconds != 0 ? record.observedTime : now
    streams[place(at)].append(
      LogEntry(
        timestamp: time, line: Array(record.body.text.utf8), structuredMetadata: metadata))
  }

  private mutating func place(_ labels: Labels) -> Int {
    if let known = places[labels] { return known }
    places[labels] = streams.count
    streams.append(StreamRows(labels: labels))
    return streams.count - 1
  }

  /// What a record says beside its attributes, under Loki's names.
  private func appendFields(of record: LogRecord, to metadata: inout [Label]) {
    func add(_ name: String, _ value: String, _ isThere: Bool) {
      if isThere { metadata.append(Label(name, value)) }
    }
    add(
      "observed_timestamp", String(record.observedTime.nanoseconds),
      record.time.nanoseconds != 0 && record.observedTime.nanoseconds != 0)
    add("severity_number", String(record.severityNumber), record.severityNumber != 0)
    add("severity_text", record.severityText, !record.severityText.isEmpty)
    add(
      "dropped_attributes_count", String(record.droppedAttributesCount),
      record.droppedAttributesCount != 0)
    add("flags", String(record.flags), record.flags != 0)
    add("trace_id", record.traceID.hex, !record.traceID.isZero)
    add("span_id", record.spanID.hex, !record.spanID.isZero)
    add("event_name", record.eventName, !record.eventName.isEmpty)
  }

  private func metadata(of scope: InstrumentationScope) throws(LogStoreError) -> [Label] {
    var metadata: [Label] = []
    for attribute in scope.attributes
    where rules.scope.action(attribute.key) == .structuredMetadata {
      try Self.append(attribute, to: &metadata)
    }
    if !scope.name.isEmpty { metadata.append(Label("scope_name", scope.name)) }
    if !scope.version.isEmpty { metadata.append(Label("scope_version", scope.version)) }
    if scope.droppedAttributesCount != 0 {
      metadata.append(
        Label("scope_dropped_attributes_count", String(scope.droppedAttributesCount)))
    }
    return metadata
  }

  /// The attribute under its normal name; a map's members one by one, names joined with `_`.
  private static func append(
    _ attribute: Attribute, prefix: String = "", to labels: inout [Label]
  ) throws(LogStoreError) {
    let name: String
    do throws(LogStoreError) {
      name = try MetadataNames.normalized(
        prefix.isEmpty ? attribute.key : prefix + "_" + attribute.key)
    } catch {
      throw LogStoreError(.refused, "symbolizer lookup: " + error.message, status: error.status)
    }
    guard case .map(let members) = attribute.value else {
      labels.append(Label(name, attribute.value.text))
      return
    }
    for member in members { try append(member, prefix: name, to: &labels) }
  }
}

/// ``OTLPAttributeRules`` with their regexes compiled.
struct CompiledRules: Sendable {
  struct List: Sendable {
    private let named: [String: OTLPAttributeRules.Action]
    private let rules: [(rule: OTLPAttributeRules.Rule, regex: Regex?)]

    init(_ rules: [OTLPAttributeRules.Rule]) {
      // A pattern that does not compile was refused when the configuration was read.
      self.rules = rules.map { rule in
        (rule, rule.pattern.isEmpty ? nil : try? Regex(whole: rule.pattern))
      }
      var named: [String: OTLPAttributeRules.Action] = [:]
      if rules.allSatisfy({ $0.pattern.isEmpty }) {
        for rule in rules {
          for name in rule.attributes where named[name] == nil { named[name] = rule.action }
        }
      }
      self.named = named
    }

    /// What the first rule that fits says.
    func action(_ name: String) -> OTLPAttributeRules.Action {
      if rules.allSatisfy({ $0.regex == nil }) { return named[name] ?? .structuredMetadata }
      for (rule, regex) in rules {
        if rule.attributes.contains(name) { return rule.action }
        if let regex, regex.matches(name) { return rule.action }
      }
      return .structuredMetadata
    }
  }

  let resource: List
  let scope: List
  let log: List
  let severityTextAsLabel: Bool

  init(_ rules: OTLPAttributeRules) {
    resource = List(rules.resource)
    scope = List(rules.scope)
    log = List(rules.log)
    severityTextAsLabel = rules.severityTextAsLabel
  }
}

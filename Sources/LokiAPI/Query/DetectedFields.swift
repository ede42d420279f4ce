import Bytes
import LogQL
import LogQuery
import LogStore
import TelemetryModel
import WireFormats

/// What a value looks like; the raw value is Loki's name for it.
enum DetectedFieldType: String {
  case string
  case int
  case float
  case boolean
  case duration
  case bytes

  init(of value: String) {
    if Int64(value) != nil {
      self = .int
    } else if Double(value) != nil {
      self = .float
    } else if ["true", "false", "t", "f", "T", "F", "TRUE", "FALSE", "True", "False"]
      .contains(value)
    {
      self = .boolean
    } else if DurationText.parseGo(value) != nil {
      self = .duration
    } else if ByteSizeText.parse(value) != nil {
      self = .bytes
    } else {
      self = .string
    }
  }
}

/// One field found in lines or structured metadata.
struct DetectedField {
  var type: DetectedFieldType
  var values: Set<ByteText> = []
  /// The values as they came.
  var ordered: [String] = []
  /// `json`, `logfmt`; none for structured metadata.
  var parsers: [String] = []
  /// The keys from the line's object down to the field.
  var jsonPath: [String] = []

  static let valuesMax = 10_000

  /// `isParsed` tells values of lines from structured metadata: only their sizes are normal.
  mutating func add(_ value: String, isParsed: Bool) {
    guard values.count < DetectedField.valuesMax, values.insert(value) else { return }
    let shown = isParsed ? DecimalSize.normal(value) : value
    if shown.hasSameBytes(as: value) || !ordered.containsBytes(of: shown) { ordered.append(shown) }
  }
}

/// Collects the fields of the entries of a log query.
struct DetectedFields {
  private(set) var fields: [ByteText: DetectedField] = [:]
  /// Names in the order in which they came up.
  private(set) var names: [String] = []
  let limit: Int

  private var json: LogPipeline
  private var logfmt: LogPipeline
  private var streams: [Labels: StreamReference] = [:]

  init(limit: Int) throws {
    self.limit = limit
    json = try LogPipeline(stages: [.parser(.json([]))])
    logfmt = try LogPipeline(
      stages: [.parser(.logfmt(isStrict: false, keepsEmpty: false, fields: []))])
  }

  /// Adds the fields of an entry; the type of a field is that of its last entry.
  ///
  /// What the query's own stages found is of the parser that reads the line, too.
  mutating func add(_ entry: ResultEntry) {
    for label in entry.labels.structuredMetadata { add(label.name, label.value) }
    var labels = Self.fields(entry.labels)
    let own = Set(labels.map(\.name))
    let stream = reference(Labels(entry.labels.stream.filter { !own.contains($0.name) }))
    var parser = "json"
    var found = Self.run(&json, entry, stream)
    if found?.error != nil {
      parser = "logfmt"
      found = Self.run(&logfmt, entry, stream)
    }
    labels += found.map(Self.fields) ?? []
    let paths = parser == "json" ? JSONPathNames(entry.line) : JSONPathNames([])
    for label in labels {
      add(label.name, label.value, parser: parser, path: paths.path(of: label.name))
    }
  }

  /// What stages made of an entry, without errors.
  private static func fields(_ labels: RowLabels) -> [Label] {
    labels.parsed.filter { $0.name != "__error__" && $0.name != "__error_details__" }
  }

  private static func run(
    _ pipeline: inout LogPipeline, _ entry: ResultEntry, _ stream: StreamReference
  ) -> RowLabels? {
    entry.line.withUnsafeBytes {
      pipeline.process(line: $0, at: entry.timestamp, stream: stream, metadata: [])?.labels
    }
  }

  private mutating func reference(_ labels: Labels) -> StreamReference {
    if let known = streams[labels] { return known }
    let made = StreamReference(id: UInt64(streams.count), tenant: .single, labels: labels)
    streams[labels] = made
    return made
  }

  private mutating func add(
    _ name: String, _ value: String, parser: String? = nil, path: [String] = []
  ) {
    if fields[name] == nil {
      guard names.count < limit else { return }
      names.append(name)
      fields[name] = DetectedField(type: .string, jsonPath: path)
    }
    fields[name]?.type = DetectedFieldType(of: value)
    fields[name]?.add(value, isParsed: parser != nil)
    if !path.isEmpty { fields[name]?.jsonPath = path }
    if let parser, !parser.isEmpty, fields[name]?.parsers.contains(parser) == false {
      fields[name]?.parsers.append(parser)
    }
  }
}

/// Where in a line's object the labels come from that `json` makes of it.
private struct JSONPathNames {
  private var paths: [ByteText: [String]] = [:]

  init(_ line: [UInt8]) {
    if let members = (try? JSONValue.parse(line))?.members { add(members, path: []) }
  }

  private mutating func add(_ members: [JSONMember], path: [String]) {
    for member in members {
      let path = path + [member.key]
      if case .object(let inner) = member.value { add(inner, path: path) }
      let name = Self.sanitized(path)
      if paths[name] == nil { paths[name] = path }
    }
  }

  /// The keys down to the field; empty where it is no field of the line's.
  func path(of label: String) -> [String] {
    if let path = paths[label] { return path }
    let suffix = "_extracted"
    return label.hasSuffix(suffix) ? paths[String(label.dropLast(suffix.count))] ?? [] : []
  }

  /// As a label's name: other characters become `_`, a leading digit gets one in front.
  private static func sanitized(_ path: [String]) -> String {
    var out = ""
    for scalar in path.joined(separator: "_").unicodeScalars {
      if out.isEmpty, ("0"..."9").contains(scalar) { out += "_" }
      let isPlain = scalar.isASCII && UInt8(scalar.value).isLabelNameByte(isFirst: false)
      out.unicodeScalars.append(isPlain ? scalar : "_")
    }
    return out
  }
}

extension QueryService {
  private func detected(_ request: QueryAPIRequest) throws -> DetectedFields {
    let parameters = request.parameters
    let (start, end) = try parameters.bounds(now: now)
    let lines = try parameters.integer("line_limit", default: 100)
    let limit = try fieldLimit(request)
    guard lines > 0 else { throw QueryAPIError("limit must be a positive value") }
    try checkLimit(lines)
    _ = try step(parameters, start: start, end: end)
    let expression = try LogQL.parse(parameters["query"])
    guard expression.isLog else { throw QueryAPIError("only log selector is supported") }
    guard start <= end else {
      throw QueryAPIError("end timestamp must not be before or equal to start time")
    }
    let query = QueryRequest(
      tenants: request.tenants, expression: expression, start: start, end: end,
      step: .seconds(1), limit: lines)
    let result = try engine.answer(query, limits: limits(request))
    var fields = try DetectedFields(limit: limit)
    if case .streams(let streams) = result.value {
      for stream in streams.categorized(isForward: false).sortedByText {
        for entry in stream.entries { fields.add(entry) }
      }
    }
    return fields
  }

  private func fieldLimit(_ request: QueryAPIRequest) throws -> Int {
    let alias = try request.parameters.integer("field_limit", default: 1000)
    let limit = try request.parameters.integer("limit", default: alias)
    guard limit > 0 else { throw QueryAPIError("limit must be a positive value") }
    return limit
  }

  /// `/detected_fields`.
  func detectedFields(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    let detected = try detected(request)
    var writer = JSONWriter()
    writer.beginObject()
    if !detected.names.isEmpty {
      writer.key("fields")
      writer.beginArray()
      for name in detected.names {
        if let field = detected.fields[name] { writer.encode(field, name) }
      }
      writer.endArray()
      writer.key("limit")
      writer.int(Int64(try fieldLimit(request)))
    }
    writer.endObject()
    return .json(writer.bytes)
  }

  /// `/detected_field/{name}/values`.
  func detectedFieldValues(_ request: QueryAPIRequest, of name: String) throws
    -> QueryAPIResponse
  {
    let limit = try fieldLimit(request)
    var everything = request
    everything.parameters = QueryParameters(
      request.parameters.items.filter { $0.name != "limit" && $0.name != "field_limit" })
    let values = try detected(everything).fields[name]?.ordered ?? []
    var writer = JSONWriter()
    writer.beginObject()
    if !values.isEmpty {
      writer.key("values")
      writer.beginArray()
      for value in values.prefix(limit) { writer.string(value) }
      writer.endArray()
      writer.key("limit")
      writer.int(Int64(limit))
    }
    writer.endObject()
    return .json(writer.bytes)
  }
}

extension JSONWriter {
  fileprivate mutating func encode(_ field: DetectedField, _ name: String) {
    beginObject()
    key("label")
    string(name)
    key("type")
    string(field.type.rawValue)
    key("cardinality")
    int(Int64(field.values.count))
    key("parsers")
    if field.parsers.isEmpty {
      null()
    } else {
      beginArray()
      for parser in field.parsers { string(parser) }
      endArray()
    }
    if !field.jsonPath.isEmpty {
      key("jsonPath")
      beginArray()
      for part in field.jsonPath { string(part) }
      endArray()
    }
    endObject()
  }
}

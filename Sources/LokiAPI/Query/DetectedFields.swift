import LogQL
import LogQuery
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
  var values: Set<String> = []
  /// The values as they came.
  var ordered: [String] = []
  /// `json`, `logfmt`; none for structured metadata.
  var parsers: [String] = []
  /// The keys from the line's object down to the field.
  var jsonPath: [String] = []

  static let valuesMax = 10_000

  /// `isParsed` tells values of lines from structured metadata: only their sizes are normal.
  mutating func add(_ value: String, isParsed: Bool) {
    guard values.count < DetectedField.valuesMax, values.insert(value).inserted else { return }
    let shown = isParsed ? DecimalSize.normal(value) : value
    if shown == value || !ordered.contains(shown) { ordered.append(shown) }
  }
}

/// Collects the fields of the entries of a log query.
struct DetectedFields {
  private(set) var fields: [String: DetectedField] = [:]
  /// Names in the order in which they came up.
  private(set) var names: [String] = []
  let limit: Int

  /// The labels of the present entry's stream: parsed fields of their names are renamed.
  private var streamNames: Set<String> = []

  init(limit: Int) { self.limit = limit }

  /// Adds the fields of an entry; the type of a field is that of its last entry.
  mutating func add(_ entry: ResultEntry) {
    for label in entry.labels.structuredMetadata { add(label.name, label.value) }
    streamNames = Set(entry.labels.stream.map(\.name))
    for label in entry.labels.parsed
    where label.name != "__error__" && label.name != "__error_details__" {
      add(label.name, label.value, parser: "")
    }
    if !addJSON(entry.line) { addLogfmt(entry.line) }
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

  /// False for what is no JSON object.
  private mutating func addJSON(_ line: [UInt8]) -> Bool {
    guard line.first(where: { $0 > 0x20 }) == UInt8(ascii: "{"),
      let value = try? JSONValue.parse(line), let members = value.members
    else { return false }
    add(members, path: [])
    return true
  }

  private mutating func add(_ members: [JSONMember], path: [String]) {
    for member in members {
      let path = path + [member.key]
      let name = unclashed(path.map(DetectedFields.sanitized).joined(separator: "_"))
      switch member.value {
      case .object(let inner): add(inner, path: path)
      case .array, .null: break
      case .string(let text): add(name, text, parser: "json", path: path)
      case .number(let text): add(name, text, parser: "json", path: path)
      case .bool(let flag): add(name, flag ? "true" : "false", parser: "json", path: path)
      }
    }
  }

  private mutating func addLogfmt(_ line: [UInt8]) {
    var pairs: [(String, String)] = []
    line.withUnsafeBytes { bytes in
      var scanner = LogfmtScanner(bytes)
      while case .pair(let pair) = scanner.next() {
        guard !pair.value.isEmpty else { continue }
        let key = String(decoding: scanner.bytes(pair.key), as: UTF8.self)
        var value: [UInt8] = []
        if pair.hasEscapes {
          scanner.unescape(pair, into: &value)
        } else {
          value = Array(scanner.bytes(pair.value))
        }
        pairs.append((DetectedFields.sanitized(key), String(decoding: value, as: UTF8.self)))
      }
    }
    for (name, value) in pairs { add(unclashed(name), value, parser: "logfmt") }
  }

  private func unclashed(_ name: String) -> String {
    streamNames.contains(name) ? name + "_extracted" : name
  }

  /// As a label's name: other characters become `_`, a leading digit gets one in front.
  private static func sanitized(_ key: String) -> String {
    var out = ""
    for (at, scalar) in key.unicodeScalars.enumerated() {
      if at == 0, ("0"..."9").contains(scalar) { out += "_" }
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
    let alias = try parameters.integer("field_limit", default: 1000)
    let limit = try parameters.integer("limit", default: alias)
    let expression = try LogQL.parse(parameters["query"])
    guard expression.isLog else { throw QueryAPIError("only log selector is supported") }
    guard start < end else {
      throw QueryAPIError("end timestamp must not be before or equal to start time")
    }
    let query = QueryRequest(
      tenants: request.tenants, expression: expression, start: start, end: end,
      step: .seconds(1), limit: max(0, lines))
    let result = try engine.answer(query, limits: limits(request))
    var fields = DetectedFields(limit: limit)
    if case .streams(let streams) = result.value {
      for stream in streams.categorized(isForward: false).sortedByText {
        for entry in stream.entries { fields.add(entry) }
      }
    }
    return fields
  }

  private func fieldLimit(_ request: QueryAPIRequest) throws -> Int {
    let alias = try request.parameters.integer("field_limit", default: 1000)
    return try request.parameters.integer("limit", default: alias)
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
      for value in values.prefix(max(0, limit)) { writer.string(value) }
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

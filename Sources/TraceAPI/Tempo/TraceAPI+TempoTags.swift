import Bytes
import HTTP
import SpanQuery
import TelemetryModel
import TraceQL
import WireFormats

/// Names of attributes and their values.
extension TraceAPI {
  func tempoTagRoutes(on router: inout Router) {
    tempo("/api/search/tags", on: &router) { request, tenant in
      let items = try request.query()
      let scope = try Self.scope(items)
      var names: Set<ByteText> = []
      if scope == .intrinsic {
        names = Set(texts: Self.intrinsics)
      } else {
        for part in try await tagNames(items, scope, tenant) {
          names.formUnion(Set(texts: part.names))
        }
      }
      return .json(
        Self.object { json in
          json.key("tagNames")
          Self.write(names.sortedTexts(), to: &json)
        })
    }
    tempo("/api/v2/search/tags", on: &router) { request, tenant in
      let items = try request.query()
      let scope = try Self.scope(items)
      var scopes: [(name: String, names: [String])] = []
      if scope != .intrinsic {
        scopes = try await tagNames(items, scope, tenant).map { ($0.scope.rawValue, $0.names) }
      }
      if scope == nil || scope == .intrinsic { scopes.append(("intrinsic", Self.intrinsics)) }
      return .json(Self.object { Self.write(scopes, to: &$0) })
    }
    tempo("/api/search/tag/{name}/values", on: &router) { request, tenant in
      let name = request.parameters["name"] ?? ""
      let field = TraceIntrinsic(name: name).map(TraceField.intrinsic) ?? Self.olderField(name)
      let values = try await tagValues(field, request, tenant).map(\.plainText)
      return .json(
        Self.object { json in
          json.key("tagValues")
          Self.write(Set(texts: values).sortedTexts(), to: &json)
        })
    }
    tempo("/api/v2/search/tag/{name}/values", on: &router) { request, tenant in
      // Older versions of Grafana escape the name twice.
      let text = Self.unescaped(request.parameters["name"] ?? "")
      let field: TraceField
      do throws(TraceQLError) { field = try TraceField(text) } catch {
        throw TempoFault.badRequest(
          "tag name is not valid intrinsic or scoped attribute: \(text)")
      }
      let values = try await tagValues(field, request, tenant)
      return .json(Self.object { Self.write(values, to: &$0) })
    }
  }

  private enum Scope: Equatable {
    case of(TraceScope)
    case intrinsic
  }

  private static func scope(_ items: FormItems) throws(TempoFault) -> Scope? {
    guard let text = items["scope"], !text.isEmpty, text != "none" else { return nil }
    if text == "intrinsic" { return .intrinsic }
    guard let scope = TraceScope(rawValue: text) else {
      throw .badRequest("invalid scope: \(text)")
    }
    return .of(scope)
  }

  /// The names of intrinsics that are offered: the short old ones and the scoped ones.
  private static let intrinsics = [
    "duration", "event:name", "event:timeSinceStart", "instrumentation:name",
    "instrumentation:version", "kind", "link:spanID", "link:traceID", "name", "rootName",
    "rootServiceName", "span:duration", "span:id", "span:kind", "span:name", "span:parentID",
    "span:status", "span:statusMessage", "status", "statusMessage", "trace:duration", "trace:id",
    "trace:rootName", "trace:rootService", "traceDuration",
  ]

  private func question(_ items: FormItems) throws -> TagQuestion {
    let parameters = TempoParameters(items: items)
    var question = TagQuestion()
    question.range = try parameters.secondsRange()
    // Editors send queries that are not finished yet; those narrow nothing.
    if let query = try? parameters.query(), case .spansets = query.body { question.query = query }
    if let limit = try parameters.number("limit") ?? parameters.number("maxTagValues"), limit > 0 {
      question.limit = Int(clamping: min(limit, UInt64(question.limit)))
    }
    return question
  }

  private func tagNames(
    _ items: FormItems, _ scope: Scope?, _ tenant: TenantID
  ) async throws -> [(scope: TraceScope, names: [String])] {
    var only: TraceScope?
    if case .of(let known)? = scope { only = known }
    return try TempoFault.value(
      of: await query.tagNames(try question(items), scope: only, tenant: tenant))
  }

  private func tagValues(
    _ field: TraceField, _ request: Request, _ tenant: TenantID
  ) async throws -> [TraceValue] {
    switch field {
    case .intrinsic(.kind):
      return [.unspecified, .internal, .server, .client, .producer, .consumer].map { .kind($0) }
    case .intrinsic(.status):
      return [SpanStatus.error, SpanStatus.ok, SpanStatus.unset].map { .status($0) }
    default:
      return try TempoFault.value(
        of: await query.tagValues(field, try question(try request.query()), tenant: tenant))
    }
  }

  /// The field of a name without scope.
  private static func olderField(_ name: String) -> TraceField {
    switch name {
    case "service.name": .attribute(.resource, name)
    case "status.code": .intrinsic(.status)
    case "root.name": .intrinsic(.rootName)
    case "root.service.name": .intrinsic(.rootServiceName)
    default: .attribute(.any, name)
    }
  }

  private static func unescaped(_ text: String) -> String {
    guard text.contains("%"), let items = try? FormItems.parse(Array(("a=" + text).utf8)) else {
      return text
    }
    return items["a"] ?? text
  }

  // MARK: - Answers

  private static func object(_ write: (inout JSONWriter) -> Void) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    write(&json)
    json.key("metrics")
    json.beginObject()
    json.endObject()
    json.endObject()
    return json.bytes
  }

  private static func write(_ names: [String], to json: inout JSONWriter) {
    json.beginArray()
    for name in names { json.string(name) }
    json.endArray()
  }

  private static func write(
    _ scopes: [(name: String, names: [String])], to json: inout JSONWriter
  ) {
    json.key("scopes")
    json.beginArray()
    for scope in scopes {
      json.beginObject()
      json.key("name")
      json.string(scope.name)
      json.key("tags")
      write(scope.names, to: &json)
      json.endObject()
    }
    json.endArray()
  }

  private static func write(_ values: [TraceValue], to json: inout JSONWriter) {
    json.key("tagValues")
    json.beginArray()
    for value in values {
      json.beginObject()
      json.key("type")
      json.string(typeName(value))
      json.key("value")
      json.string(value.plainText)
      json.endObject()
    }
    json.endArray()
  }

  private static func typeName(_ value: TraceValue) -> String {
    switch value {
    case .int: "int"
    case .float: "float"
    case .bool: "bool"
    case .duration: "duration"
    case .status, .kind: "keyword"
    default: "string"
    }
  }
}

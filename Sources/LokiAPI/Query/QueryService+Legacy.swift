import Bytes
import LogQL
import LogQuery
import TelemetryModel
import WireFormats

/// `/api/prom`: what Loki's first clients ask.
extension QueryService {
  /// The paths below `/api/prom/` that have no parameter of their own.
  static let legacyPaths = ["query", "label", "series"]

  /// Answers the rest of a path behind `/api/prom/`.
  func legacyAnswer(_ path: [Substring], _ request: QueryAPIRequest) throws -> QueryAPIResponse? {
    switch path.joined(separator: "/") {
    case "query": return try legacyQuery(request)
    case "label": return try legacyStrings(try foundLabelNames(request))
    case "series": return try series(request)
    default:
      guard path.count == 3, path[0] == "label", path[2] == "values" else { return nil }
      return try legacyStrings(try foundLabelValues(request, of: String(path[1])))
    }
  }

  private func legacyStrings(_ values: Set<ByteText>) throws -> QueryAPIResponse {
    var writer = JSONWriter()
    writer.beginObject()
    if !values.isEmpty {
      writer.key("values")
      writer.beginArray()
      for value in values.sortedTexts() { writer.string(value) }
      writer.endArray()
    }
    writer.endObject()
    return .json(writer.bytes)
  }

  /// Lines alone; `regexp` is one more filter behind the query.
  private func legacyQuery(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    var text = request.parameters["query"]
    let pattern = request.parameters["regexp"]
    if !pattern.isEmpty { text += " |~ " + quoted(pattern) }
    let query = try rangeRequest(request, text: text)
    guard query.expression.isLog else {
      throw QueryAPIError("legacy endpoints only support streams result type")
    }
    let result = try engine.answer(query, limits: limits(request))
    guard case .streams(let streams) = result.value else { throw QueryAPIError("no streams") }
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("streams")
    writer.beginArray()
    for stream in streams {
      writer.beginObject()
      writer.key("labels")
      writer.string(stream.labels.description)
      writer.key("entries")
      writer.beginArray()
      for entry in stream.entries { writer.encodeLegacy(entry) }
      writer.endArray()
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return .json(writer.bytes)
  }
}

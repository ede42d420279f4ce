import LogQL
import WireFormats

extension QueryService {
  /// The version of Loki whose API this is.
  package static let apiVersion = "3.8.0"

  /// `/format_query`.
  func formatQuery(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    let expression = try LogQL.parse(request.parameters["query"])
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("status")
    writer.string("success")
    writer.key("data")
    writer.string(expression.formatted)
    writer.endObject()
    return .json(writer.bytes)
  }

  /// `/status/buildinfo`: the Loki whose API this is, for clients that look for features.
  func buildInformation() -> QueryAPIResponse {
    var writer = JSONWriter()
    writer.beginObject()
    for (name, value) in [
      ("version", Self.apiVersion), ("revision", settings.version), ("branch", "sluice"),
      ("buildUser", ""), ("buildDate", ""), ("goVersion", ""),
    ] {
      writer.key(name)
      writer.string(value)
    }
    writer.endObject()
    return .json(writer.bytes)
  }
}

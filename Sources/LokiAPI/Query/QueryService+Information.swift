import LogQL
import WireFormats

extension QueryService {
  /// The version of Loki whose API this is.
  package static let apiVersion = "3.8.0"

  /// `/format_query`; what is wrong with a query is told as JSON here.
  func formatQuery(_ request: QueryAPIRequest) -> QueryAPIResponse {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("status")
    var status = 200
    do throws(LogQLError) {
      let expression = try LogQL.parse(request.parameters["query"], allowsNumbers: true)
      writer.string("success")
      writer.key("data")
      writer.string(expression.formatted)
    } catch {
      status = 400
      writer.string("invalid-query")
      writer.key("error")
      writer.string(error.message)
    }
    writer.endObject()
    return QueryAPIResponse(
      status: status, contentType: "application/json; charset=utf-8",
      pieces: [writer.bytes + [UInt8(ascii: "\n")]])
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

import HTTP
import LinuxIO
import LogStore
import LokiAPI
import SpanStore
import TelemetryModel
import TraceFormats
import WireFormats

/// `GET /api/traces/{id}/logs` beside Jaeger's API: the log lines that name a trace.
///
/// Lines count that have the id in structured metadata (`trace_id`, `traceID`, `traceId`) or in
/// their text, from five minutes before the trace to five minutes after it, oldest first. An id of
/// 64 bits is looked for by its 16 digits too, which clients of that time log; in the text of a
/// line they also count as a part of a longer id, such as the 128 bits that a proxy made of them:
/// `{"data": [{"timestamp", "stream", "line"}], "errors": null}`. `selector` names the streams,
/// by default those with a `service_name` or a `job`; `limit` is 100 lines.
struct TraceLogsRoute: Sendable {
  let spans: SpanStore
  let queries: QueryService
  let blocking: BlockingExecutor
  let tenantOf: @Sendable (Request) throws(HTTPError) -> TenantID

  private static let margin = TimeSpan.minutes(5)
  private static let limitMax = 5_000

  func add(to router: inout Router) {
    router.on(.get, "/api/traces/{id}/logs") { request, writer in
      let tenant = try tenantOf(request)
      let items = try request.query()
      guard let id = traceID(in: request.parameters["id"] ?? "") else {
        throw HTTPError(status: .badRequest, "the path names no trace")
      }
      let limit = min(items["limit"].flatMap { Int($0) } ?? 100, Self.limitMax)
      let selectors =
        items["selector"].map { [$0] } ?? ["{service_name=~\".+\"}", "{job=~\".+\"}"]
      let answer = await blocking.run { () -> Answer in
        find(id, tenant, selectors, limit: max(1, limit))
      }
      switch answer {
      case .lines(let lines):
        try await writer.respond(
          .ok, contentType: "application/json", body: Self.encode(lines))
      case .refused(let status, let message):
        throw HTTPError(status: HTTPStatus(status), message)
      }
    }
  }

  private enum Answer: Sendable {
    case lines([Line])
    case refused(Int, String)
  }

  private struct Line: Hashable, Sendable {
    var time: Int64
    var stream: JSONValue
    var text: String
  }

  private func find(
    _ id: TraceID, _ tenant: TenantID, _ selectors: [String], limit: Int
  ) -> Answer {
    let trace: [ResourceSpans]
    do { trace = try spans.trace(id, tenant: tenant) } catch {
      return .refused(500, error.message)
    }
    var first = Timestamp.distantFuture
    var last = Timestamp.distantPast
    trace.forEachSpan { span, _, _ in
      first = min(first, span.start)
      last = max(last, span.end)
    }
    guard first <= last else { return .refused(404, "trace not found") }
    // Clients with ids of 64 bits log 16 digits.
    let texts = id.high == 0 ? [id.hex, String(id.hex.suffix(16))] : [id.hex]
    let names = texts.flatMap { text in
      ["trace_id", "traceID", "traceId"].map { "\($0)=\"\(text)\"" }
    }
    let filters = [
      "| " + names.joined(separator: " or "), "|= \"\(texts[texts.count - 1])\"",
    ]
    var lines: Set<Line> = []
    for selector in selectors {
      for filter in filters {
        let response = queries.respond(
          to: QueryAPIRequest(
            path: "/loki/api/v1/query_range",
            parameters: QueryParameters([
              ("query", selector + " " + filter),
              ("start", "\((first - Self.margin).nanoseconds)"),
              ("end", "\((last + Self.margin).nanoseconds)"), ("limit", "\(limit)"),
              ("direction", "forward"),
            ]), tenants: [tenant]))
        guard response.status == 200, let json = try? JSONValue.parse(response.body) else {
          return .refused(response.status, String(decoding: response.body, as: UTF8.self))
        }
        Self.read(json, into: &lines)
      }
    }
    let sorted = lines.sorted { a, b in
      a.time == b.time ? a.text < b.text : a.time < b.time
    }
    return .lines(Array(sorted.prefix(limit)))
  }

  private static func read(_ json: JSONValue, into lines: inout Set<Line>) {
    for stream in json["data"]?["result"]?.arrayValue ?? [] {
      for value in stream["values"]?.arrayValue ?? [] {
        guard let time = value[0]?.stringValue.flatMap({ Int64($0) }) else { continue }
        lines.insert(
          Line(
            time: time, stream: stream["stream"] ?? .object([]),
            text: value[1]?.stringValue ?? ""))
      }
    }
  }

  private static func encode(_ lines: [Line]) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("data")
    json.beginArray()
    for line in lines {
      json.beginObject()
      json.key("timestamp")
      json.quotedInt(line.time)
      json.key("stream")
      json.value(line.stream)
      json.key("line")
      json.string(line.text)
      json.endObject()
    }
    json.endArray()
    json.key("errors")
    json.null()
    json.endObject()
    return json.bytes
  }
}

/// The id of a trace in a text: the text itself, or the first 32 or else 16 hexadecimal digits
/// that stand by themselves, as in a log line; nil when there is none.
func traceID(in text: String) -> TraceID? {
  let runs = text.split { !$0.isASCII || !$0.isHexDigit }.map(String.init)
  let isWhole = runs.count == 1 && runs[0] == text && text.utf8.count <= 32
  let long = runs.first(where: { $0.utf8.count == 32 })
  let short = runs.first(where: { $0.utf8.count == 16 })
  guard let digits = isWhole ? text : long ?? short,
    let low = UInt64(digits.suffix(16), radix: 16)
  else { return nil }
  let high = digits.dropLast(16)
  return TraceID(high: high.isEmpty ? 0 : UInt64(high, radix: 16) ?? 0, low: low)
}

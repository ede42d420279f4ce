import HTTP
import LinuxIO
import LogQL
import LogQuery
import TelemetryModel
import WireFormats

extension QueryService {
  /// Lines that are read at a time; the client's pace decides when the next are.
  private static let exportPageLines = 5000

  /// `/loki/api/v1/export`: all lines of a log query as JSON, one a line, without a limit unless
  /// one is asked for. Nothing is read ahead of a client that takes them slowly.
  func addExport(to router: inout Router, queue: QueryQueue, authEnabled: Bool) {
    router.on([.get, .post], "/loki/api/v1/export") { request, writer in
      do {
        let question = try await self.question("/loki/api/v1/export", request, authEnabled)
        try await export(question, writer, queue)
      } catch let refusal as TenantHeader.Refusal {
        try await writer.respond(HTTPStatus(refusal.status), text: refusal.message + "\n")
      }
    }
  }

  private func export(
    _ request: QueryAPIRequest, _ writer: ResponseWriter, _ queue: QueryQueue
  ) async throws {
    let service = serving(request.tenants)
    var left: Int
    let query: QueryRequest
    do {
      left = try request.parameters.integer("limit", default: 0)
      if left <= 0 { left = .max }
      var bounded = request
      bounded.parameters = QueryParameters(
        request.parameters.items.filter { $0.name != "limit" })
      query = try service.rangeRequest(bounded, text: request.parameters["query"])
      guard query.expression.isLog else { throw QueryAPIError("only log queries are exported") }
    } catch let error where !(error is HTTPError) {
      let response = Self.response(to: error)
      try await send(response, writer)
      return
    }
    var pages = LogPages(service.engine, query)
    var isBegun = false
    while left > 0, !pages.isAtEnd {
      let before = pages
      let count = min(left, Self.exportPageLines)
      let page = await queue.run(request.tenants[0]) {
        var pages = before
        let limits = service.limits(request)
        do throws(QueryError) {
          let entries = try pages.next(count, limits: limits)
          return Result<(LogPages, [UInt8], Int), QueryError>.success(
            (pages, Self.lines(entries), entries.count))
        } catch { return .failure(error) }
      }
      switch page {
      case nil: throw HTTPError(status: .tooManyRequests, "too many outstanding requests")
      case .failure(let error)?:
        // A broken response tells a client that has lines already that there were more.
        guard isBegun else { throw HTTPError(status: HTTPStatus(error.status), error.message) }
        await writer.abort()
        return
      case .success((let after, let bytes, let lineCount))?:
        if !isBegun {
          try await writer.head(.ok, headers: ["content-type": "application/x-ndjson"])
          isBegun = true
        }
        pages = after
        left -= lineCount
        if !bytes.isEmpty { try await writer.write(bytes) }
      }
    }
    if !isBegun {
      try await writer.head(.ok, headers: ["content-type": "application/x-ndjson"])
    }
    try await writer.end()
  }

  /// Each as `{"labels":{},"line":"","timestamp":""}`, as logcli's `-o jsonl` has them.
  private static func lines(_ entries: [ResultEntry]) -> [UInt8] {
    var out: [UInt8] = []
    for entry in entries {
      var json = JSONWriter()
      json.beginObject()
      json.key("labels")
      json.encode(entry.labels.all.sorted)
      json.key("line")
      entry.text.withBytes { json.string(bytes: $0) }
      json.key("timestamp")
      json.string(GoTime.rfc3339Nano(entry.timestamp))
      json.endObject()
      out += json.bytes
      out.append(UInt8(ascii: "\n"))
    }
    return out
  }
}

import HTTP
import SpanQuery
import SpanStore
import TelemetryModel
import TraceFormats
import WireFormats

/// Jaeger's API v3: OTLP's JSON, names in lowerCamelCase or snake_case.
extension TraceAPI {
  func v3Routes(on router: inout Router) {
    v3("/api/v3/services", on: &router) { _, tenant in
      let services = try await query.services(tenant: tenant)
      var json = JSONWriter()
      json.beginObject()
      json.key("services")
      json.beginArray()
      for service in services { json.string(service) }
      json.endArray()
      json.endObject()
      return json.bytes
    }
    v3("/api/v3/operations", on: &router, operationsV3)
    v3("/api/v3/traces", on: &router, searchV3)
    v3("/api/v3/trace-summaries", on: &router, summariesV3)
    v3("/api/v3/traces/{id}", on: &router, traceV3)
  }

  private func v3(
    _ pattern: String, on router: inout Router,
    _ answer: @escaping @Sendable (Request, TenantID) async throws -> [UInt8]
  ) {
    router.on(.get, pattern) { request, writer in
      do {
        let body = try await answer(request, try tenantOf(request))
        try await writer.respond(.ok, contentType: "application/json", body: body)
      } catch {
        let fault: JaegerFault
        switch error {
        case let error as JaegerFault: fault = error
        case let error as SpanStoreError: fault = JaegerFault(error)
        case let error as HTTPError where error.kind != .disconnected:
          fault = JaegerFault(error.status, error.message)
        default: throw error
        }
        try await writer.respond(
          fault.status, contentType: "text/plain; charset=utf-8", body: fault.envelopeV3)
      }
    }
  }

  private static let noTraces = JaegerFault(.notFound, "No traces found")

  private func operationsV3(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let parameters = V3Parameters(items: try request.query())
    guard let service = parameters["service"] else {
      throw JaegerFault(.badRequest, "malformed parameter service: missing")
    }
    let operations = try await operations(
      of: service, kind: parameters["spanKind"], tenant)
    var json = JSONWriter()
    json.beginObject()
    json.key("operations")
    Self.write(operations, to: &json)
    json.endObject()
    return json.bytes
  }

  private func traceV3(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let id: TraceID
    do throws(TraceIDText.Fault) {
      id = try TraceIDText.jaeger(request.parameters["id"] ?? "")
    } catch {
      throw JaegerFault(.badRequest, "malformed parameter trace_id: \(error.message)")
    }
    let parameters = V3Parameters(items: try request.query())
    let isRaw = try parameters.flag("rawTraces")
    _ = try parameters.time("startTime")
    _ = try parameters.time("endTime")
    var trace = try await query.trace(id, tenant: tenant)
    guard !trace.isEmpty else { throw Self.noTraces }
    if try parameters.flag("adjustClockSkew") { trace = ClockSkew.adjust(trace) }
    return Self.result(isRaw ? trace : JaegerAdjustments.adjust(trace))
  }

  private func search(_ parameters: V3Parameters) throws(JaegerFault) -> JaegerSearch {
    guard let start = try parameters.time("query.startTimeMin"),
      let end = try parameters.time("query.startTimeMax")
    else {
      throw JaegerFault(
        .badRequest, "query.startTimeMin and query.startTimeMax are required")
    }
    var search = JaegerSearch()
    search.service = parameters["query.serviceName"]
    search.operation = parameters["query.operationName"]
    search.startMin = start
    search.startMax = end
    search.minDuration = try parameters.duration("query.durationMin")
    search.maxDuration = try parameters.duration("query.durationMax")
    if let text = parameters["query.searchDepth"] ?? parameters["query.numTraces"] {
      search.limit = Int(clamping: try parameters.number("query.searchDepth", text))
    }
    guard (1...JaegerSearchParameters.limitMax).contains(search.limit) else {
      throw JaegerFault(
        .internalServerError, "search depth must be greater than 0 and less than max traces")
    }
    if let text = parameters["query.attributes"] {
      search.tags = try JaegerSearchParameters.jsonTags("query.attributes", text)
    }
    try JaegerSearchParameters.readExtensions(parameters.items, prefix: "query.", into: &search)
    return search
  }

  private func searchV3(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let parameters = V3Parameters(items: try request.query())
    let search = try search(parameters)
    let isRaw = try parameters.flag("query.rawTraces")
    let page = try await query.search(search, tenant: tenant)
    guard !page.traces.isEmpty else { throw Self.noTraces }
    let next = parameters.items.contains("query.cursor") ? page.next : nil
    return Self.result(
      page.traces.flatMap { isRaw ? $0 : JaegerAdjustments.adjust($0) }, next: next)
  }

  /// What a list of traces shows, without the spans.
  private func summariesV3(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let parameters = V3Parameters(items: try request.query())
    let page = try await query.search(try search(parameters), tenant: tenant)
    var json = JSONWriter()
    json.beginObject()
    json.key("summaries")
    json.beginArray()
    for trace in page.traces { JaegerTraceSummary(trace).write(to: &json) }
    json.endArray()
    if parameters.items.contains("query.cursor"), let next = page.next {
      json.key("nextCursor")
      json.string(next.text)
    }
    json.endObject()
    return json.bytes
  }

  private static func result(_ batches: [ResourceSpans], next: TraceCursor? = nil) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("result")
    OTLPTraceJSON.write(batches, to: &json)
    if let next {
      json.key("nextCursor")
      json.string(next.text)
    }
    json.endObject()
    return json.bytes
  }
}

/// Parameters of API v3, asked for by their lowerCamelCase names and found in snake_case too.
private struct V3Parameters {
  let items: FormItems

  subscript(_ name: String) -> String? {
    JaegerSearchParameters.text(name, items)
      ?? JaegerSearchParameters.text(Self.snakeCase(name), items)
  }

  static func snakeCase(_ name: String) -> String {
    name.reduce(into: "") { text, character in
      if character.isUppercase { text += "_" }
      text += character.lowercased()
    }
  }

  private static func malformed(_ name: String, _ reason: String) -> JaegerFault {
    JaegerFault(.badRequest, "malformed parameter \(name): \(reason)")
  }

  func number(_ name: String, _ text: String) throws(JaegerFault) -> Int64 {
    do throws(GoNumber.Fault) { return try GoNumber.int64(text) } catch {
      throw Self.malformed(name, error.message)
    }
  }

  func flag(_ name: String) throws(JaegerFault) -> Bool {
    guard let text = self[name] else { return false }
    guard let flag = GoNumber.bool(text) else {
      throw Self.malformed(name, "strconv.ParseBool: parsing \"\(text)\": invalid syntax")
    }
    return flag
  }

  func duration(_ name: String) throws(JaegerFault) -> TimeSpan? {
    guard let text = self[name] else { return nil }
    do throws(TimeSpan.GoDurationError) {
      let span = try TimeSpan(goDuration: text)
      return span == .zero ? nil : span
    } catch {
      throw Self.malformed(name, error.message)
    }
  }

  /// RFC 3339, with or without a fraction.
  func time(_ name: String) throws(JaegerFault) -> Timestamp? {
    guard let text = self[name] else { return nil }
    do throws(GoTimeError) {
      let layout = GoTimeLayout("2006-01-02T15:04:05.999999999Z07:00")
      return Timestamp(nanoseconds: try layout.parse(text).unixNanoseconds)
    } catch {
      throw Self.malformed(name, error.message)
    }
  }
}

package import HTTP
import SpanQuery
import SpanStore
import TelemetryModel
import TraceFormats
import WireFormats

extension TraceAPI {
  /// Tempo's query API as far as a trace by its id and searches by tags go; TraceQL is answered
  /// as not supported.
  package func tempoRoutes(on router: inout Router) {
    router.on(.get, "/api/echo") { _, writer in
      try await writer.respond(.ok, text: "echo")
    }
    tempo("/api/traces/{id}", on: &router) { request, tenant in
      let trace = try await tempoTrace(request, tenant)
      // The older path answers a miss with nothing at all.
      guard !trace.isEmpty else { throw TempoFault(.notFound, "") }
      if Self.wantsProtobuf(request) { return .protobuf(OTLPTraceProtobuf.encode(trace)) }
      return .json(OTLPTraceJSON.encode(trace, style: .tempo))
    }
    tempo("/api/v2/traces/{id}", on: &router) { request, tenant in
      let trace = try await tempoTrace(request, tenant)
      if Self.wantsProtobuf(request) {
        var message = ProtobufWriter()
        message.bytes(1, OTLPTraceProtobuf.encode(trace))
        message.bytes(2, [UInt8]())
        return .protobuf(message.bytes)
      }
      var json = JSONWriter()
      json.beginObject()
      json.key("trace")
      OTLPTraceJSON.write(trace, style: .tempoV2, to: &json)
      json.key("metrics")
      json.beginObject()
      json.endObject()
      json.endObject()
      return .json(json.bytes)
    }
    tempo("/api/search", on: &router) { request, tenant in
      let search = try TempoSearchParameters(try request.query(), now: now)
      return .json(
        TempoSearchAnswer.encode(try await query.search(search.search, tenant: tenant)))
    }
  }

  private enum TempoAnswer: Sendable {
    case json([UInt8])
    case protobuf([UInt8])
  }

  private func tempo(
    _ pattern: String, on router: inout Router,
    _ answer: @escaping @Sendable (Request, TenantID) async throws -> TempoAnswer
  ) {
    router.on(.get, pattern) { request, writer in
      do {
        switch try await answer(request, try tenantOf(request)) {
        case .json(let body):
          try await writer.respond(.ok, contentType: "application/json", body: body)
        case .protobuf(let body):
          try await writer.respond(.ok, contentType: "application/protobuf", body: body)
        }
      } catch let fault as TempoFault {
        try await writer.respond(fault.status, text: fault.message)
      } catch let error as SpanStoreError {
        try await writer.respond(
          error.code == .closed ? .serviceUnavailable : .internalServerError,
          text: error.message)
      }
    }
  }

  private static func wantsProtobuf(_ request: Request) -> Bool {
    request.headers.listContains("accept", "application/protobuf")
  }

  private func tempoTrace(
    _ request: Request, _ tenant: TenantID
  ) async throws -> [ResourceSpans] {
    let text = request.parameters["id"] ?? ""
    guard text.utf8.count <= 32 else {
      throw TempoFault(.badRequest, "trace IDs can't be larger than 128 bits")
    }
    guard let id = TraceIDText.hex(text) else {
      let place = text.enumerated().first { !$0.element.isHexDigit || !$0.element.isASCII }
      throw TempoFault(
        .badRequest,
        "trace IDs can only contain hex characters: invalid character "
          + "'\(place.map { String($0.element) } ?? "")' at position \((place?.offset ?? 0) + 1)")
    }
    return try await query.trace(id, tenant: tenant)
  }
}

/// What Tempo refuses with, as plain text.
struct TempoFault: Error {
  let status: HTTPStatus
  let message: String

  init(_ status: HTTPStatus, _ message: String) {
    self.status = status
    self.message = message
  }
}

/// The query of `/api/search`: `tags` in logfmt, durations, a range in seconds.
struct TempoSearchParameters {
  var search = JaegerSearch()

  /// Traces that one answer may hold.
  static let limitMax = 1_000

  init(_ items: FormItems, now: Timestamp) throws(TempoFault) {
    if let text = items["q"]?.filter({ !$0.isWhitespace }), !text.isEmpty, text != "{}" {
      throw TempoFault(.notImplemented, "TraceQL is not supported yet; search by tags=")
    }
    search.limit = 20
    if let limit = try Self.number("limit", items) {
      guard (1...UInt64(Self.limitMax)).contains(limit) else {
        throw TempoFault(.badRequest, "invalid limit: must be from 1 to \(Self.limitMax)")
      }
      search.limit = Int(limit)
    }
    let start = try Self.number("start", items)
    let end = try Self.number("end", items)
    if let start, let end, start >= end {
      throw TempoFault(
        .badRequest,
        "http parameter start must be before end. received start=\(start) end=\(end)")
    }
    search.startMin = start.map(Self.time)
    search.startMax = end.map(Self.time)
    search.minDuration = try Self.duration("minDuration", items)
    search.maxDuration = try Self.duration("maxDuration", items)
    for (key, value) in Self.pairs(items["tags"] ?? "") {
      switch key {
      case "service.name": search.service = value
      case "name": search.operation = value
      case "status": search.tags["span.status"] = value
      case "kind": search.tags["span.kind"] = value
      default: search.tags[key] = value
      }
    }
  }

  private static func number(_ name: String, _ items: FormItems) throws(TempoFault) -> UInt64? {
    guard let text = items[name], !text.isEmpty else { return nil }
    do throws(GoNumber.Fault) { return try GoNumber.uint(text) } catch {
      throw TempoFault(.badRequest, "invalid \(name): \(error.message)")
    }
  }

  private static func time(_ seconds: UInt64) -> Timestamp {
    .zero + TimeSpan(clampingMilliseconds: Int64(clamping: min(seconds, .max / 1000) * 1000))
  }

  private static func duration(_ name: String, _ items: FormItems) throws(TempoFault) -> TimeSpan? {
    guard let text = items[name], !text.isEmpty else { return nil }
    do throws(TimeSpan.GoDurationError) {
      let span = try TimeSpan(goDuration: text)
      return span == .zero ? nil : span
    } catch {
      throw TempoFault(.badRequest, "invalid \(name): \(error.message)")
    }
  }

  /// `key=value` pairs between blanks; values may be quoted.
  static func pairs(_ text: String) -> [(key: String, value: String)] {
    var pairs: [(key: String, value: String)] = []
    var rest = text[...]
    while true {
      rest = rest.drop { $0 == " " }
      guard !rest.isEmpty else { return pairs }
      let key = rest.prefix { $0 != "=" && $0 != " " }
      rest = rest.dropFirst(key.count)
      guard rest.first == "=" else { continue }
      rest.removeFirst()
      var value = ""
      if rest.first == "\"" {
        rest.removeFirst()
        while let character = rest.popFirst(), character != "\"" {
          value.append(character == "\\" ? rest.popFirst() ?? character : character)
        }
      } else {
        value = String(rest.prefix { $0 != " " })
        rest = rest.dropFirst(value.count)
      }
      pairs.append((String(key), value))
    }
  }
}

/// The answer of `/api/search`: a summary of each trace.
enum TempoSearchAnswer {
  static func encode(_ traces: [[ResourceSpans]]) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("traces")
    json.beginArray()
    for trace in traces { write(trace, to: &json) }
    json.endArray()
    json.key("metrics")
    json.beginObject()
    json.key("inspectedTraces")
    json.int(Int64(traces.count))
    json.endObject()
    json.endObject()
    return json.bytes
  }

  private static func write(_ trace: [ResourceSpans], to json: inout JSONWriter) {
    var spans: [(span: Span, service: String)] = []
    trace.forEachSpan { span, _, resource in spans.append((span, resource.serviceName)) }
    guard let first = spans.min(by: { $0.span.start < $1.span.start }) else { return }
    let root = spans.first { $0.span.parentSpanID.isZero } ?? first
    let end = spans.map(\.span.end).max() ?? first.span.end
    json.beginObject()
    json.key("traceID")
    let digits = first.span.traceID.hex.drop { $0 == "0" }
    json.string(digits.isEmpty ? "0" : String(digits))
    json.key("rootServiceName")
    json.string(root.service)
    json.key("rootTraceName")
    json.string(root.span.name)
    json.key("startTimeUnixNano")
    json.quotedInt(first.span.start.nanoseconds)
    let milliseconds = (end - first.span.start).nanoseconds / 1_000_000
    if milliseconds > 0 {
      json.key("durationMs")
      json.int(milliseconds)
    }
    json.endObject()
  }
}

package import HTTP
import SpanQuery
import SpanStore
import TelemetryModel
import TraceFormats
import TraceQL
import WireFormats

extension TraceAPI {
  /// Tempo's query API: traces by id, searches by TraceQL and by tags, tags, and metrics.
  package func tempoRoutes(on router: inout Router) {
    router.on(.get, "/api/echo") { _, writer in
      try await writer.respond(.ok, text: "echo")
    }
    tempo("/api/status/buildinfo", on: &router) { _, _ in .json(buildInformation) }
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
      let parameters = try TempoSearchParameters(try request.query())
      let found = try TempoFault.value(of: await query.search(parameters.search, tenant: tenant))
      return .json(TempoSearchAnswer.encode(found, showsSpans: parameters.isTraceQL))
    }
    tempoTagRoutes(on: &router)
    tempoMetricsRoutes(on: &router)
  }

  private var buildInformation: [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    let fields = [
      ("version", version), ("revision", ""), ("branch", ""), ("buildUser", ""), ("buildDate", ""),
      ("goVersion", ""),
    ]
    for (name, value) in fields {
      json.key(name)
      json.string(value)
    }
    json.endObject()
    return json.bytes
  }

  enum TempoAnswer: Sendable {
    case json([UInt8])
    case protobuf([UInt8])
  }

  func tempo(
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

  static func badRequest(_ message: String) -> TempoFault { TempoFault(.badRequest, message) }

  /// What a query gave, or why it gave nothing.
  static func value<Answer>(of result: Result<Answer, TraceQLFailure>) throws -> Answer {
    switch result {
    case .success(let answer): return answer
    case .failure(.query(let error)): throw badRequest("invalid TraceQL query: \(error.message)")
    case .failure(.store(let error)): throw error
    }
  }
}

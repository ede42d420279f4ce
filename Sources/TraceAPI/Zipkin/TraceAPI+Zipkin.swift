package import HTTP
import SpanQuery
import SpanStore
import TelemetryModel
import TraceFormats
import TraceQL
import WireFormats

extension TraceAPI {
  /// Zipkin's query API v2, at its own paths and under `/zipkin` as its UI asks it.
  package func zipkinRoutes(on router: inout Router) {
    for prefix in ["", "/zipkin"] {
      zipkin(prefix + "/api/v2/services", on: &router) { request, tenant in
        Self.names(try await query.zipkinServices(tenant: tenant))
      }
      zipkin(prefix + "/api/v2/spans", on: &router) { request, tenant in
        let service = try ZipkinParameters(items: request.query()).required("serviceName")
        return Self.names(
          try await query.zipkinSpanNames(of: service.lowercased(), tenant: tenant))
      }
      zipkin(prefix + "/api/v2/remoteServices", on: &router) { request, tenant in
        let service = try ZipkinParameters(items: request.query()).required("serviceName")
        return Self.names(
          try await query.zipkinRemoteServices(
            of: service.lowercased(), now: now, tenant: tenant))
      }
      zipkin(prefix + "/api/v2/traces", on: &router, zipkinSearch)
      zipkin(prefix + "/api/v2/trace/{id}", on: &router, zipkinTrace)
      zipkin(prefix + "/api/v2/traceMany", on: &router, zipkinTraces)
      zipkin(prefix + "/api/v2/dependencies", on: &router, zipkinDependencies)
      // Tags to complete are named in the configuration.
      zipkin(prefix + "/api/v2/autocompleteKeys", on: &router) { _, _ in
        Self.names(zipkinAutocompleteKeys)
      }
      zipkin(prefix + "/api/v2/autocompleteValues", on: &router, zipkinValues)
      zipkin(prefix + "/config.json", on: &router) { _, _ in Self.uiConfiguration }
    }
    // What probes and Zipkin's own tools ask a server for.
    zipkin("/health", on: &router) { _, _ in
      Self.object { json in
        json.key("status")
        json.string("UP")
        json.key("zipkin")
        json.beginObject()
        json.key("status")
        json.string("UP")
        json.endObject()
      }
    }
    zipkin("/info", on: &router) { _, _ in
      Self.object { json in
        json.key("zipkin")
        json.beginObject()
        json.key("version")
        json.string(version)
        json.endObject()
      }
    }
  }

  private func zipkin(
    _ pattern: String, on router: inout Router,
    _ answer: @escaping @Sendable (Request, TenantID) async throws -> [UInt8]
  ) {
    router.on(.get, pattern) { request, writer in
      do {
        let body = try await answer(request, try tenantOf(request))
        try await writer.respond(.ok, contentType: "application/json", body: body)
      } catch let fault as ZipkinFault {
        try await writer.respond(fault.status, text: fault.message)
      } catch let error as SpanStoreError {
        try await writer.respond(
          error.code == .closed ? .serviceUnavailable : .internalServerError,
          text: error.message)
      }
    }
  }

  /// The values of a configured tag on spans of the last day, sorted.
  private func zipkinValues(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let key = try ZipkinParameters(items: try request.query()).required("key")
    guard zipkinAutocompleteKeys.contains(key) else { return Self.names([]) }
    var question = TagQuestion()
    question.range = (now - .hours(24))..<(now + .hours(1))
    question.limit = 1_000
    let values = await query.tagValues(.attribute(.span, key), question, tenant: tenant)
    return Self.names(try values.get().map(\.plainText).sorted())
  }

  /// What Zipkin's UI (Lens) reads before all else.
  private static var uiConfiguration: [UInt8] {
    object { json in
      json.key("environment")
      json.string("")
      json.key("queryLimit")
      json.int(10)
      json.key("defaultLookback")
      json.int(900_000)
      json.key("searchEnabled")
      json.bool(true)
      json.key("dependency")
      json.beginObject()
      json.key("enabled")
      json.bool(true)
      json.endObject()
    }
  }

  private static func object(_ write: (inout JSONWriter) -> Void) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    write(&json)
    json.endObject()
    return json.bytes
  }

  private static func names(_ names: [String]) -> [UInt8] {
    var json = JSONWriter()
    json.beginArray()
    for name in names { json.string(name) }
    json.endArray()
    return json.bytes
  }

  private static func list(_ traces: [[ZipkinSpan]]) -> [UInt8] {
    var json = JSONWriter()
    json.beginArray()
    for trace in traces { ZipkinJSON.write(trace, to: &json) }
    json.endArray()
    return json.bytes
  }

  private func zipkinSearch(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let search = try ZipkinParameters(items: try request.query()).search(now: now)
    return Self.list(try await query.search(search, tenant: tenant))
  }

  private static func traceID(_ text: String) throws(ZipkinFault) -> TraceID {
    guard let id = TraceIDText.hex(text), !id.isZero else {
      throw .badRequest("\(text) should be lower-hex encoded with no prefix")
    }
    return id
  }

  private func zipkinTrace(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let id = try Self.traceID(request.parameters["id"] ?? "")
    let spans = ZipkinSpan.spans(of: try await query.trace(id, tenant: tenant))
    guard !spans.isEmpty else { throw ZipkinFault(.notFound, "\(ZipkinJSON.text(id)) not found") }
    return ZipkinJSON.encode(spans)
  }

  /// Traces that one request may name.
  private static let traceIDsMax = 1_000

  private func zipkinTraces(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let text = try request.query()["traceIds"] ?? ""
    guard !text.isEmpty else { throw ZipkinFault.badRequest("traceIds parameter is empty") }
    let parts = text.split(separator: ",")
    guard parts.count > 1 else {
      throw ZipkinFault.badRequest(
        "Use /api/v2/trace/{traceId} endpoint to retrieve a single trace")
    }
    guard parts.count <= Self.traceIDsMax else {
      throw ZipkinFault.badRequest("more than \(Self.traceIDsMax) traceIds")
    }
    var ids: Set<TraceID> = []
    var traces: [[ZipkinSpan]] = []
    for part in parts {
      let id = try Self.traceID(String(part))
      guard ids.insert(id).inserted else {
        throw ZipkinFault.badRequest("redundant traceId: \(ZipkinJSON.text(id))")
      }
      let spans = ZipkinSpan.spans(of: try await query.trace(id, tenant: tenant))
      if !spans.isEmpty { traces.append(spans) }
    }
    return Self.list(traces)
  }

  private func zipkinDependencies(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let parameters = ZipkinParameters(items: try request.query())
    guard let end = try parameters.end() else {
      throw ZipkinFault.badRequest("endTs parameter is required")
    }
    let links = try await query.zipkinDependencies(
      end: end, lookback: try parameters.lookback(), tenant: tenant)
    var json = JSONWriter()
    json.beginArray()
    for link in links {
      json.beginObject()
      json.key("parent")
      json.string(link.parent)
      json.key("child")
      json.string(link.child)
      json.key("callCount")
      json.int(Int64(link.callCount))
      if link.errorCount > 0 {
        json.key("errorCount")
        json.int(Int64(link.errorCount))
      }
      json.endObject()
    }
    json.endArray()
    return json.bytes
  }
}

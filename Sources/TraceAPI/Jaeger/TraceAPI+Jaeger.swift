import Bytes
package import HTTP
import SpanQuery
import SpanStore
import TelemetryModel
import TraceFormats
import WireFormats

extension TraceAPI {
  /// Jaeger's query API: v1 as Grafana and older UIs ask it, v3 as the present UI does.
  package func jaegerRoutes(on router: inout Router) {
    v1(.get, "/api/services", on: &router, services)
    v1(.get, "/api/services/{service}/operations", on: &router, operationNames)
    v1(.get, "/api/operations", on: &router, operations)
    v1(.get, "/api/traces", on: &router, search)
    v1(.get, "/api/traces/{id}", on: &router, trace)
    v1(.get, "/api/traces/{id}/critical-path", on: &router, criticalPath)
    v1(.get, "/api/dependencies", on: &router, dependencies)
    v1(.post, "/api/transform", on: &router, transform)
    metricsRoutes(on: &router)
    v3Routes(on: &router)
  }

  /// Adds a route whose answer is an envelope of API v1.
  func v1(
    _ method: HTTPMethod, _ pattern: String, on router: inout Router,
    _ answer: @escaping @Sendable (Request, TenantID) async throws -> [UInt8]
  ) {
    router.on(method, pattern) { request, writer in
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
          fault.status, contentType: "text/plain; charset=utf-8", body: fault.envelope)
      }
    }
  }

  private func services(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let services = try await query.services(tenant: tenant)
    return JaegerEnvelope.write(total: services.count) { Self.write(services, to: &$0) }
  }

  private static func write(_ names: [String], to json: inout JSONWriter) {
    json.beginArray()
    for name in names { json.string(name) }
    json.endArray()
  }

  private func operationNames(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let service = request.parameters["service"] ?? ""
    let operations = try await query.operations(tenant: tenant, service: service)
    let names = Set(texts: operations.map(\.name)).sortedTexts()
    return JaegerEnvelope.write(total: names.count) { json in
      if names.isEmpty { json.null() } else { Self.write(names, to: &json) }
    }
  }

  private func operations(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let items = try request.query()
    guard let service = JaegerSearchParameters.text("service", items) else {
      throw JaegerFault(.badRequest, "parameter 'service' is required")
    }
    let operations = try await operations(
      of: service, kind: JaegerSearchParameters.text("spanKind", items), tenant)
    return JaegerEnvelope.write(total: operations.count) { Self.write(operations, to: &$0) }
  }

  /// A service's operations, those of one kind when `kind` names one.
  func operations(
    of service: String, kind: String?, _ tenant: TenantID
  ) async throws -> [SpanOperation] {
    try await query.operations(tenant: tenant, service: service).filter {
      kind == nil || (JaegerNaming.kind($0.kind) ?? "") == kind?.lowercased()
    }
  }

  /// `[{"name", "spanKind"}]`.
  static func write(_ operations: [SpanOperation], to json: inout JSONWriter) {
    json.beginArray()
    for operation in operations {
      json.beginObject()
      json.key("name")
      json.string(operation.name)
      json.key("spanKind")
      json.string(JaegerNaming.kind(operation.kind) ?? "")
      json.endObject()
    }
    json.endArray()
  }

  private func search(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let parameters = try JaegerSearchParameters(try request.query(), now: now)
    var traces: [[ResourceSpans]] = []
    var missing: [TraceID] = []
    var next: TraceCursor?
    if parameters.traceIDs.isEmpty {
      let page = try await query.search(parameters.search, tenant: tenant)
      traces = page.traces
      next = parameters.isPaged ? page.next : nil
    } else {
      for id in parameters.traceIDs {
        let trace = try await query.trace(id, tenant: tenant)
        if trace.isEmpty { missing.append(id) } else { traces.append(trace) }
      }
    }
    return try await query.work { [traces, missing, next] in
      let shown = parameters.isRaw ? traces : traces.map(JaegerAdjustments.adjust)
      let body = JaegerEnvelope.traces(shown, missing: missing, next: next)
      return parameters.isPretty ? JSONIndentation.indent(body) : body
    }
  }

  private func trace(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let id: TraceID
    do throws(TraceIDText.Fault) {
      id = try TraceIDText.jaeger(request.parameters["id"] ?? "")
    } catch {
      throw JaegerFault(.badRequest, error.message)
    }
    let items = try request.query()
    let isRaw = try JaegerSearchParameters.flag("raw", items)
    // Bounds that spare other stores work; this one finds a trace by its id alone.
    _ = try JaegerSearchParameters.time("start", items)
    _ = try JaegerSearchParameters.time("end", items)
    var trace = try await query.trace(id, tenant: tenant)
    guard !trace.isEmpty else { throw JaegerFault.traceNotFound }
    if try JaegerSearchParameters.flag("adjustClockSkew", items) {
      trace = ClockSkew.adjust(trace)
    }
    let body = JaegerJSON.encode([isRaw ? trace : JaegerAdjustments.adjust(trace)])
    let isPretty = items["prettyPrint"].map { $0.isEmpty || GoNumber.bool($0) ?? true } ?? false
    return isPretty ? JSONIndentation.indent(body) : body
  }

  /// The sections of spans that a trace's length is made of; times in microseconds.
  private func criticalPath(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let id: TraceID
    do throws(TraceIDText.Fault) {
      id = try TraceIDText.jaeger(request.parameters["id"] ?? "")
    } catch {
      throw JaegerFault(.badRequest, error.message)
    }
    let trace = try await query.trace(id, tenant: tenant)
    guard !trace.isEmpty else { throw JaegerFault.traceNotFound }
    let tree = SpanTree(trace)
    return JaegerEnvelope.write { json in
      json.beginArray()
      for section in CriticalPath(tree).sections {
        let node = tree.nodes[section.node]
        json.beginObject()
        json.key("spanID")
        json.string(node.span.spanID.hex)
        json.key("serviceName")
        json.string(node.service)
        json.key("operationName")
        json.string(JaegerNaming.operation(node.span))
        json.key("sectionStart")
        json.uint(section.start / 1000)
        json.key("sectionEnd")
        json.uint(section.end / 1000)
        json.endObject()
      }
      json.endArray()
    }
  }

  private func dependencies(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let items = try request.query()
    var end = now
    var lookback = TimeSpan.hours(24)
    if let text = JaegerSearchParameters.text("endTs", items) {
      let milliseconds = try JaegerSearchParameters.number("endTs", text)
      end = Timestamp.zero + TimeSpan(clampingMilliseconds: milliseconds)
    }
    if let text = JaegerSearchParameters.text("lookback", items) {
      lookback = TimeSpan(
        clampingMilliseconds: try JaegerSearchParameters.number("lookback", text))
    }
    var links = try await query.jaegerDependencies(
      from: end - lookback, to: end, tenant: tenant)
    if let service = JaegerSearchParameters.text("service", items) {
      links = links.filter {
        $0.parent.hasSameBytes(as: service) || $0.child.hasSameBytes(as: service)
      }
    }
    return JaegerEnvelope.write { json in
      json.beginArray()
      for link in links {
        json.beginObject()
        json.key("parent")
        json.string(link.parent)
        json.key("child")
        json.string(link.child)
        json.key("callCount")
        json.int(Int64(link.callCount))
        json.endObject()
      }
      json.endArray()
    }
  }

  /// Turns an uploaded OTLP document into what the UI shows.
  private func transform(_ request: Request, _ tenant: TenantID) async throws -> [UInt8] {
    let body = try await request.decodedBody(bytesMax: 16 << 20, inflatedBytesMax: 64 << 20)
    do throws(TraceFormatError) {
      return TraceExportFormat.jaeger.document(try OTLPTraceJSON.decode(body))
    } catch {
      throw JaegerFault(.badRequest, error.message)
    }
  }
}

extension TimeSpan {
  /// Of milliseconds in a request, which may be any number.
  init(clampingMilliseconds count: Int64) {
    let (product, overflow) = count.multipliedReportingOverflow(by: 1_000_000)
    self.init(nanoseconds: overflow ? (count > 0 ? .max : .min) : product)
  }
}

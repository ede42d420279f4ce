package import Configuration
package import HTTP
package import LinuxIO
import LogQL
package import LogStore
package import TelemetryModel
import WireFormats

/// Loki's requests to delete lines: `/loki/api/v1/delete`.
package struct DeleteService: Sendable {
  private let store: LogStore
  private let settings: DeleteSettings
  private let authEnabled: Bool
  private let limits: @Sendable (TenantID) -> Limits
  private let clock: any WallClock

  package init(
    store: LogStore, settings: DeleteSettings, authEnabled: Bool,
    clock: any WallClock = SystemClock(), limits: @escaping @Sendable (TenantID) -> Limits
  ) {
    self.store = store
    self.settings = settings
    self.authEnabled = authEnabled
    self.clock = clock
    self.limits = limits
  }

  private var now: Timestamp { Timestamp(nanoseconds: clock.now()) }

  package func addRoutes(to router: inout Router) {
    guard settings.enabled else {
      // As if the path were not there, whatever the method.
      router.on([.get, .post, .put, .delete], "/loki/api/v1/delete") { _, _ in
        throw HTTPError(status: .notFound, "deletes are off")
      }
      return
    }
    router.on([.post, .put], "/loki/api/v1/delete") { request, writer in
      try await serve(request, writer, create)
    }
    router.on(.get, "/loki/api/v1/delete") { request, writer in
      try await serve(request, writer, list)
    }
    router.on(.delete, "/loki/api/v1/delete") { request, writer in
      try await serve(request, writer, cancel)
    }
    router.on(.get, "/loki/api/v1/cache/generation_numbers") { [clock] _, writer in
      try await writer.respond(.ok, text: "\"\(clock.now())\"\n")
    }
  }

  private typealias Action =
    @Sendable (TenantID, QueryParameters, ResponseWriter) async throws -> Void

  private func serve(_ request: Request, _ writer: ResponseWriter, _ action: Action) async throws {
    do {
      let tenant = try TenantHeader.one(
        request.headers["x-scope-orgid"], authEnabled: authEnabled)
      guard limits(tenant).deletionMode != .disabled else {
        throw QueryAPIError("deletion is not available for this tenant", status: 403)
      }
      let items = try request.query().items.map { ($0.name, $0.value) }
      try await action(tenant, QueryParameters(items), writer)
    } catch let refusal as TenantHeader.Refusal {
      try await writer.respond(HTTPStatus(refusal.status), text: refusal.message + "\n")
    } catch let error as QueryAPIError {
      try await writer.respond(HTTPStatus(error.status), text: error.message + "\n")
    } catch let error as LogStoreError {
      try await writer.respond(HTTPStatus(error.status), text: error.message + "\n")
    }
  }

  @Sendable private func create(
    _ tenant: TenantID, _ parameters: QueryParameters, _ writer: ResponseWriter
  ) async throws {
    let asked = try DeleteParameters(parameters, now: now)
    let made = try await store.delete(tenant: tenant, query: asked.query, range: asked.range)
    try await writer.respond(.noContent, headers: ["x-delete-request-id": made.id])
  }

  @Sendable private func list(
    _ tenant: TenantID, _ parameters: QueryParameters, _ writer: ResponseWriter
  ) async throws {
    var faults = ""
    var bounds: [Timestamp?] = []
    for name in ["start", "end"] {
      do throws(QueryAPIError) {
        bounds.append(try DeleteParameters.time(parameters, name))
      } catch {
        faults += error.message + "\n"
        bounds.append(nil)
      }
    }
    guard faults.isEmpty else { throw QueryAPIError(faults + "[]") }
    var json = JSONWriter()
    json.beginArray()
    for request in store.deleteRequests(tenant: tenant).reversed() {
      if let start = bounds[0], request.range.upperBound < start { continue }
      if let end = bounds[1], request.range.lowerBound > end { continue }
      json.encode(request)
    }
    json.endArray()
    try await writer.respond(
      .ok, contentType: "application/json", body: json.bytes + [UInt8(ascii: "\n")])
  }

  /// One request by its id; all that are not processed when none is given.
  @Sendable private func cancel(
    _ tenant: TenantID, _ parameters: QueryParameters, _ writer: ResponseWriter
  ) async throws {
    let id = parameters["request_id"]
    let force = parameters["force"] == "true"
    let requests = store.deleteRequests(tenant: tenant)
    let chosen = id.isEmpty ? requests.filter { !$0.isProcessed } : requests.filter { $0.id == id }
    guard id.isEmpty || !chosen.isEmpty else {
      throw QueryAPIError("could not find delete request with given id", status: 404)
    }
    for request in chosen {
      let isLate = now - request.created > settings.cancelPeriod || request.isProcessed
      guard !isLate || force else {
        throw QueryAPIError(
          "Cancellation of partially completed delete request or delete request past the "
            + "deadline of \(DurationText.go(settings.cancelPeriod)) since its creation is not "
            + "allowed. To force, use the ?force query parameter")
      }
      // Of one that is processed nothing is left to take back.
      _ = try await store.cancelDelete(tenant: tenant, id: request.id)
    }
    try await writer.respond(.noContent)
  }
}

extension JSONWriter {
  fileprivate mutating func encode(_ request: DeleteRequest) {
    beginObject()
    key("request_id")
    string(request.id)
    key("start_time")
    encodeSeconds(request.range.lowerBound)
    key("end_time")
    encodeSeconds(request.range.upperBound)
    key("query")
    string(request.query)
    key("status")
    string(request.isProcessed ? "processed" : "received")
    key("created_at")
    encodeSeconds(request.created)
    key("user_id")
    string("")
    endObject()
  }
}

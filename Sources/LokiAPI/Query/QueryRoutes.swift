package import HTTP
package import LinuxIO
import LogQuery
import Synchronization
import TelemetryModel

extension QueryService {
  private static let paths = [
    "query_range", "query", "labels", "label", "series", "index/stats", "index/volume",
    "index/volume_range", "detected_labels", "detected_fields", "format_query",
    "status/buildinfo", "patterns", "query_progress",
  ]

  /// Registers the query side of Loki's API on `router`.
  ///
  /// Questions run on `executor`, tenant after tenant; when a tenant has too many waiting they are
  /// refused with 429.
  /// `authEnabled` says whether `X-Scope-OrgID` names tenants.
  package func addRoutes(
    to router: inout Router, executor: BlockingExecutor, authEnabled: Bool
  ) {
    let prefix = "/loki/api/v1/"
    // Threads are left for pushes.
    let queue = QueryQueue(
      executor: executor, concurrentMax: max(4, 2 * LinuxThread.processorCount))
    for path in QueryService.paths {
      router.on([.get, .post], prefix + path) { request, writer in
        try await serve(prefix + path, request, writer, queue, authEnabled)
      }
    }
    addExport(to: &router, queue: queue, authEnabled: authEnabled)
    for path in QueryService.legacyPaths {
      router.on([.get, .post], "/api/prom/" + path) { request, writer in
        try await serve("/api/prom/" + path, request, writer, queue, authEnabled)
      }
    }
    router.on([.get, .post], "/api/prom/label/{name}/values") { request, writer in
      let name = request.parameters["name"] ?? ""
      try await serve("/api/prom/label/\(name)/values", request, writer, queue, authEnabled)
    }
    for family in ["label", "detected_field"] {
      router.on([.get, .post], "\(prefix)\(family)/{name}/values") { request, writer in
        let name = request.parameters["name"] ?? ""
        try await serve(
          "\(prefix)\(family)/\(name)/values", request, writer, queue, authEnabled)
      }
    }
  }

  private func serve(
    _ path: String, _ request: Request, _ writer: ResponseWriter, _ queue: QueryQueue,
    _ authEnabled: Bool
  ) async throws {
    let response: QueryAPIResponse
    do {
      let question = try await question(path, request, authEnabled)
      response = await answer(question, queue)
    } catch let refusal as TenantHeader.Refusal {
      response = .text(refusal.message + "\n", status: refusal.status)
    }
    try await send(response, writer)
  }

  /// A large answer goes piece by piece, at the client's pace.
  func send(_ response: QueryAPIResponse, _ writer: ResponseWriter) async throws {
    let status = HTTPStatus(response.status)
    guard response.pieces.count > 1 else {
      return try await writer.respond(
        status, contentType: response.contentType, body: response.body)
    }
    let size = response.pieces.reduce(0) { $0 + $1.count }
    try await writer.head(
      status, headers: ["content-type": response.contentType, "content-length": "\(size)"])
    for piece in response.pieces { try await writer.write(piece) }
    try await writer.end()
  }

  func question(
    _ path: String, _ request: Request, _ authEnabled: Bool
  ) async throws -> QueryAPIRequest {
    let form = try await request.form()
    let flags = request.headers["x-loki-response-encoding-flags"] ?? ""
    return QueryAPIRequest(
      path: path, parameters: QueryParameters(form.items.map { ($0.name, $0.value) }),
      tenants: try TenantHeader.all(
        request.headers["x-scope-orgid"], authEnabled: authEnabled),
      encodingFlags: flags.split(separator: ",").map { String($0.drop { $0 == " " }) })
  }

  /// Runs on the executor; a client that goes away ends the work.
  private func answer(
    _ question: QueryAPIRequest, _ queue: QueryQueue
  ) async -> QueryAPIResponse {
    let cancellation = Cancellation()
    var question = question
    question.isCancelled = { cancellation.isRequested }
    let asked = question
    let response = await withTaskCancellationHandler {
      await queue.run(asked.tenants.first ?? .single) { self.respond(to: asked) }
    } onCancel: {
      cancellation.request()
    }
    return response ?? .text("too many outstanding requests", status: 429)
  }
}

/// A flag that is raised once.
private final class Cancellation: Sendable {
  private let flag = Atomic(false)

  var isRequested: Bool { flag.load(ordering: .relaxed) }
  func request() { flag.store(true, ordering: .relaxed) }
}

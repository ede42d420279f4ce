package import HTTP
package import LinuxIO
import WireFormats

/// Loki's routes that write: push in both versions, and flush.
package enum PushRoutes {
  /// Adds `POST /loki/api/v1/push`, `/api/prom/push` and `/flush`.
  ///
  /// Bodies are decoded and checked on `executor`, so that no loop waits for them.
  package static func add(
    to router: inout Router, endpoint: PushEndpoint, executor: BlockingExecutor
  ) {
    router.on(.post, "/loki/api/v1/push") { request, writer in
      try await push(.v1, request, writer, endpoint, executor)
    }
    router.on(.post, "/api/prom/push") { request, writer in
      try await push(.legacy, request, writer, endpoint, executor)
    }
  }

  private static func push(
    _ version: PushEndpoint.Version, _ request: Request, _ writer: ResponseWriter,
    _ endpoint: PushEndpoint, _ executor: BlockingExecutor
  ) async throws {
    let body: [UInt8]
    do throws(HTTPError) {
      body = try await request.body(bytesMax: endpoint.bodyBytesMax)
    } catch {
      guard error.kind == .bodyTooLarge else { throw error }
      let size = request.contentLength ?? endpoint.bodyBytesMax + 1
      try await writer.respond(
        .contentTooLarge,
        text: endpoint.tooLargeText(size, contentType: request.headers["content-type"]) + "\n")
      return
    }
    let input = PushEndpoint.Input(
      version: version, contentType: request.headers["content-type"],
      contentEncoding: request.headers["content-encoding"],
      tenant: request.headers["x-scope-orgid"], body: body)
    let answer = await withTaskExecutorPreference(executor) { await endpoint.answer(input) }
    if let text = answer.text {
      try await writer.respond(HTTPStatus(answer.status), text: text + "\n")
    } else {
      var headers: HTTPHeaders = [:]
      if let lines = answer.storedLines { headers.set(PushEndpoint.storedLinesHeader, "\(lines)") }
      try await writer.respond(HTTPStatus(answer.status), headers: headers)
    }
  }
}

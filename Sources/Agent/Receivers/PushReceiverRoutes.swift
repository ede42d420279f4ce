import HTTP
import LinuxIO
import LogSources
import Synchronization
import WireFormats

/// `loki_push_api`'s paths: `/loki/api/v1/push`, `/api/prom/push`, `/promtail/api/v1/raw` and
/// `/ready`.
///
/// A push is answered with 204 once its lines are durable in the agent's queue, and with 503 when
/// there is no room, so that its sender tries again.
struct PushReceiverRoutes: Sendable {
  /// Bytes of a body as it comes.
  private static let bodyBytesMax = 100 << 20

  let inbox: ReceiverInbox
  private let decoder = LokiPushDecoder(limits: LokiPushLimits(decodedBytesMax: 256 << 20))

  init(inbox: ReceiverInbox) { self.inbox = inbox }

  var router: Router {
    var router = Router()
    for (path, version) in [
      ("/loki/api/v1/push", LokiPushDecoder.RequestVersion.v1), ("/api/prom/push", .legacy),
    ] {
      router.on(.post, path) { [self] request, response in
        let body = try await request.body(bytesMax: Self.bodyBytesMax)
        let push: LokiPush
        do throws(LokiPushError) {
          push = try decoder.decodeRequest(
            body, version: version, contentType: request.headers["content-type"],
            contentEncoding: request.headers["content-encoding"]
          ).push
        } catch {
          try await response.respond(HTTPStatus(error.status), text: error.message + "\n")
          return
        }
        try await answer(Received(.push(push), tenant: tenant(request)), response)
      }
    }
    for path in ["/promtail/api/v1/raw", "/loki/api/v1/raw"] {
      router.on(.post, path) { [self] request, response in
        let body = try await request.decodedBody(
          bytesMax: Self.bodyBytesMax, inflatedBytesMax: 256 << 20)
        try await answer(Received(.lines(body), tenant: tenant(request)), response)
      }
    }
    router.on(.get, "/ready") { _, response in try await response.respond(.ok, text: "ready\n") }
    return router
  }

  private func tenant(_ request: Request) -> String { request.headers["x-scope-orgid"] ?? "" }

  private func answer(_ item: Received, _ response: ResponseWriter) async throws {
    let isDurable = await withUnsafeContinuation { continuation in
      var item = item
      item.isSettled = { continuation.resume(returning: $0) }
      if !inbox.offer(item) { continuation.resume(returning: false) }
    }
    guard isDurable else {
      throw HTTPError(
        status: .serviceUnavailable, "the agent's queue has no room; try again",
        headers: ["retry-after": "1"])
    }
    try await response.respond(.noContent)
  }
}

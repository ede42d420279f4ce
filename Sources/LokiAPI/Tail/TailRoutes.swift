package import HTTP
package import LinuxIO
import LogQL
import LogQuery
package import LogStore
import Synchronization
import TelemetryModel

/// Loki's tail over WebSocket: `/loki/api/v1/tail` and `/api/prom/tail`.
package struct TailService: Sendable {
  private let service: QueryService
  private let store: LogStore
  private let executor: BlockingExecutor
  private let authEnabled: Bool
  private let durationSecondsMax: Double
  private let sessions = SessionCount()

  /// `store` is what `service` answers from. A session ends after `durationSecondsMax`.
  package init(
    service: QueryService, store: LogStore, executor: BlockingExecutor, authEnabled: Bool,
    durationSecondsMax: Double = 3600
  ) {
    self.service = service
    self.store = store
    self.executor = executor
    self.authEnabled = authEnabled
    self.durationSecondsMax = durationSecondsMax
  }

  package func addRoutes(to router: inout Router) {
    router.on(.get, "/loki/api/v1/tail") { request, writer in
      try await serve(request, writer, isLegacy: false)
    }
    router.on(.get, "/api/prom/tail") { request, writer in
      try await serve(request, writer, isLegacy: true)
    }
  }

  private func serve(_ request: Request, _ writer: ResponseWriter, isLegacy: Bool) async throws {
    let tenants: [TenantID]
    let question: TailQuestion
    do {
      tenants = try TenantHeader.all(request.headers["x-scope-orgid"], authEnabled: authEnabled)
      question = try TailQuestion(
        QueryParameters(try request.query().items.map { ($0.name, $0.value) }), now: service.now)
    } catch let refusal as TenantHeader.Refusal {
      try await writer.respond(HTTPStatus(refusal.status), text: refusal.message + "\n")
      return
    } catch let error where !(error is HTTPError) {
      try await service.send(QueryService.response(to: error), writer)
      return
    }
    guard request.headers["sec-websocket-key"] != nil else {
      try await writer.respond(.badRequest, text: "Bad Request\n")
      return
    }
    let socket = try await writer.upgradeToWebSocket(request)
    let flags = (request.headers["x-loki-response-encoding-flags"] ?? "").split(separator: ",")
      .map { String($0.drop { $0 == " " }) }
    let session = TailSession(
      question: question, service: service, tenants: tenants, store: store, executor: executor,
      loop: try EventLoop.shared.get()[0],
      frames: TailFrames(isLegacy: isLegacy, flags: flags),
      durationSecondsMax: durationSecondsMax)
    try await run(session, socket)
  }

  /// Runs the session until one of the sides ends it.
  private func run(_ session: TailSession, _ socket: WebSocket) async throws {
    let tenant = session.tenants[0]
    let most = service.serving(session.tenants).settings.tailsMax
    let count = sessions.begin(tenant)
    defer { sessions.end(tenant) }
    guard most == 0 || count <= most else {
      await socket.close(
        code: 1011,
        reason: "max concurrent tail requests limit exceeded, count > limit (\(count) > \(most))")
      return
    }
    let reason: String? = await withTaskGroup(of: String?.self) { group in
      group.addTask {
        do {
          try await session.run(socket)
          return nil
        } catch let end as TailSession.End {
          return end.reason
        } catch let error as QueryError {
          return error.message
        } catch let error as LogStoreError {
          return error.message
        } catch { return nil }
      }
      // What the client says is of no interest, but its goodbye is.
      group.addTask {
        while let message = try? await socket.receive() { _ = message }
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    if let reason {
      await socket.close(
        code: 1011, reason: String(decoding: reason.utf8.prefix(120), as: UTF8.self))
    }
  }
}

/// How many sessions each tenant has.
private final class SessionCount: Sendable {
  private let counts = Mutex<[TenantID: Int]>([:])

  /// Counts one more; all of the tenant's.
  func begin(_ tenant: TenantID) -> Int {
    counts.withLock { counts in
      counts[tenant, default: 0] += 1
      return counts[tenant] ?? 0
    }
  }

  func end(_ tenant: TenantID) {
    counts.withLock { counts in
      let left = (counts[tenant] ?? 1) - 1
      counts[tenant] = left > 0 ? left : nil
    }
  }
}

import Configuration
import HTTP
import LinuxIO
import LogStore
import LokiAPI
import SpanStore
import TelemetryModel

/// One listener: what it is called, where it is, what it answers.
struct ServerFace {
  let name: String
  let address: ListenAddress?
  let router: Router
  var errorBody: ErrorBody = HTTPServer.plainErrorBody
}

/// All listeners of a server over its two stores.
struct ServerFaces {
  let configuration: ServerConfiguration
  let logs: LogStore
  let spans: SpanStore
  let blocking: BlockingExecutor
  let clock: any WallClock

  var all: [ServerFace] {
    let listen = configuration.listen
    return [ServerFace(name: "loki", address: listen.loki, router: loki)]
  }

  private var loki: Router {
    var router = Router()
    OperationsRoutes.add(to: &router)
    PushRoutes.add(
      to: &router,
      endpoint: PushEndpoint(
        receiver: logs, authEnabled: configuration.authEnabled,
        bodyBytesMax: configuration.http.maxBodySize,
        decodedBytesMax: configuration.http.maxInflatedSize), store: logs, executor: blocking)
    QueryService(
      source: logs, index: logs,
      settings: QuerySettings(configuration.limits, version: sluiceVersion), clock: clock
    ).addRoutes(to: &router, executor: blocking, authEnabled: configuration.authEnabled)
    return router
  }
}

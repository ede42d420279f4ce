import Collector
import Configuration
import HTTP
import LinuxIO
import LogStore
import LokiAPI
import SpanQuery
import SpanStore
import TelemetryModel
import TraceAPI

/// One listener: what it is called, where it is, what it answers.
struct ServerFace {
  let name: String
  let address: ListenAddress?
  let router: Router
  /// How a request that no route takes is answered.
  var errorBody: ErrorBody = HTTPServer.plainErrorBody
}

/// All listeners of a server over its two stores.
struct ServerFaces {
  let configuration: ServerConfiguration
  let logs: LogStore
  let spans: SpanStore
  let intake: SpanIntake
  let blocking: BlockingExecutor
  let clock: any WallClock
  let tenants: TenantLimits
  let patterns: PatternFinder?
  /// Reached when all of them listen.
  let readiness = Readiness()

  /// One for each address of the configuration.
  var all: [ServerFace] {
    let listen = configuration.listen
    let collector = Collector(sink: intake, executor: blocking, tenantOf: tenantOf)
    let queries = TraceAPI(
      query: SpanQuery(source: spans, executor: blocking), clock: clock, version: sluiceVersion,
      zipkinAutocompleteKeys: configuration.zipkin.autocompleteKeys,
      answersJaegerMetrics: configuration.jaeger.metrics, tenantOf: tenantOf)
    var loki = face("loki", listen.loki, addLokiRoutes)
    loki.errorBody = LokiErrors.body
    return [
      loki,
      face("otlp_grpc", listen.otlpGRPC) {
        collector.otlpGRPCRoutes(on: &$0)
        OTLPRoutes.addGRPC(to: &$0, endpoint: otlpLogs)
      },
      face("otlp_http", listen.otlpHTTP) {
        collector.otlpHTTPRoutes(on: &$0)
        OTLPRoutes.add(
          to: &$0, "/v1/logs", endpoint: otlpLogs, executor: blocking, answersAsLoki: false)
      },
      face("zipkin", listen.zipkin) {
        collector.zipkinRoutes(on: &$0)
        queries.zipkinRoutes(on: &$0)
      },
      face("jaeger_http", listen.jaegerHTTP) { collector.jaegerRoutes(on: &$0) },
      face("jaeger_query", listen.jaegerQuery) {
        queries.jaegerRoutes(on: &$0)
        TraceLogsRoute(
          spans: spans, queries: logQueries, blocking: blocking, tenantOf: tenantOf
        ).add(to: &$0)
      },
      face("tempo", listen.tempo) { queries.tempoRoutes(on: &$0) },
    ]
  }

  private func face(_ name: String, _ address: ListenAddress?, _ add: (inout Router) -> Void)
    -> ServerFace
  {
    var router = Router()
    OperationsRoutes.add(to: &router, readiness)
    add(&router)
    return ServerFace(name: name, address: address, router: router)
  }

  private var otlpLogs: OTLPEndpoint {
    OTLPEndpoint(
      receiver: logs, authEnabled: configuration.authEnabled,
      bodyBytesMax: configuration.http.maxBodySize,
      decodedBytesMax: configuration.http.maxInflatedSize, clock: clock,
      limits: tenants.limits(of:))
  }

  private var logQueries: QueryService {
    QueryService(
      source: logs, index: logs, clock: clock, patterns: patterns
    ) { [tenants] tenant in
      QuerySettings(tenants.limits(of: tenant), version: sluiceVersion)
    }
  }

  private func addLokiRoutes(_ router: inout Router) {
    router.answersOptions = false
    PushRoutes.add(
      to: &router,
      endpoint: PushEndpoint(
        receiver: logs, authEnabled: configuration.authEnabled,
        bodyBytesMax: configuration.http.maxBodySize,
        decodedBytesMax: configuration.http.maxInflatedSize), executor: blocking)
    OTLPRoutes.add(
      to: &router, "/otlp/v1/logs", endpoint: otlpLogs, executor: blocking, answersAsLoki: true)
    let queries = logQueries
    queries.addRoutes(to: &router, executor: blocking, authEnabled: configuration.authEnabled)
    TailService(
      service: queries, store: logs, executor: blocking, authEnabled: configuration.authEnabled
    ).addRoutes(to: &router)
    LokiOperations(
      configuration: configuration, tenants: tenants,
      services: configuration.listen.names
    ).addRoutes(to: &router)
    DeleteService(
      store: logs, settings: configuration.deletes, authEnabled: configuration.authEnabled,
      clock: clock, limits: tenants.limits(of:)
    ).addRoutes(to: &router)
    router.on(.post, "/flush") { [logs, spans] _, writer in
      do {
        try await logs.flush()
        try await spans.flush()
      } catch let error as LogStoreError {
        throw HTTPError(status: HTTPStatus(error.status), error.message)
      } catch let error as SpanStoreError {
        throw HTTPError(status: .serviceUnavailable, error.message)
      }
      try await writer.respond(.noContent)
    }
    SnapshotRoute(
      dataFolder: configuration.dataDirectory, logs: logs, spans: spans, executor: blocking,
      clock: clock
    ).add(to: &router)
  }

  private var tenantOf: @Sendable (Request) throws(HTTPError) -> TenantID {
    { [authEnabled = configuration.authEnabled] request throws(HTTPError) in
      do throws(TenantHeader.Refusal) {
        return try TenantHeader.one(request.headers["x-scope-orgid"], authEnabled: authEnabled)
      } catch {
        throw HTTPError(status: HTTPStatus(error.status), error.message)
      }
    }
  }
}

extension ListenAddresses {
  /// What listens, by the names of the configuration.
  fileprivate var names: [String] {
    let all: [(String, ListenAddress?)] = [
      ("loki", loki), ("otlp_grpc", otlpGRPC), ("otlp_http", otlpHTTP), ("zipkin", zipkin),
      ("jaeger_http", jaegerHTTP), ("jaeger_compact", jaegerCompact),
      ("jaeger_binary", jaegerBinary), ("jaeger_query", jaegerQuery), ("tempo", tempo),
    ]
    return all.filter { $0.1 != nil }.map(\.0)
  }
}

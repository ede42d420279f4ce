import Bytes
import TelemetryModel

/// Pairs the two sides of calls, and counts them by who called whom.
///
/// A client's or producer's span meets the server's or consumer's whose parent it is, or that
/// shares its id as in Zipkin. A side whose other does not come in time counts as a call to what
/// it names itself (`virtual_node`), to a database at once, or as unpaired.
struct ServiceGraph {
  private struct Key: Hashable {
    var trace: TraceID
    var span: UInt64
  }

  private struct Edge {
    var client = ""
    var server = ""
    var clientSeconds: Double?
    var serverSeconds: Double?
    var isFailed = false
    var connection = ""
    /// What the client's span calls the other side.
    var peer = ""
    /// Whether the server's span is the first of its trace: somebody outside called it.
    var isRoot = false
    var expires = Timestamp.zero
  }

  /// Who called whom, and how.
  private struct Call: Hashable {
    @ByteText var client: String
    @ByteText var server: String
    @ByteText var connection: String
  }

  /// A class, so that finding it counts one reference, not four.
  private final class Series: Sendable {
    let calls: Counter
    let failed: Counter
    let server: Histogram
    let client: Histogram

    init(calls: Counter, failed: Counter, server: Histogram, client: Histogram) {
      self.calls = calls
      self.failed = failed
      self.server = server
      self.client = client
    }
  }

  private let registry: MetricsRegistry
  private let wait: TimeSpan
  private let edgesMax: Int
  private var edges: [Key: Edge] = [:]
  private var calls: [Call: Series] = [:]
  /// Counters of calls without a pair, found once: looking them up costs more than all else.
  private var dropped: [Call: Counter] = [:]
  private var unpaired: [Call: Counter] = [:]
  /// Keys by when they were first seen; those that met are passed over.
  private var queue: [(key: Key, expires: Timestamp)] = []
  private var queueStart = 0

  static let secondsBounds = (0..<8).map { 0.1 * Double(1 << $0) }

  init(_ registry: MetricsRegistry, wait: TimeSpan, edgesMax: Int) {
    self.registry = registry
    self.wait = wait
    self.edgesMax = edgesMax
  }

  mutating func add(_ service: String, _ span: borrowing MeasuredSpan, now: Timestamp) {
    let isFailed = span.status == SpanStatus.error
    switch span.kind {
    case .client, .producer:
      let key = Key(trace: span.trace, span: span.id)
      var edge = edges[key] ?? Edge()
      edge.client = service
      edge.clientSeconds = span.seconds
      edge.isFailed = edge.isFailed || isFailed
      edge.peer = span.peer
      if span.kind == .producer || span.isMessaging { edge.connection = "messaging_system" }
      if !span.database.isEmpty {
        edge.connection = "database"
        edge.server = span.database
      }
      settle(key, edge, now: now)
    case .server, .consumer:
      let shared = Key(trace: span.trace, span: span.id)
      let isShared = edges[shared].map { !$0.client.isEmpty } ?? false
      let key = isShared ? shared : Key(trace: span.trace, span: span.parent)
      // Servers without a parent never meet anybody: each is a call of its own.
      let own = !isShared && span.parent == 0 ? shared : key
      var edge = edges[own] ?? Edge()
      edge.server = service
      edge.serverSeconds = span.seconds
      edge.isFailed = edge.isFailed || isFailed
      edge.isRoot = !isShared && span.parent == 0
      if edge.client.isEmpty { edge.client = edge.isRoot ? span.peer : "" }
      if span.kind == .consumer { edge.connection = "messaging_system" }
      settle(own, edge, now: now)
    default: break
    }
  }

  private mutating func settle(_ key: Key, _ edge: Edge, now: Timestamp) {
    if !edge.client.isEmpty, !edge.server.isEmpty {
      edges[key] = nil
      count(edge)
      return
    }
    if edges[key] != nil {
      edges[key] = edge
      return
    }
    guard edges.count < edgesMax else {
      let call = Call(client: edge.client, server: edge.server, connection: "")
      let counter =
        dropped[call]
        ?? registry.counter(
          "traces_service_graph_dropped_spans_total",
          help: "Spans whose other side was not waited for because too many were waiting.",
          labels: ["client": edge.client, "server": edge.server])
      Self.keep(counter, call, in: &dropped)
      counter.add()
      return
    }
    var waiting = edge
    waiting.expires = now + wait
    edges[key] = waiting
    queue.append((key, waiting.expires))
  }

  /// Lets go what waited long enough.
  mutating func expire(now: Timestamp) {
    while queueStart < queue.count, queue[queueStart].expires <= now {
      let key = queue[queueStart].key
      queueStart += 1
      guard let edge = edges[key], edge.expires <= now else { continue }
      edges[key] = nil
      countAlone(edge)
    }
    if queueStart > 1024, queueStart * 2 > queue.count {
      queue.removeFirst(queueStart)
      queueStart = 0
    }
  }

  private mutating func countAlone(_ alone: Edge) {
    var edge = alone
    if edge.server.isEmpty, !edge.peer.isEmpty {
      edge.server = edge.peer
      edge.connection = "virtual_node"
      count(edge)
    } else if edge.client.isEmpty, edge.isRoot {
      edge.client = "user"
      edge.connection = "virtual_node"
      count(edge)
    } else {
      let call = Call(client: edge.client, server: edge.server, connection: edge.connection)
      let counter =
        unpaired[call]
        ?? registry.counter(
          "traces_service_graph_unpaired_spans_total",
          help: "Spans of calls whose other side did not come.",
          labels: [
            "client": edge.client, "server": edge.server, "connection_type": edge.connection,
          ])
      Self.keep(counter, call, in: &unpaired)
      counter.add()
    }
  }

  private static func keep(_ counter: Counter, _ call: Call, in known: inout [Call: Counter]) {
    // Beyond it all new ones are `other`, which the registry finds again.
    guard known[call] == nil, known.count < 2 * MetricsRegistry.seriesMax else { return }
    known[call] = counter
  }

  private mutating func count(_ edge: Edge) {
    let call = Call(client: edge.client, server: edge.server, connection: edge.connection)
    let series: Series
    if let known = calls[call] {
      series = known
    } else {
      series = make(call)
      // Beyond it all new ones are `other`, which the registry finds again.
      if calls.count < 2 * MetricsRegistry.seriesMax { calls[call] = series }
    }
    series.calls.add()
    if edge.isFailed { series.failed.add() }
    if let seconds = edge.serverSeconds { series.server.observe(seconds) }
    if let seconds = edge.clientSeconds { series.client.observe(seconds) }
  }

  private func make(_ call: Call) -> Series {
    let labels: KeyValuePairs<String, String> = [
      "client": call.client, "server": call.server, "connection_type": call.connection,
    ]
    return Series(
      calls: registry.counter(
        "traces_service_graph_request_total", help: "Calls between services.", labels: labels),
      failed: registry.counter(
        "traces_service_graph_request_failed_total", help: "Failed calls between services.",
        labels: labels),
      server: registry.histogram(
        "traces_service_graph_request_server_seconds",
        help: "How long calls took as the server saw it.", labels: labels,
        bounds: Self.secondsBounds),
      client: registry.histogram(
        "traces_service_graph_request_client_seconds",
        help: "How long calls took as the client saw it.", labels: labels,
        bounds: Self.secondsBounds))
  }
}

package import LinuxIO
import LogQL
package import LogQuery
import LogStore
package import TelemetryModel

/// One request of the query side, whatever brought it.
package struct QueryAPIRequest: Sendable {
  /// Decoded, without the query: `/loki/api/v1/labels`.
  package var path: String
  package var parameters: QueryParameters
  package var tenants: [TenantID]
  /// The items of `X-Loki-Response-Encoding-Flags`.
  package var encodingFlags: [String]
  /// Asked often; true ends the work.
  package var isCancelled: @Sendable () -> Bool

  package init(
    path: String, parameters: QueryParameters, tenants: [TenantID] = [.single],
    encodingFlags: [String] = [], isCancelled: @escaping @Sendable () -> Bool = { false }
  ) {
    self.path = path
    self.parameters = parameters
    self.tenants = tenants
    self.encodingFlags = encodingFlags
    self.isCancelled = isCancelled
  }
}

/// An answer of the query side.
package struct QueryAPIResponse: Sendable {
  package var status: Int
  package var contentType: String
  /// The body, in pieces that are sent one after another.
  package var pieces: [[UInt8]]
  package var body: [UInt8] { pieces.count == 1 ? pieces[0] : Array(pieces.joined()) }

  init(status: Int, contentType: String, pieces: [[UInt8]]) {
    self.status = status
    self.contentType = contentType
    self.pieces = pieces
  }

  static func json(_ body: [UInt8]) -> QueryAPIResponse { json(pieces: [body]) }

  static func json(pieces: [[UInt8]]) -> QueryAPIResponse {
    QueryAPIResponse(status: 200, contentType: "application/json; charset=UTF-8", pieces: pieces)
  }

  static func text(_ text: String, status: Int) -> QueryAPIResponse {
    QueryAPIResponse(
      status: status, contentType: "text/plain; charset=utf-8", pieces: [Array(text.utf8)])
  }
}

/// Loki's query API over a store. Synchronous, and safe to use from several threads.
package struct QueryService: Sendable {
  private(set) var engine: QueryEngine
  private(set) var index: any LogStreamIndex
  /// Of the tenants that ask.
  private(set) var settings: QuerySettings
  /// nil where patterns are not looked for.
  let patternFinder: PatternFinder?
  let running = RunningQueries()
  private let settingsOf: @Sendable (TenantID) -> QuerySettings
  let clock: any WallClock

  package init(
    source: any LogRowSource, index: any LogStreamIndex, settings: QuerySettings,
    clock: any WallClock = SystemClock()
  ) {
    self.init(source: source, index: index, clock: clock) { _ in settings }
  }

  /// With settings for each tenant.
  package init(
    source: any LogRowSource, index: any LogStreamIndex, clock: any WallClock = SystemClock(),
    patterns: PatternFinder? = nil, settingsOf: @escaping @Sendable (TenantID) -> QuerySettings
  ) {
    engine = QueryEngine(source: source)
    self.index = index
    self.settingsOf = settingsOf
    patternFinder = patterns
    settings = settingsOf(.single)
    self.clock = clock
  }

  var now: Timestamp { Timestamp(nanoseconds: clock.now()) }

  /// The service as the tenants of a request see it: several at once share the narrowest of
  /// their limits, and tell their streams apart by `__tenant_id__`.
  func serving(_ tenants: [TenantID]) -> QueryService {
    var service = self
    guard let first = tenants.first else { return self }
    service.settings = tenants.dropFirst().reduce(settingsOf(first)) { settings, tenant in
      settings.narrowed(by: settingsOf(tenant))
    }
    if tenants.count > 1 {
      let labelled = TenantLabels(source: engine.source, index: index)
      service.engine = QueryEngine(source: labelled)
      service.index = labelled
    }
    return service
  }

  /// Answers a request; errors become Loki's status and plain text.
  package func respond(to request: QueryAPIRequest) -> QueryAPIResponse {
    do {
      let isProgress = request.path.hasSuffix("/query_progress")
      let name = isProgress ? "" : request.parameters["query_id"]
      defer { if !name.isEmpty { running.end(name, request.tenants) } }
      return try serving(request.tenants).answer(request)
    } catch { return Self.response(to: error) }
  }

  /// Loki's status and plain text for an error.
  static func response(to error: any Error) -> QueryAPIResponse {
    switch error {
    case let error as QueryAPIError: .text(error.message, status: error.status)
    case let error as QueryError: .text(error.message, status: error.status)
    case let error as LogQLError: .text(error.message, status: 400)
    default: .text("the query failed: \(error)", status: 500)
    }
  }

  /// The same service over other rows.
  func over(_ store: LogStore) -> QueryService {
    var service = self
    service.engine = QueryEngine(source: store)
    service.index = store
    return service
  }

  private func answer(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    let prefix = "/loki/api/v1/"
    if request.path.hasPrefix("/api/prom/") {
      let parts = request.path.dropFirst(10).split(separator: "/", omittingEmptySubsequences: false)
      if let response = try legacyAnswer(parts, request) { return response }
    }
    guard request.path.hasPrefix(prefix) else { throw QueryService.notFound(request.path) }
    let parts = request.path.dropFirst(prefix.count).split(
      separator: "/", omittingEmptySubsequences: false)
    switch parts.joined(separator: "/") {
    case "query_range": return try queryRange(request)
    case "query": return try query(request)
    case "labels", "label": return try labelNames(request)
    case "series": return try series(request)
    case "index/stats": return try indexStatistics(request)
    case "index/volume": return try volume(request, isRange: false)
    case "index/volume_range": return try volume(request, isRange: true)
    case "detected_labels": return try detectedLabels(request)
    case "detected_fields": return try detectedFields(request)
    case "format_query": return formatQuery(request)
    case "status/buildinfo": return buildInformation()
    case "query_progress": return try queryProgress(request)
    case "patterns": return try patterns(request)
    default: break
    }
    if parts.count == 3, parts[2] == "values" {
      if parts[0] == "label" { return try labelValues(request, of: String(parts[1])) }
      if parts[0] == "detected_field" {
        return try detectedFieldValues(request, of: String(parts[1]))
      }
    }
    throw QueryService.notFound(request.path)
  }

  private static func notFound(_ path: String) -> QueryAPIError {
    QueryAPIError("404 page not found: \(path)", status: 404)
  }

  func limits(_ request: QueryAPIRequest) -> QueryLimits {
    let deadline = clock.monotonic().adding(seconds: settings.timeoutSeconds)
    let clock = clock
    var limits = QueryLimits(
      seriesMax: settings.seriesMax, isCancelled: request.isCancelled,
      isPastDeadline: { clock.monotonic() >= deadline })
    if settings.lookbackMax > .zero { limits.oldest = now - settings.lookbackMax }
    limits.lengthMax = settings.queryLengthMax
    limits.rangeMax = settings.rangeMax
    limits.bytesReadMax = settings.bytesReadMax
    limits.bytesReadPerSelectorMax = settings.bytesReadPerSelectorMax
    limits.matchersMax = settings.matchersMax
    limits.requiredLabels = settings.requiredLabels
    limits.matchersMin = settings.matchersMin
    let name = request.parameters["query_id"]
    if !name.isEmpty { running.begin(name, request.tenants, limits.progress) }
    return limits
  }

  /// The selector of the index endpoints, which take no stages.
  func selector(_ request: QueryAPIRequest) throws -> [LabelMatcher] {
    try matchers(request.parameters["query"])
  }

  /// A selector alone.
  func matchers(_ text: String, allowsAnyStreams: Bool = false) throws -> [LabelMatcher] {
    guard
      case .log(let selection) = try LogQL.parse(text, allowsAnyStreams: allowsAnyStreams),
      selection.stages.isEmpty
    else { throw QueryAPIError("only label matchers are supported") }
    return selection.matchers
  }
}

import LinuxIO
import LogQL
import LogQuery
import TelemetryModel

extension QueryService {
  /// `/query_range`: lines or a matrix over time.
  func queryRange(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    let query = try rangeRequest(request, text: request.parameters["query"])
    if query.expression.isLog {
      let asked = try BeyondParameters(request.parameters, query.direction)
      if !asked.isPlain { return try beyond(asked, query, request) }
    }
    return try encode(query, request)
  }

  /// The question of a range query, its parameters read and checked.
  func rangeRequest(_ request: QueryAPIRequest, text: String) throws -> QueryRequest {
    let parameters = request.parameters
    let limit = try parameters.limit(default: 100)
    let (start, end) = try parameters.bounds(now: now)
    // An end that is the start is one moment, although Loki's words deny it.
    guard start <= end else {
      throw QueryAPIError("end timestamp must not be before or equal to start time")
    }
    let direction = try direction(parameters)
    let step = try step(parameters, start: start, end: end)
    let interval = try parameters.duration("interval") ?? .zero
    guard interval >= .zero else { throw QueryAPIError("interval must be >= 0") }
    let expression = try LogQL.parse(text)
    if expression.isLog { try checkLimit(limit) }
    return QueryRequest(
      tenants: request.tenants, expression: expression, start: start, end: end, step: step,
      interval: interval, limit: limit, direction: direction)
  }

  /// `/query`: a vector at one moment.
  func query(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    let parameters = request.parameters
    let limit = try parameters.limit(default: 100)
    let time = try parameters.time("time", default: now)
    _ = try direction(parameters)
    let expression = try LogQL.parse(parameters["query"])
    guard !expression.isLog else {
      throw QueryAPIError(
        "log queries are not supported as an instant query type, please change your query to a "
          + "range query type")
    }
    var query = QueryRequest.instant(tenants: request.tenants, expression, at: time)
    query.limit = limit
    return try encode(query, request)
  }

  private func encode(_ query: QueryRequest, _ request: QueryAPIRequest) throws
    -> QueryAPIResponse
  {
    let begun = clock.monotonic()
    let result = try engine.answer(query, limits: limits(request))
    var encoder = ResultEncoder(flags: request.encodingFlags, direction: query.direction)
    encoder.encode(result, seconds: clock.monotonic().seconds(since: begun))
    return .json(pieces: encoder.pieces)
  }

  private func direction(_ parameters: QueryParameters) throws(QueryAPIError) -> Direction {
    let text = parameters["direction"]
    if text.isEmpty { return .backward }
    guard let direction = Direction(rawValue: text.lowercased()) else {
      throw QueryAPIError("invalid direction '\(text)'")
    }
    return direction
  }

  /// As given, or such that the range has 250 steps of at least a second.
  func step(_ parameters: QueryParameters, start: Timestamp, end: Timestamp) throws(QueryAPIError)
    -> TimeSpan
  {
    let seconds = (end - start).nanoseconds / 1_000_000_000
    let step = try parameters.duration("step") ?? .seconds(max(1, seconds / 250))
    guard step > .zero else {
      throw QueryAPIError(
        "zero or negative query resolution step widths are not accepted. Try a positive integer")
    }
    guard (end - start).nanoseconds / step.nanoseconds <= Int64(QueryEngine.stepsMax) else {
      throw QueryAPIError(
        "exceeded maximum resolution of 11,000 points per time series. Try increasing the value "
          + "of the step parameter")
    }
    return step
  }

  func checkLimit(_ limit: Int) throws(QueryAPIError) {
    guard settings.entriesMax == 0 || limit <= settings.entriesMax else {
      throw QueryAPIError(
        "max entries limit per query exceeded, limit > max_entries_limit_per_query "
          + "(\(limit) > \(settings.entriesMax))")
    }
  }
}

import LogQL
import TelemetryModel

/// A request to delete lines, read and checked as Loki's compactor does.
struct DeleteParameters {
  let query: String
  /// Both ends included.
  let range: ClosedRange<Timestamp>

  private static let intervalMax = TimeSpan.hours(24)

  init(_ parameters: QueryParameters, now: Timestamp) throws(QueryAPIError) {
    query = parameters["query"]
    guard !query.isEmpty else { throw QueryAPIError("query not set") }
    let selection: LogSelection
    do throws(LogQLError) {
      guard case .log(let parsed) = try LogQL.parse(query, allowsAnyStreams: true) else {
        throw LogQLError("a metric query")
      }
      selection = parsed
    } catch { throw QueryAPIError("invalid query expression") }
    guard !parameters["start"].isEmpty else { throw QueryAPIError("start time not set") }
    let start = try Self.time(parameters, "start") ?? now
    let end = try Self.time(parameters, "end") ?? now
    guard end <= now else { throw QueryAPIError("deletes in the future are not allowed") }
    guard start < end else {
      throw QueryAPIError("start time can't be greater than or equal to end time")
    }
    range = start...end
    if selection.stages.contains(where: { if case .lineFilter = $0 { true } else { false } }) {
      try Self.checkInterval(parameters["max_interval"], of: end - start)
    }
  }

  /// Unix seconds or RFC 3339; nil when missing.
  static func time(_ parameters: QueryParameters, _ name: String) throws(QueryAPIError)
    -> Timestamp?
  {
    let text = parameters[name]
    if text.isEmpty { return nil }
    if text.utf8.count <= 10, let seconds = Int64(text) { return Timestamp(seconds: seconds) }
    if let time = try? GoTimeLayout.rfc3339Nano.parse(text), let timestamp = time.timestamp {
      return timestamp
    }
    throw QueryAPIError("invalid \(name) time: require unix seconds or RFC3339 format")
  }

  /// The parts into which Loki would cut the request are of no use here, but are checked.
  private static func checkInterval(_ text: String, of length: TimeSpan) throws(QueryAPIError) {
    guard !text.isEmpty else { return }
    guard let interval = DurationText.parseGo(text), interval >= .seconds(1) else {
      throw QueryAPIError("invalid max_interval: valid time units are 's', 'm', 'h'")
    }
    guard interval <= intervalMax else {
      throw QueryAPIError("max_interval can't be greater than \(DurationText.go(intervalMax))")
    }
    guard interval <= length else {
      throw QueryAPIError(
        "max_interval can't be greater than the interval to be deleted "
          + "(\(DurationText.go(length)))")
    }
  }
}

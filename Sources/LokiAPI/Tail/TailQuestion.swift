import LogQL
import TelemetryModel

/// The parameters of `/tail`, read and checked as Loki does.
struct TailQuestion: Sendable {
  /// The most seconds of `delay_for`.
  static let delaySecondsMax = 5

  let expression: Expression
  let start: Timestamp
  let limit: Int
  let delaySeconds: Int

  init(_ parameters: QueryParameters, now: Timestamp) throws {
    expression = try LogQL.parse(parameters["query"])
    limit = try parameters.limit(default: 100)
    (start, _) = try parameters.bounds(now: now)
    delaySeconds = try parameters.integer("delay_for", default: 0)
    guard delaySeconds <= Self.delaySecondsMax else {
      throw QueryAPIError("delay_for can't be greater than \(Self.delaySecondsMax)")
    }
  }
}

import TelemetryModel
import WireFormats

/// A log query as it is asked: page after page, so that neither side holds it whole.
struct LogQuestion: Sendable {
  var query: String
  var range: QueryRange
  /// Lines at most; zero for all.
  var limit: Int
  /// Lines asked for at a time.
  var batch: Int
  var isForward: Bool
  var interval: TimeSpan?
  var step: TimeSpan?

  /// One answer: lines that were not there before, or the samples of a metric query.
  enum Page {
    /// The label sets are those of the whole answer.
    case lines([LogRow], sets: [Labels])
    case samples(kind: String, JSONValue)
  }

  /// The parameters of `query_range`.
  func fields(_ range: QueryRange, limit: Int) -> [(String, String)] {
    var fields =
      [
        ("query", query), ("limit", "\(limit)"),
        ("direction", isForward ? "FORWARD" : "BACKWARD"),
      ] + range.fields
    if let interval { fields.append(("interval", secondsText(interval))) }
    if let step { fields.append(("step", secondsText(step))) }
    return fields
  }

  /// Asks until there are no more lines or ``limit`` of them, and hands each page over.
  ///
  /// Each page but the first begins at the last moment of the one before, since more lines of it
  /// may be there; what is known of that moment is left out. `tell` gets each whole answer.
  func pages(
    from answers: any LogAnswers, tell: (JSONValue) -> Void = { _ in },
    _ take: (Page) async throws -> Void
  ) async throws {
    var range = range
    var total = 0
    /// Lines of the last moment, as often as they came.
    var known: [LogRow: Int] = [:]
    var knownCount: Int { known.values.reduce(0, +) }
    while limit == 0 || total < limit {
      // A moment with more lines than a page has is asked for with larger pages.
      let room = knownCount >= batch ? knownCount + batch : batch
      let asked = limit == 0 ? room : min(room, limit - total + knownCount)
      let answer = try await answers.json(
        "/loki/api/v1/query_range", fields(range, limit: asked))
      tell(answer)
      guard let data = answer["data"], let kind = data["resultType"]?.stringValue,
        let result = data["result"]
      else { throw CommandFailure(message: "the server's answer has no data.resultType") }
      guard kind == "streams" else { return try await take(.samples(kind: kind, result)) }
      let streams = result.arrayValue ?? []
      let rows = LogRow.rows(of: streams, isForward: isForward)
      var rest = known
      let fresh = rows.filter { row in
        guard let count = rest[row], count > 0 else { return true }
        rest[row] = count - 1
        return false
      }
      try await take(.lines(fresh, sets: streams.map { Labels(json: $0["stream"]) }))
      guard let last = fresh.last else { return }
      total += fresh.count
      known = [:]
      for row in rows where row.nanoseconds == last.nanoseconds { known[row, default: 0] += 1 }
      let moment = Timestamp(nanoseconds: last.nanoseconds)
      if isForward {
        range.start = moment
      } else {
        range.end = moment + TimeSpan(nanoseconds: 1)
      }
    }
  }
}

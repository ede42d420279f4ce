import LinuxIO
import LogQL
import LogQuery
import TelemetryModel
import WireFormats

/// What a log query can ask beyond Loki's parameters; docs/beyond-loki.md describes it.
struct BeyondParameters {
  /// nil when pages are not asked for.
  var paging: Bool
  var cursor: LogCursor?
  /// Of lines with equal values of these labels only the first is given.
  var dedup: [String]
  /// Lines before and after each line that are given with it.
  var before: Int
  var after: Int

  static let contextMax = 100

  init(_ parameters: QueryParameters, _ direction: Direction) throws(QueryAPIError) {
    paging = parameters.items.contains { $0.name == "cursor" }
    let text = parameters["cursor"]
    if !text.isEmpty {
      guard let read = LogCursor(text) else {
        throw QueryAPIError("the cursor is not one of this server's answers")
      }
      guard read.direction == direction else {
        throw QueryAPIError("the cursor is of the other direction")
      }
      cursor = read
    }
    dedup = Self.labels(parameters["dedup"])
    guard dedup.isEmpty || !paging else {
      throw QueryAPIError(
        "dedup and cursor cannot be asked together: a page does not know what those before it gave")
    }
    before = try parameters.integer("before", default: 0)
    after = try parameters.integer("after", default: 0)
    for (name, count) in [("before", before), ("after", after)]
    where count < 0 || count > Self.contextMax {
      throw QueryAPIError("\(name) must be between 0 and \(Self.contextMax)")
    }
  }

  /// `by (a, b)` or `a,b`.
  private static func labels(_ text: String) -> [String] {
    var names = text
    if names.hasPrefix("by") {
      names = String(names.dropFirst(2).filter { $0 != "(" && $0 != ")" })
    }
    return names.split(separator: ",").map { String($0.filter { $0 != " " }) }
      .filter { !$0.isEmpty }
  }

  var isPlain: Bool { !paging && dedup.isEmpty && before == 0 && after == 0 }
}

extension QueryService {
  /// How many lines a question may get context for.
  private static let contextMatchesMax = 1000
  private static let dedupKeysMax = 1_000_000

  /// A log query with what Loki does not have.
  func beyond(
    _ asked: BeyondParameters, _ query: QueryRequest, _ request: QueryAPIRequest
  ) throws -> QueryAPIResponse {
    let begun = clock.monotonic()
    let limits = limits(request)
    var pages = LogPages(engine, query, from: asked.cursor)
    var entries: [ResultEntry] = []
    if asked.dedup.isEmpty {
      entries = try pages.next(query.limit, limits: limits)
    } else {
      var known: Set<[String]> = []
      while entries.count < query.limit, !pages.isAtEnd {
        for entry in try pages.next(max(query.limit, 1000), limits: limits) {
          let values = asked.dedup.map { entry.labels.all[$0] ?? "" }
          if known.insert(values).inserted, entries.count < query.limit { entries.append(entry) }
        }
        guard known.count <= Self.dedupKeysMax else {
          throw QueryAPIError("dedup meets more than \(Self.dedupKeysMax) different values")
        }
      }
    }
    var contexts: [LineContext] = []
    if asked.before > 0 || asked.after > 0 {
      guard entries.count <= Self.contextMatchesMax else {
        throw QueryAPIError(
          "context is given for \(Self.contextMatchesMax) lines at most; set a lower limit")
      }
      var neighbours = try LineNeighbours(engine, query, limits: limits)
      for entry in entries {
        contexts.append(
          try neighbours.context(of: entry, before: asked.before, after: asked.after))
      }
    }
    var encoder = ResultEncoder(flags: request.encodingFlags, direction: query.direction)
    encoder.contexts = contexts
    if asked.paging {
      if !pages.isAtEnd, let cursor = pages.cursor, cursor.given.count > LogCursor.givenMax {
        throw QueryAPIError(
          "more than \(LogCursor.givenMax) lines have one time: no cursor can stand between them; "
            + "use /loki/api/v1/export")
      }
      encoder.cursor = pages.isAtEnd ? "" : pages.cursor?.text ?? ""
    }
    let result = QueryResult(value: .streams(entries.grouped), statistics: pages.statistics)
    encoder.encode(result, seconds: clock.monotonic().seconds(since: begun))
    return .json(pieces: encoder.pieces)
  }
}

extension [ResultEntry] {
  /// The entries by their labels.
  var grouped: [ResultStream] {
    var places: [Labels: Int] = [:]
    var streams: [ResultStream] = []
    for entry in self {
      let labels = entry.labels.all
      if let place = places[labels] {
        streams[place].entries.append(entry)
      } else {
        places[labels] = streams.count
        streams.append(ResultStream(entries: [entry], labels: labels))
      }
    }
    return streams.sortedByText
  }
}

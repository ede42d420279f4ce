import LogQL
import LogQuery
import LogStore
import TelemetryModel

/// A line with its neighbours.
struct LineContext {
  var match: ResultEntry
  /// Both in the order of time.
  var before: [ResultEntry]
  var after: [ResultEntry]
}

/// Finds the lines around those of an answer, each in its very stream, as they are stored.
struct LineNeighbours {
  /// How far context reaches in time.
  private static let span = TimeSpan.hours(6)
  /// Lines of one time among which a line is looked for.
  private static let momentLinesMax = 10_000

  /// The rows of one time that may be an answer's.
  private struct Moment {
    var stream: [Label]
    var time: Timestamp
    var rows: [ResultEntry]
    /// What the query's stages make of each row, nil where they drop it.
    var made: [(line: [UInt8], labels: Labels)?]
    /// Rows that are an earlier entry of the answer.
    var taken: Set<Int> = []
  }

  private let engine: QueryEngine
  private let query: QueryRequest
  private let selection: LogSelection
  private let limits: QueryLimits
  private var pipeline: LogPipeline
  /// Lines of one time are often asked for one after the other.
  private var moment: Moment?

  /// Throws for a query that is none of lines, or has stages that cannot be made.
  init(_ engine: QueryEngine, _ query: QueryRequest, limits: QueryLimits) throws {
    guard case .log(let selection) = query.expression else {
      throw QueryAPIError("context is given for log queries alone")
    }
    self.engine = engine
    self.query = query
    self.selection = selection
    self.limits = limits
    pipeline = try LogPipeline(stages: selection.stages.executionOrder)
  }

  /// The `before` and `after` lines next to an entry of the answer.
  ///
  /// Neighbours of the entry's own time are given when it is found among the rows of that time: it
  /// is not where there are more than 10,000.
  mutating func context(of entry: ResultEntry, before: Int, after: Int) throws -> LineContext {
    var stream = entry.labels.stream
    var context = LineContext(match: entry, before: [], after: [])
    let time = entry.timestamp
    let next = time + TimeSpan(nanoseconds: 1)
    if let (moment, own) = try place(of: entry) {
      // The stages may have taken labels of the stream away.
      stream = moment.rows[own].labels.stream
      let isNear = { (row: ResultEntry) in row.labels.stream == stream }
      context.before = Array(moment.rows[..<own].filter(isNear).suffix(before))
      context.after = Array(moment.rows[(own + 1)...].filter(isNear).prefix(after))
    }
    context.before =
      try lines(
        stream, (time - Self.span)..<time, .backward, before - context.before.count
      ).reversed() + context.before
    context.after += try lines(
      stream, next..<(time + Self.span), .forward, after - context.after.count)
    return context
  }

  /// The entry's place among the rows of its time, nil when it is not found there.
  private mutating func place(of entry: ResultEntry) throws -> (Moment, Int)? {
    if moment?.time != entry.timestamp || moment?.stream != entry.labels.stream {
      moment = try rows(of: entry)
    }
    guard var known = moment else { return nil }
    moment = nil
    defer { moment = known }
    let line = entry.line
    let alike = known.made.indices.filter {
      known.made[$0].map { $0.line == line && $0.labels == entry.labels.all } ?? false
    }
    // Rows that became the same entry are given one after the other.
    guard let own = alike.first(where: { !known.taken.contains($0) }) ?? alike.first else {
      return nil
    }
    known.taken.insert(own)
    return (known, own)
  }

  private mutating func rows(of entry: ResultEntry) throws -> Moment {
    let time = entry.timestamp
    let matchers = entry.labels.stream.map { LabelMatcher($0.name, .equal, $0.value) }
    var request = request(
      selection.matchers + matchers, time..<(time + TimeSpan(nanoseconds: 1)), .forward)
    request.limit = Self.momentLinesMax
    var pages = LogPages(engine, request)
    let rows = try pages.next(Self.momentLinesMax, limits: limits)
    var streams: [[Label]: StreamReference] = [:]
    var made: [(line: [UInt8], labels: Labels)?] = []
    for row in rows {
      let labels = row.labels.stream
      let stream =
        streams[labels]
        ?? StreamReference(
          id: UInt64(streams.count), tenant: .single, labels: Labels(labels))
      streams[labels] = stream
      made.append(
        row.text.withBytes { line in
          pipeline.process(
            line: line, at: row.timestamp, stream: stream,
            metadata: row.labels.structuredMetadata
          ).map { (Array($0.line), $0.labels.all) }
        })
    }
    return Moment(stream: entry.labels.stream, time: time, rows: rows, made: made)
  }

  /// The first `count` lines of a stream in `range`.
  private func lines(
    _ stream: [Label], _ range: Range<Timestamp>, _ direction: Direction, _ count: Int
  ) throws -> [ResultEntry] {
    guard count > 0 else { return [] }
    let matchers = stream.map { LabelMatcher($0.name, .equal, $0.value) }
    var pages = LogPages(engine, request(matchers, range, direction))
    var found: [ResultEntry] = []
    while found.count < count, !pages.isAtEnd {
      // Streams with more labels match, too.
      found += try pages.next(max(count * 2, 50), limits: limits)
        .filter { $0.labels.stream == stream }
    }
    return Array(found.prefix(count))
  }

  private func request(
    _ matchers: [LabelMatcher], _ range: Range<Timestamp>, _ direction: Direction
  ) -> QueryRequest {
    var request = query
    request.expression = .log(LogSelection(matchers: matchers))
    request.interval = .zero
    request.direction = direction
    request.start = range.lowerBound
    request.end = range.upperBound
    return request
  }
}

import LogQL
import LogStore
import TelemetryModel

/// One log query: scans in its direction, keeps the best entries, narrows the scan.
struct LogQueryRun {
  let engine: QueryEngine
  let request: QueryRequest
  let selection: LogSelection
  let limits: QueryLimits
  private var statistics = QueryStatistics()

  init(
    engine: QueryEngine, request: QueryRequest, selection: LogSelection, limits: QueryLimits
  ) {
    self.engine = engine
    self.request = request
    self.selection = selection
    self.limits = limits
  }

  mutating func answer() throws(QueryError) -> QueryResult {
    let entries: [EntryHeap.Item]
    if request.interval > .zero {
      entries = try entriesApart()
    } else {
      entries = try page(request.start..<request.end, request.limit)
    }
    statistics.entriesReturned = entries.count
    return QueryResult(value: .streams(streams(of: entries)), statistics: statistics)
  }

  /// The first entries of `range` in the query's direction.
  private mutating func page(_ range: Range<Timestamp>, _ limit: Int) throws(QueryError)
    -> [EntryHeap.Item]
  {
    // Compiled here too, for what is wrong with the stages and what the scan may leave out.
    let pipeline = try LogPipeline(running: selection.stages, hasLinesDecided: true)
    guard !range.isEmpty, limit > 0 else { return [] }
    var scan = LogScan(
      tenants: request.tenants, matchers: selection.matchers, range: range,
      order: request.direction == .forward ? .oldestFirst : .newestFirst)
    scan.ask(pipeline, selection.stages.executionOrder)
    // Most rows of a full heap's blocks are never looked at.
    scan.wants = .metadata
    let kept = SharedCount(limit: limits.lineBytesMax)
    let (stages, direction, lineBytesMax) = (
      selection.stages, request.direction, limits.lineBytesMax
    )
    let parts = try engine.workers(scan, limits).run { (worker) throws(QueryError) in
      var reader = EntryReader(
        try LogPipeline(running: stages, hasLinesDecided: true),
        EntryHeap(capacity: limit, direction: direction))
      let found = try worker.scan { rows throws(QueryError) in
        let before = reader.heap.lineBytes
        reader.visit(rows)
        guard kept.add(reader.heap.lineBytes - before) else {
          throw .tooMuchMemory("more than \(lineBytesMax) bytes of lines")
        }
        guard let boundary = reader.heap.boundary else { return .proceed }
        // Of the boundary's moment another stream's entry may still be better.
        return .narrow(
          direction == .forward
            ? range.lowerBound..<(boundary + TimeSpan(nanoseconds: 1))
            : boundary..<range.upperBound)
      }
      var statistics = QueryStatistics()
      statistics.add(found)
      statistics.linesPassed = reader.passed
      return EntryPart(entries: reader.heap.ordered(), statistics: statistics)
    }
    for part in parts { statistics.add(part.statistics) }
    return OrderedEntries.best(of: parts.map(\.entries))
  }

  /// `interval`: entries at least that far apart, page by page.
  private mutating func entriesApart() throws(QueryError) -> [EntryHeap.Item] {
    var kept: [EntryHeap.Item] = []
    var range = request.start..<request.end
    let pageSize = max(request.limit, 1000)
    while kept.count < request.limit {
      let entries = try page(range, pageSize)
      for entry in entries where kept.count < request.limit {
        if let last = kept.last, isTooClose(entry.rank.timestamp, to: last.rank.timestamp) {
          continue
        }
        kept.append(entry)
      }
      guard entries.count == pageSize, let last = kept.last, let seen = entries.last else { break }
      // What lies nearer than the interval to the last one kept needs no look.
      if request.direction == .forward {
        let next = max(last.rank.timestamp + request.interval, seen.rank.timestamp)
        guard next < range.upperBound else { break }
        range = next..<range.upperBound
      } else {
        let next = min(last.rank.timestamp - request.interval, seen.rank.timestamp)
        guard next >= range.lowerBound else { break }
        range = range.lowerBound..<(next + TimeSpan(nanoseconds: 1))
      }
    }
    return kept
  }

  private func isTooClose(_ timestamp: Timestamp, to last: Timestamp) -> Bool {
    request.direction == .forward
      ? timestamp < last + request.interval : timestamp > last - request.interval
  }

  private func streams(of entries: [EntryHeap.Item]) -> [ResultStream] {
    var places: [Labels: Int] = [:]
    var placeOf: [ObjectIdentifier: Int] = [:]
    var streams: [ResultStream] = []
    // Entries of one label set often follow each other.
    var last: (labels: RowLabels, place: Int)?
    for entry in entries {
      let place: Int
      if let last, last.labels === entry.labels {
        place = last.place
      } else if let known = placeOf[ObjectIdentifier(entry.labels)] {
        place = known
      } else {
        place = places[entry.labels.all] ?? streams.count
        if place == streams.count {
          streams.append(ResultStream(entries: [], labels: entry.labels.all))
          places[entry.labels.all] = place
        }
        placeOf[ObjectIdentifier(entry.labels)] = place
      }
      last = (entry.labels, place)
      streams[place].entries.append(
        ResultEntry(timestamp: entry.rank.timestamp, text: entry.line, labels: entry.labels))
    }
    return streams.sortedByText
  }
}

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
    var pipeline = try LogPipeline(running: selection.stages)
    let entries: [EntryHeap.Item]
    if request.interval > .zero {
      entries = try entriesApart(&pipeline)
    } else {
      entries = try page(&pipeline, request.start..<request.end, request.limit)
    }
    statistics.entriesReturned = entries.count
    return QueryResult(value: .streams(streams(of: entries)), statistics: statistics)
  }

  /// The first entries of `range` in the query's direction.
  private mutating func page(
    _ pipeline: inout LogPipeline, _ range: Range<Timestamp>, _ limit: Int
  ) throws(QueryError) -> [EntryHeap.Item] {
    guard !range.isEmpty, limit > 0 else { return [] }
    var heap = EntryHeap(capacity: limit, direction: request.direction)
    try collect(&pipeline, range, &heap)
    return heap.ordered
  }

  private mutating func collect(
    _ pipeline: inout LogPipeline, _ range: Range<Timestamp>, _ heap: inout EntryHeap
  ) throws(QueryError) {
    var sequence = 0
    var hashes = StreamHashes()
    var passed = 0
    let scan = LogScan(
      tenants: request.tenants, matchers: selection.matchers, range: range,
      order: request.direction == .forward ? .oldestFirst : .newestFirst,
      requiredLiterals: pipeline.requiredLiterals)
    let lineBytesMax = limits.lineBytesMax
    let direction = request.direction
    var cost = statistics
    defer { statistics = cost }
    try engine.scan(scan, limits, &cost) { rows throws(QueryError) in
      rows.withLineBytes { bytes in
        for run in rows.runs {
          let streamHash = hashes.hash(of: run.stream)
          for row in run.rows {
            let timestamp = rows.timestamps[row]
            guard heap.wants(timestamp) else { continue }
            let line = UnsafeRawBufferPointer(rebasing: bytes[rows.lineRange(row)])
            guard
              let processed = pipeline.process(
                line: line, at: timestamp, stream: run.stream, metadata: rows.metadata(row))
            else { continue }
            passed += 1
            sequence += 1
            heap.insert(
              EntryHeap.Item(
                timestamp: timestamp, streamHash: streamHash, sequence: sequence,
                labels: processed.labels,
                line: Array(processed.line)))
          }
        }
      }
      guard heap.lineBytes <= lineBytesMax else {
        throw .tooMuchMemory("more than \(lineBytesMax) bytes of lines")
      }
      guard let boundary = heap.boundary else { return .proceed }
      // Of the boundary's moment another stream's entry may still be better.
      return .narrow(
        direction == .forward
          ? range.lowerBound..<(boundary + TimeSpan(nanoseconds: 1)) : boundary..<range.upperBound)
    }
    cost.linesPassed += passed
  }

  /// `interval`: entries at least that far apart, page by page.
  private mutating func entriesApart(_ pipeline: inout LogPipeline) throws(QueryError) -> [EntryHeap
    .Item]
  {
    var kept: [EntryHeap.Item] = []
    var range = request.start..<request.end
    let pageSize = max(request.limit, 1000)
    while kept.count < request.limit {
      let entries = try page(&pipeline, range, pageSize)
      for entry in entries where kept.count < request.limit {
        if let last = kept.last, isTooClose(entry.timestamp, to: last.timestamp) { continue }
        kept.append(entry)
      }
      guard entries.count == pageSize, let last = kept.last, let seen = entries.last else { break }
      // What lies nearer than the interval to the last one kept needs no look.
      if request.direction == .forward {
        let next = max(last.timestamp + request.interval, seen.timestamp)
        guard next < range.upperBound else { break }
        range = next..<range.upperBound
      } else {
        let next = min(last.timestamp - request.interval, seen.timestamp)
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
    var placeOf: [Int: Int] = [:]
    var streams: [ResultStream] = []
    for entry in entries {
      let place: Int
      if let known = placeOf[entry.labels.id] {
        place = known
      } else {
        place = places[entry.labels.all] ?? streams.count
        if place == streams.count {
          streams.append(ResultStream(entries: [], labels: entry.labels.all))
          places[entry.labels.all] = place
        }
        placeOf[entry.labels.id] = place
      }
      streams[place].entries.append(
        ResultEntry(timestamp: entry.timestamp, line: entry.line, labels: entry.labels))
    }
    return streams.sorted { $0.labels.sorted.lexicographicallyPrecedes($1.labels.sorted) }
  }
}

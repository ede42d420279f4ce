import LogQL
import LogStore
import TelemetryModel

/// Reads the rows of a range aggregation and makes its series.
struct RangeScan {
  private let leaf: RangeLeaf
  private let range: LogRange
  private let panes: PaneGrid
  private let engine: QueryEngine
  private let tenants: [TenantID]
  private let limits: QueryLimits

  init(_ leaf: RangeLeaf, _ grid: StepGrid, _ evaluation: MetricEvaluation) {
    self.leaf = leaf
    range = leaf.aggregation.range
    panes = PaneGrid(grid, span: range.span, offset: range.offset)
    engine = evaluation.engine
    tenants = evaluation.tenants
    limits = evaluation.limits
  }

  func evaluate(_ statistics: inout QueryStatistics) throws(QueryError) -> SeriesMatrix {
    let isUnwrapped = range.unwrap != nil
    let seconds = range.span.seconds
    switch leaf.aggregation.function {
    case .count: return try aggregate(CountAggregate.self, .one, &statistics)
    case .rate:
      return isUnwrapped
        ? try aggregate(SumAggregate.self, .unwrapped, per: seconds, &statistics)
        : try aggregate(CountAggregate.self, .one, per: seconds, &statistics)
    case .bytes: return try aggregate(SumAggregate.self, .lineBytes, &statistics)
    case .bytesRate:
      return try aggregate(SumAggregate.self, .lineBytes, per: seconds, &statistics)
    case .sum: return try aggregate(SumAggregate.self, .unwrapped, &statistics)
    case .average: return try aggregate(AverageAggregate.self, .unwrapped, &statistics)
    case .minimum: return try aggregate(MinimumAggregate.self, .unwrapped, &statistics)
    case .maximum: return try aggregate(MaximumAggregate.self, .unwrapped, &statistics)
    case .variance: return try aggregate(VarianceAggregate.self, .unwrapped, &statistics)
    case .standardDeviation:
      return try aggregate(DeviationAggregate.self, .unwrapped, &statistics)
    case .first: return try aggregate(FirstAggregate.self, .unwrapped, &statistics)
    case .last: return try aggregate(LastAggregate.self, .unwrapped, &statistics)
    case .absent: return try absent(&statistics)
    case .quantile:
      let fraction = leaf.aggregation.parameter ?? .nan
      return try matrix(QuantileTable(fraction: fraction), .unwrapped, &statistics)
    case .rateCounter:
      return try matrix(CounterTable(span: range.span), .unwrapped, &statistics)
    }
  }

  private func aggregate<Aggregate: WindowAggregate>(
    _ type: Aggregate.Type, _ sample: SampleSource, per divisor: Double = 1,
    _ statistics: inout QueryStatistics
  ) throws(QueryError) -> SeriesMatrix {
    try matrix(PaneTable<Aggregate>(divisor: divisor), sample, &statistics)
  }

  private func matrix<Sink: SampleSink>(
    _ empty: Sink, _ sample: SampleSource, _ statistics: inout QueryStatistics
  ) throws(QueryError) -> SeriesMatrix {
    var whole = try read(empty, sample, &statistics)
    guard whole.labels.count * max(panes.steps, 32) <= limits.cellsMax else {
      throw .tooMuchMemory("\(whole.labels.count) series at \(panes.steps) steps")
    }
    var result = SeriesMatrix(series: [])
    for (place, labels) in whole.labels.enumerated() {
      try limits.check()
      let values = whole.sink.values(of: place, panes)
      if values.contains(where: { !$0.isNoSample }) {
        result.series.append(MatrixSeries(labels: labels, values: values))
      }
    }
    return result
  }

  /// 1 at each step whose window has no row.
  private func absent(_ statistics: inout QueryStatistics) throws(QueryError) -> SeriesMatrix {
    var present = try read(PaneTable<CountAggregate>(divisor: 1), .one, &statistics)
    let counts =
      present.labels.isEmpty
      ? [Double](repeating: .noSample, count: panes.steps) : present.sink.values(of: 0, panes)
    let values = counts.map { $0.isNoSample ? 1 : .noSample }
    guard values.contains(where: { !$0.isNoSample }) else { return SeriesMatrix(series: []) }
    let labels = range.selection.matchers.absentLabels
    return SeriesMatrix(series: [MatrixSeries(labels: labels, values: values)])
  }

  // MARK: One window, in bounded memory

  /// The same for the only window of a question that has more samples than may be kept: numbers
  /// are read several times, or the window is read in parts.
  func evaluateInParts(_ statistics: inout QueryStatistics) throws(QueryError) -> SeriesMatrix {
    if leaf.aggregation.function == .quantile { return try searchQuantiles(&statistics) }
    var counters: [Labels: CounterAggregate] = [:]
    try addCounters(panes.scanned, &counters, &statistics)
    return SeriesMatrix(
      series: counters.map { labels, counter in
        let rate = counter.rate(over: range.span, endingAt: panes.windowEnd(0))
        return MatrixSeries(labels: labels, values: [rate])
      })
  }

  /// Adds what counters did in `part`, in halves where that has too many samples.
  private func addCounters(
    _ part: Range<Timestamp>, _ counters: inout [Labels: CounterAggregate],
    _ statistics: inout QueryStatistics
  ) throws(QueryError) {
    do throws(QueryError) {
      var whole = try read(
        CounterTable(span: range.span), .unwrapped, &statistics, in: part)
      for (place, labels) in whole.labels.enumerated() {
        guard let counter = whole.sink.counter(of: place) else { continue }
        if counters[labels]?.merge(counter) == nil { counters[labels] = counter }
      }
      return
    } catch {
      let span = (part.upperBound - part.lowerBound).nanoseconds
      guard error == .tooManySamples(limits.samplesMax), span > 1 else { throw error }
    }
    let span = (part.upperBound - part.lowerBound).nanoseconds
    let middle = part.lowerBound + TimeSpan(nanoseconds: span / 2)
    try addCounters(part.lowerBound..<middle, &counters, &statistics)
    try addCounters(middle..<part.upperBound, &counters, &statistics)
  }

  /// Each reading of the window finds sixteen more bits of the numbers at the ranks in question.
  private func searchQuantiles(_ statistics: inout QueryStatistics) throws(QueryError)
    -> SeriesMatrix
  {
    let fraction = leaf.aggregation.parameter ?? .nan
    var labels: [Labels] = []
    var search = QuantileSearch(fraction: fraction)
    while !search.isDone {
      let whole = try read(search.counts, .unwrapped, &statistics, known: labels)
      // The places of series stay, so that what is known of them is theirs.
      labels = whole.labels
      search.narrow(whole.sink)
    }
    return SeriesMatrix(
      series: labels.indices.compactMap { place in
        search.value(of: place).map { MatrixSeries(labels: labels[place], values: [$0]) }
      })
  }

  // MARK: Rows

  /// What one thread read, or all of them together.
  private struct Part<Sink: SampleSink>: Sendable {
    var labels: [Labels]
    var sink: Sink
    var statistics = QueryStatistics()

    mutating func merge(_ other: Part, _ known: inout [Labels: Int]) {
      var places: [Int] = []
      for one in other.labels {
        let place = known[one] ?? labels.count
        if place == labels.count {
          known[one] = place
          labels.append(one)
        }
        places.append(place)
      }
      sink.merge(other.sink, places: places)
    }
  }

  /// Reads the samples of `part`, or of all windows; series that are `known` get the first places.
  private func read<Sink: SampleSink>(
    _ empty: Sink, _ sample: SampleSource, _ statistics: inout QueryStatistics,
    known labels: [Labels] = [], in part: Range<Timestamp>? = nil
  ) throws(QueryError) -> Part<Sink> {
    var parts = try read(empty, sample, labels, part ?? panes.scanned)
    for part in parts { statistics.add(part.statistics) }
    guard var whole = parts.popLast() else { return Part(labels: [], sink: empty) }
    guard !parts.isEmpty else { return whole }
    var known = Dictionary(uniqueKeysWithValues: zip(whole.labels, whole.labels.indices))
    while let part = parts.popLast() { whole.merge(part, &known) }
    return whole
  }

  private func read<Sink: SampleSink>(
    _ empty: Sink, _ sample: SampleSource, _ known: [Labels], _ scanned: Range<Timestamp>
  ) throws(QueryError) -> [Part<Sink>] {
    let pipeline = try LogPipeline(
      running: range.selection.stages, unwrap: range.unwrap, need: leaf.need,
      hasLinesDecided: true)
    guard !scanned.isEmpty else { return [] }
    var scan = LogScan(
      tenants: tenants, matchers: range.selection.matchers, range: scanned, order: .oldestFirst)
    scan.ask(pipeline, range.selection.stages.executionOrder)
    // Lines of rows that are not in columns are needed all the same.
    scan.wants = .metadata
    if pipeline.readsLine, pipeline.fieldPlan == nil { scan.wants.insert(.lines) }
    if sample == .lineBytes { scan.wants.insert(.lineLengths) }
    let samples = SharedCount(limit: limits.samplesMax)
    let (leaf, panes, limits) = (leaf, panes, limits)
    // Of samples of one moment the first to come counts, or the last.
    let inOrder = [.first, .last].contains(leaf.aggregation.function)
    return try engine.workers(scan, limits).run(inOrder: inOrder) { (worker) throws(QueryError) in
      var reader = try RangeReader(leaf, panes, sample, empty)
      reader.index.start(with: known)
      let found = try worker.scan { rows throws(QueryError) in
        let before = reader.sink.sampleCount
        try reader.visit(rows)
        guard samples.add(reader.sink.sampleCount - before) else {
          throw .tooManySamples(limits.samplesMax)
        }
        guard reader.index.labels.count * 32 <= limits.cellsMax else {
          throw .tooManySeries(limits.seriesMax)
        }
        return .proceed
      }
      var part = Part(labels: reader.index.labels, sink: reader.sink)
      part.statistics.add(found)
      part.statistics.linesPassed = reader.passed
      return part
    }
  }
}

import LogQL
import LogStore
import TelemetryModel

/// Reads the rows of a range aggregation and makes its series.
struct RangeScan {
  let leaf: RangeLeaf
  let range: LogRange
  let panes: PaneGrid
  private let engine: QueryEngine
  private let tenants: [TenantID]
  private let limits: QueryLimits

  init(_ leaf: RangeLeaf, _ evaluation: MetricEvaluation) {
    self.leaf = leaf
    range = leaf.aggregation.range
    panes = PaneGrid(evaluation.grid, span: range.span, offset: range.offset)
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
      return try samples(&statistics) { $0.quantiles(fraction, panes) }
    case .rateCounter:
      return try samples(&statistics) { $0.counterRates(panes, span: range.span) }
    }
  }

  private func aggregate<Aggregate: WindowAggregate>(
    _ type: Aggregate.Type, _ sample: SampleSource, per divisor: Double = 1,
    _ statistics: inout QueryStatistics
  ) throws(QueryError) -> SeriesMatrix {
    var series: [PaneSeries<Aggregate>] = []
    let labels = try read(sample, &statistics) { place, value, time, pane in
      if place == series.count { series.append(PaneSeries()) }
      series[place].add(value, at: time, pane: pane)
    }
    return try matrix(labels) { place in
      series[place].settle()
      var values = [Double](repeating: .noSample, count: panes.steps)
      series[place].slide(panes) { step, aggregate in
        values[step] = divisor == 1 ? aggregate.value : aggregate.value / divisor
      }
      return values
    }
  }

  /// For functions that need each number: all are kept, up to a limit.
  private func samples(
    _ statistics: inout QueryStatistics, _ evaluate: (inout SampleSeries) -> [Double]
  ) throws(QueryError) -> SeriesMatrix {
    var series: [SampleSeries] = []
    let labels = try read(.unwrapped, samplesMax: limits.samplesMax, &statistics) {
      place, value, time, _ in
      if place == series.count { series.append(SampleSeries()) }
      series[place].add(value, at: time)
    }
    return try matrix(labels) { place in evaluate(&series[place]) }
  }

  private func matrix(
    _ labels: [Labels], _ values: (Int) -> [Double]
  ) throws(QueryError) -> SeriesMatrix {
    guard labels.count * max(panes.steps, 32) <= limits.cellsMax else {
      throw .tooMuchMemory("\(labels.count) series at \(panes.steps) steps")
    }
    var result = SeriesMatrix(series: [])
    for (place, one) in labels.enumerated() {
      let row = values(place)
      if row.contains(where: { !$0.isNoSample }) {
        result.series.append(MatrixSeries(labels: one, values: row))
      }
    }
    return result
  }

  /// 1 at each step whose window has no row.
  private func absent(_ statistics: inout QueryStatistics) throws(QueryError) -> SeriesMatrix {
    var present = PaneSeries<CountAggregate>()
    _ = try read(.one, &statistics) { _, value, time, pane in
      present.add(value, at: time, pane: pane)
    }
    present.settle()
    var values = [Double](repeating: 1, count: panes.steps)
    present.slide(panes) { step, _ in values[step] = .noSample }
    guard values.contains(where: { !$0.isNoSample }) else { return SeriesMatrix(series: []) }
    let labels = range.selection.matchers.absentLabels
    return SeriesMatrix(series: [MatrixSeries(labels: labels, values: values)])
  }

  // MARK: Rows

  private typealias Taker = (_ place: Int, _ value: Double, _ time: Timestamp, _ pane: Int) -> Void

  private func read(
    _ sample: SampleSource, samplesMax: Int = .max, _ statistics: inout QueryStatistics,
    _ take: Taker
  ) throws(QueryError) -> [Labels] {
    let stages = range.selection.stages
    var pipeline = try LogPipeline(running: stages, unwrap: range.unwrap, need: leaf.need)
    let scanned = panes.scanned
    guard !scanned.isEmpty else { return [] }
    var scan = LogScan(
      tenants: tenants, matchers: range.selection.matchers, range: scanned, order: .oldestFirst,
      requiredLiterals: pipeline.requiredLiterals)
    scan.needsLines = pipeline.needsLine || sample == .lineBytes
    let isPlain = stages.isEmpty && range.unwrap == nil
    var index = SeriesIndex(leaf)
    var passed = 0
    try engine.scan(scan, limits, &statistics) { rows throws(QueryError) in
      if isPlain, rows.structuredMetadata.isEmpty {
        try readPlain(rows, &pipeline, sample, &index, take)
        passed += rows.count
      } else {
        passed += try readProcessed(rows, &pipeline, sample, &index, take)
      }
      guard passed <= samplesMax else {
        throw .tooMuchMemory("more than \(samplesMax) samples")
      }
      guard index.labels.count * 32 <= limits.cellsMax else {
        throw .tooManySeries(limits.seriesMax)
      }
      return .proceed
    }
    statistics.linesPassed += passed
    return index.labels
  }

  /// Every row of a stream is of one series, and nothing looks at the lines.
  private func readPlain(
    _ rows: LogRows, _ pipeline: inout LogPipeline, _ sample: SampleSource,
    _ index: inout SeriesIndex, _ take: Taker
  ) throws(QueryError) {
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    for run in rows.runs {
      guard
        let first = pipeline.process(
          line: nothing, at: rows.timestamps[run.rows.lowerBound], stream: run.stream,
          metadata: [])
      else { continue }
      let place = try index.place(of: first.labels)
      for row in run.rows {
        let time = rows.timestamps[row]
        let pane = panes.pane(time)
        guard panes.isCovered(pane) else { continue }
        take(place, sample == .lineBytes ? Double(rows.lineRange(row).count) : 1, time, pane)
      }
    }
  }

  private func readProcessed(
    _ rows: LogRows, _ pipeline: inout LogPipeline, _ sample: SampleSource,
    _ index: inout SeriesIndex, _ take: Taker
  ) throws(QueryError) -> Int {
    try rows.withLineBytes { (bytes) throws(QueryError) in
      var passed = 0
      for run in rows.runs {
        for row in run.rows {
          let time = rows.timestamps[row]
          let pane = panes.pane(time)
          guard panes.isCovered(pane) else { continue }
          let line = UnsafeRawBufferPointer(
            rebasing: bytes[rows.hasLines ? rows.lineRange(row) : 0..<0])
          guard
            let processed = pipeline.process(
              line: line, at: time, stream: run.stream, metadata: rows.metadata(row))
          else { continue }
          passed += 1
          let place = try index.place(of: processed.labels)
          switch sample {
          case .one: take(place, 1, time, pane)
          case .lineBytes: take(place, Double(processed.line.count), time, pane)
          case .unwrapped: take(place, processed.value, time, pane)
          }
        }
      }
      return passed
    }
  }
}

/// What number a row stands for.
enum SampleSource {
  case one
  case lineBytes
  case unwrapped
}

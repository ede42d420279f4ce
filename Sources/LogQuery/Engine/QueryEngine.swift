import LogQL
import LogStore
import TelemetryModel

/// Answers LogQL over a source of rows.
///
/// Synchronous: callers run it on an executor for blocking work. Safe to use from several threads.
package struct QueryEngine: Sendable {
  package let source: any LogRowSource
  /// See ``LogScan/checksPages``.
  private var checksPages = false

  package init(source: any LogRowSource) { self.source = source }

  /// The most steps of a range query, as in Loki and Prometheus.
  package static let stepsMax = 11_000

  /// The answer to `request`; entries and samples as Loki gives them. Blocks that are damaged are
  /// missing from it and named in its statistics.
  package func answer(
    _ request: QueryRequest, limits: QueryLimits = QueryLimits()
  ) throws(QueryError) -> QueryResult {
    do throws(QueryError) {
      return try answerOnce(request, limits)
    } catch {
      // What was made of a damaged block's rows cannot be taken back: once more, without it.
      guard error.isDamage, !checksPages else { throw error }
      var careful = self
      careful.checksPages = true
      limits.progress.beginAnew()
      return try careful.answerOnce(request, limits)
    }
  }

  private func answerOnce(
    _ request: QueryRequest, _ limits: QueryLimits
  ) throws(QueryError) -> QueryResult {
    try limits.check()
    var request = request
    if request.start < limits.oldest {
      guard request.end >= limits.oldest else { return request.emptyResult }
      request.start = limits.oldest
    }
    try limits.check(request)
    if case .log(let selection) = request.expression {
      guard !request.isInstant || request.start < request.end else {
        throw QueryError(
          "log queries are not supported as an instant query type, please change your query to "
            + "a range query type")
      }
      var run = LogQueryRun(engine: self, request: request, selection: selection, limits: limits)
      return try run.answer()
    }
    return try metricAnswer(request, limits)
  }

  private func metricAnswer(
    _ request: QueryRequest, _ limits: QueryLimits
  ) throws(QueryError) -> QueryResult {
    let grid = StepGrid(request)
    guard grid.count <= QueryEngine.stepsMax else {
      throw QueryError(
        "exceeded maximum resolution of 11,000 points per time series. Try increasing the value "
          + "of the step parameter")
    }
    var evaluation = MetricEvaluation(
      engine: self, tenants: request.tenants, grid: grid, limits: limits)
    let operand = try evaluation.evaluate(request.expression)
    var result = QueryResult(
      value: .matrix([]), statistics: evaluation.statistics)
    switch operand {
    case .scalar(let value):
      if request.isInstant {
        result.value = .scalar(SamplePoint(time: request.start, value: value))
      } else {
        let points = grid.times.map { SamplePoint(time: $0, value: value) }
        result.value = .matrix([ResultSeries(labels: .none, points: points)])
      }
    case .matrix(let matrix):
      let series = matrix.result(grid)
      try limits.checkSeries(series.count)
      result.statistics.entriesReturned = series.reduce(0) { $0 + $1.points.count }
      if request.isInstant {
        result.value = .vector(request.expression.sorted(series))
      } else {
        result.value = .matrix(series.sortedByLabels)
      }
    }
    return result
  }

  /// Makes a scan ready to run on several threads.
  func workers(_ scan: LogScan, _ limits: QueryLimits) throws(QueryError) -> ScanWorkers {
    var scan = scan
    scan.checksPages = checksPages
    scan.isCancelled = { limits.isCancelled() || limits.isPastDeadline() }
    do {
      let plan = try source.plan(scan)
      if limits.boundsBytes {
        let bytes = try plan.lineBytes
        try limits.checkBytes(bytes, ofQuery: limits.progress.plan(bytes))
      }
      return ScanWorkers(plan, limits)
    } catch {
      throw QueryError(scanning: error, limits)
    }
  }
}

extension Expression {
  /// Whether the order of an instant vector is the query's business.
  private var ordersByValue: Bool {
    guard case .vectorAggregation(let aggregation) = self else { return false }
    return aggregation.function == .sort || aggregation.function == .sortDescending
  }

  func sorted(_ series: [ResultSeries]) -> [ResultSeries] {
    let byLabels = series.sortedByLabels
    guard ordersByValue, case .vectorAggregation(let aggregation) = self else { return byLabels }
    let isDescending = aggregation.function == .sortDescending
    func before(_ a: ResultSeries, _ b: ResultSeries) -> Bool {
      let (x, y) = (a.points[0].value, b.points[0].value)
      if x.isNaN || y.isNaN { return !x.isNaN && y.isNaN }
      return isDescending ? x > y : x < y
    }
    // The library's sort is stable: equal values stay in label order.
    return byLabels.sorted(by: before)
  }
}

extension [ResultSeries] {
  var sortedByLabels: [ResultSeries] {
    sorted { $0.labels.sorted.lexicographicallyPrecedes($1.labels.sorted) }
  }
}

import SpanStore
import Synchronization
package import TelemetryModel
import TraceFormats
package import TraceQL

/// A question for numbers over time.
package struct TraceQLMetricsQuery: Sendable {
  package var query: TraceQuery
  package var range: MetricsRange
  /// Examples of spans told with each series at most.
  package var exemplarsMax = 0

  package init(query: TraceQuery, range: MetricsRange) {
    self.query = query
    self.range = range
  }
}

/// The answer: series sorted by labels, and whether some are missing for their number.
package struct TraceQLMetricsAnswer: Sendable {
  package var series: [MetricsSeries]
  package var isPartial = false
}

extension SpanQuery {
  /// Computes metrics from the spans of the range.
  nonisolated(nonsending)
    package func metrics(_ question: TraceQLMetricsQuery, tenant: TenantID) async
    -> Result<TraceQLMetricsAnswer, TraceQLFailure>
  {
    do {
      return try await onPool { source throws(SpanStoreError) in
        do throws(TraceQLFailure) {
          return .success(
            try MetricsEvaluator(question, tenant: tenant, source: source).answer())
        } catch {
          return .failure(error)
        }
      }
    } catch {
      return .failure(.store(error))
    }
  }
}

/// Computes the expressions of a question for metrics.
struct MetricsEvaluator {
  let question: TraceQLMetricsQuery
  let tenant: TenantID
  let source: any SpanSource
  private let fields: FieldEvaluator

  init(
    _ question: TraceQLMetricsQuery, tenant: TenantID, source: any SpanSource
  ) throws(TraceQLFailure) {
    self.question = question
    self.tenant = tenant
    self.source = source
    fields = try SpanQuery.evaluator(question.query)
  }

  func answer() throws(TraceQLFailure) -> TraceQLMetricsAnswer {
    guard case .metrics(let metrics) = question.query.body else {
      throw .query(TraceQLError(.types, "not a metrics query: it has no metrics function"))
    }
    return try evaluate(metrics)
  }

  private func evaluate(
    _ expression: MetricsExpression
  ) throws(TraceQLFailure) -> TraceQLMetricsAnswer {
    switch expression {
    case .aggregate(let pipeline, let function): return try aggregate(pipeline, function)
    case .operation(let operation, let left, let right):
      return combine(operation, try evaluate(left), try evaluate(right))
    case .scalar(let operation, let inner, let number, let isLeft):
      return mapped(try evaluate(inner)) { value in
        isLeft
          ? Self.apply(operation, number, value) : Self.apply(operation, value, number)
      }
    case .filter(let inner, let operation, let value):
      // Durations are seconds in metrics.
      guard let number = value.type == .duration ? value.number.map({ $0 / 1e9 }) : value.number
      else { return TraceQLMetricsAnswer(series: []) }
      return mapped(try evaluate(inner)) { sample in
        fields.compare(operation, .float(sample), .float(number)) ? sample : .nan
      }
    case .topk(let inner, let count): return highest(count, try evaluate(inner), >)
    case .bottomk(let inner, let count): return highest(count, try evaluate(inner), <)
    }
  }

  private static func apply(_ operation: FieldOperator, _ a: Double, _ b: Double) -> Double {
    switch operation {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: b == 0 ? .nan : a / b
    default: .nan
    }
  }

  /// Every value changed; series without a value are left out.
  private func mapped(
    _ answer: TraceQLMetricsAnswer, _ change: (Double) -> Double
  ) -> TraceQLMetricsAnswer {
    var out = answer
    for index in out.series.indices {
      out.series[index].values = out.series[index].values.map { $0.isNaN ? $0 : change($0) }
    }
    out.series.removeAll { series in series.values.allSatisfy(\.isNaN) }
    return out
  }

  private func combine(
    _ operation: FieldOperator, _ left: TraceQLMetricsAnswer, _ right: TraceQLMetricsAnswer
  ) -> TraceQLMetricsAnswer {
    let rights = Dictionary(right.series.map { ($0.key, $0) }) { first, _ in first }
    var out = TraceQLMetricsAnswer(series: [], isPartial: left.isPartial || right.isPartial)
    for series in left.series {
      guard let other = rights[series.key] else { continue }
      var combined = series
      combined.values = zip(series.values, other.values).map { Self.apply(operation, $0, $1) }
      if !combined.values.allSatisfy(\.isNaN) { out.series.append(combined) }
    }
    return out
  }

  /// At each step the series with the `count` highest or lowest values.
  private func highest(
    _ count: Int, _ answer: TraceQLMetricsAnswer, _ precedes: (Double, Double) -> Bool
  ) -> TraceQLMetricsAnswer {
    var out = answer
    for step in 0..<question.range.count {
      let order = answer.series.indices.filter { !answer.series[$0].values[step].isNaN }
        .sorted { a, b in
          let (x, y) = (answer.series[a].values[step], answer.series[b].values[step])
          return x == y ? a < b : precedes(x, y)
        }
      for index in order.dropFirst(count) { out.series[index].values[step] = .nan }
    }
    out.series.removeAll { series in series.values.allSatisfy(\.isNaN) }
    return out
  }
}

/// Reading spans.
extension MetricsEvaluator {
  private func aggregate(
    _ pipeline: SpansetPipeline, _ function: MetricsFunction
  ) throws(TraceQLFailure) -> TraceQLMetricsAnswer {
    if case .compare(let selection, let topN, let start, let end) = function.operation {
      let window = start < end ? Int64(start)..<Int64(end) : nil
      var comparison = MetricsComparison(
        question.range, selection: selection, topN: topN, window: window, fields)
      let isPartial = try overTraces(pipeline, TraceQLCandidates(pipeline)) { trace, index in
        comparison.add(trace, index)
      }
      return TraceQLMetricsAnswer(
        series: comparison.series(), isPartial: isPartial || comparison.isPartial)
    }
    var accumulator = MetricsAccumulator(
      function, question.range, exemplarsMax: question.exemplarsMax)
    let candidates = TraceQLCandidates(pipeline)
    let readsTrace = (function.by + function.fields).contains(where: \.needsTrace)
    var isPartial = false
    if candidates.isExact && !readsTrace {
      accumulator = try overSpans(candidates, accumulator)
    } else {
      isPartial = try overTraces(pipeline, candidates) { trace, index in
        accumulator.add(trace.nodes[index].span) { trace.value($0, of: index) }
      }
    }
    var series = accumulator.series()
    isPartial =
      isPartial || accumulator.isPartial || series.count > MetricsAccumulator.seriesMax
    series = Array(series.prefix(MetricsAccumulator.seriesMax))
    return TraceQLMetricsAnswer(series: series, isPartial: isPartial)
  }

  /// Spans by themselves, as they lie in the store.
  private func overSpans(
    _ candidates: TraceQLCandidates, _ accumulator: MetricsAccumulator
  ) throws(TraceQLFailure) -> MetricsAccumulator {
    let gathered = Mutex(accumulator)
    var search = candidates.search(
      tenant: tenant, range: question.range.starts, limit: 1, fields)
    let holds = search.matches
    search.matches = { span, resource, scope in
      if let holds, !holds(span, resource, scope) { return false }
      let view = SpanFields(span, scope, resource)
      gathered.withLock { $0.add(span) { view.value($0) ?? .absent } }
      // Nothing is found, so that the search goes over all.
      return false
    }
    _ = try SpanQuery.stored { () throws(SpanStoreError) in try source.search(search) }
    return gathered.withLock { $0 }
  }

  /// Whole traces, one after another; `visit` gets the spans that the pipeline leaves. Whether
  /// there were more traces than are looked at.
  private func overTraces(
    _ pipeline: SpansetPipeline, _ candidates: TraceQLCandidates,
    _ visit: (TraceView, Int) -> Void
  ) throws(TraceQLFailure) -> Bool {
    let evaluator = SpansetEvaluator(fields: fields)
    let ids = try SpanQuery.stored { () throws(SpanStoreError) in
      try source.search(
        candidates.search(
          tenant: tenant, range: question.range.starts, limit: SpanQuery.traceQLTracesMax, fields))
    }
    for id in ids {
      let trace = TraceView(
        try SpanQuery.stored { () throws(SpanStoreError) in try source.trace(id, tenant: tenant) })
      let sets: [Spanset]
      do { sets = try evaluator.run(pipeline, trace) } catch { throw .query(error) }
      for index in sets.flatMap(\.spans) { visit(trace, index) }
    }
    return ids.count >= SpanQuery.traceQLTracesMax
  }
}

extension MetricsFunction {
  /// The fields that it measures.
  fileprivate var fields: [TraceField] {
    switch operation {
    case .rate, .countOverTime, .compare: []
    case .minOverTime(let field), .maxOverTime(let field), .sumOverTime(let field),
      .avgOverTime(let field), .quantileOverTime(let field, _), .histogramOverTime(let field):
      [field]
    }
  }
}

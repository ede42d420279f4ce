import LogQL
import TelemetryModel

/// A vector aggregation: series put into groups once, then each step on its own.
struct VectorGroups {
  private let matrix: SeriesMatrix
  private let aggregation: VectorAggregation
  private let steps: Int
  private let limits: QueryLimits
  private var labels: [Labels] = []
  /// Indexes of series, by group.
  private var members: [[Int]] = []

  init(
    _ matrix: SeriesMatrix, _ aggregation: VectorAggregation, steps: Int, limits: QueryLimits
  ) {
    // In a fixed order, so that ties of topk come out the same each time.
    var sorted = matrix
    sorted.series.sort { $0.labels.sorted.lexicographicallyPrecedes($1.labels.sorted) }
    self.matrix = sorted
    self.aggregation = aggregation
    self.steps = steps
    self.limits = limits
    let grouping = aggregation.grouping ?? Grouping(labels: [], isWithout: false)
    var places: [Labels: Int] = [:]
    for (index, series) in sorted.series.enumerated() {
      var group = series.labels.grouped(by: grouping)
      if grouping.isWithout { group = group.withoutEmpty }
      if let place = places[group] {
        members[place].append(index)
      } else {
        places[group] = labels.count
        labels.append(group)
        members.append([index])
      }
    }
  }

  func aggregated() throws(QueryError) -> SeriesMatrix {
    switch aggregation.function {
    case .sort, .sortDescending: return matrix
    case .topK, .approximateTopK: return try best(isTop: true)
    case .bottomK: return try best(isTop: false)
    case .sum: return try folded { $0.reduce(0, +) }
    case .count: return try folded { Double($0.count) }
    case .average: return try folded { $0.reduce(0, +) / Double($0.count) }
    case .minimum: return try folded { $0.reduce(.nan) { $1 < $0 || $0.isNaN ? $1 : $0 } }
    case .maximum: return try folded { $0.reduce(.nan) { $1 > $0 || $0.isNaN ? $1 : $0 } }
    case .variance: return try folded(VectorGroups.variance)
    case .standardDeviation:
      return try folded { VectorGroups.variance($0).squareRoot() }
    }
  }

  private static func variance(_ values: [Double]) -> Double {
    var moments = Moments(values[0])
    for value in values.dropFirst() { moments.add(value) }
    return moments.variance
  }

  /// One number of each group's samples at each step; `fold` gets one sample at least.
  private func folded(_ fold: ([Double]) -> Double) throws(QueryError) -> SeriesMatrix {
    var result = SeriesMatrix(series: [])
    for (place, group) in members.enumerated() {
      try limits.check()
      var values = [Double](repeating: .noSample, count: steps)
      var present: [Double] = []
      present.reserveCapacity(group.count)
      for step in 0..<steps {
        present.removeAll(keepingCapacity: true)
        for index in group {
          let value = matrix.series[index].values[step]
          if !value.isNoSample { present.append(value) }
        }
        if !present.isEmpty { values[step] = fold(present) }
      }
      result.series.append(MatrixSeries(labels: labels[place], values: values))
    }
    return result
  }

  /// The largest or least `parameter` samples of each group at each step, under their own labels.
  private func best(isTop: Bool) throws(QueryError) -> SeriesMatrix {
    var result = matrix
    for group in members where group.count > aggregation.parameter {
      try limits.check()
      for step in 0..<steps {
        var kept = BestSamples(count: aggregation.parameter, isTop: isTop)
        for index in group {
          let value = matrix.series[index].values[step]
          guard !value.isNoSample else { continue }
          if let out = kept.offer(value, of: index) {
            result.series[out].values[step] = .noSample
          }
        }
      }
    }
    return result
  }
}

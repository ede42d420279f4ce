import LogQL
import TelemetryModel

extension MetricEvaluation {
  mutating func evaluate(_ operation: BinaryOperation) throws(QueryError) -> MetricOperand {
    let left = try evaluate(operation.left)
    let right = try evaluate(operation.right)
    switch (left, right) {
    case (.scalar(let a), .scalar(let b)): return .scalar(operation.function.apply(a, b))
    case (.matrix(let matrix), .scalar(let number)):
      return .matrix(operation.mapped(matrix) { ($0, number) })
    case (.scalar(let number), .matrix(let matrix)):
      return .matrix(operation.mapped(matrix) { (number, $0) })
    case (.matrix(let a), .matrix(let b)):
      try limits.check()
      let join = VectorJoin(operation, steps: grid.count)
      switch operation.function {
      case .and: return .matrix(join.intersected(a, b, keepsMatched: true))
      case .unless: return .matrix(join.intersected(a, b, keepsMatched: false))
      case .or: return .matrix(try join.united(a, b))
      default: return .matrix(try join.joined(a, b))
      }
    }
  }
}

extension BinaryOperation {
  /// One sample's result, or none when a comparison filters it out; `kept` is what stays.
  @inline(__always)
  fileprivate func result(_ a: Double, _ b: Double, kept: Double) -> Double {
    let value = function.apply(a, b)
    guard function.isComparison, !returnsBool else { return value }
    return value == 1 ? kept : .noSample
  }

  /// Each sample with a number on its other side.
  fileprivate func mapped(
    _ matrix: SeriesMatrix, _ sides: (Double) -> (Double, Double)
  ) -> SeriesMatrix {
    var matrix = matrix
    for index in matrix.series.indices {
      matrix.series[index].values = matrix.series[index].values.map { value in
        if value.isNoSample { return value }
        let (a, b) = sides(value)
        return result(a, b, kept: value)
      }
    }
    return matrix
  }
}

/// Joins the series of two sides that agree in the labels compared.
struct VectorJoin {
  private let operation: BinaryOperation
  private let matching: VectorMatching
  private let compared: Set<String>
  private let steps: Int

  init(_ operation: BinaryOperation, steps: Int) {
    self.operation = operation
    matching = operation.matching ?? VectorMatching()
    compared = Set(matching.labels)
    self.steps = steps
  }

  private func signature(_ labels: Labels) -> Labels {
    matching.isOn ? labels.only(compared) : labels.without(compared)
  }

  private func bySignature(_ matrix: SeriesMatrix) -> [Labels: [Int]] {
    var groups: [Labels: [Int]] = [:]
    for (index, series) in matrix.series.enumerated() {
      groups[signature(series.labels), default: []].append(index)
    }
    return groups
  }

  /// `and`, or with `keepsMatched` false `unless`.
  func intersected(_ a: SeriesMatrix, _ b: SeriesMatrix, keepsMatched: Bool) -> SeriesMatrix {
    let groups = bySignature(b)
    var result = a
    for index in result.series.indices {
      let others = groups[signature(result.series[index].labels)] ?? []
      for step in 0..<steps {
        let isMatched = others.contains { !b.series[$0].values[step].isNoSample }
        if isMatched != keepsMatched { result.series[index].values[step] = .noSample }
      }
    }
    return result
  }

  /// `or`: the left side, and of the right what has no counterpart at that step.
  func united(_ a: SeriesMatrix, _ b: SeriesMatrix) throws(QueryError) -> SeriesMatrix {
    let rest = intersected(b, a, keepsMatched: false)
    return try SeriesMatrix(series: a.series + rest.series).relabelled { $0 }
  }

  /// Arithmetic and comparisons between series.
  func joined(_ left: SeriesMatrix, _ right: SeriesMatrix) throws(QueryError) -> SeriesMatrix {
    let isSwapped = matching.cardinality == .oneToMany
    let many = isSwapped ? right : left
    let one = isSwapped ? left : right
    let groups = bySignature(one)
    try checkUnique(one, groups, isSwapped)
    var taken: [Labels: [Int: Set<Int>]] = [:]
    var result = SeriesMatrix(series: [])
    var places: [Labels: Int] = [:]
    for series in many.series {
      let signature = signature(series.labels)
      guard let others = groups[signature] else { continue }
      for step in 0..<steps where !series.values[step].isNoSample {
        let present = others.first { !one.series[$0].values[step].isNoSample }
        guard let other = present else { continue }
        if matching.cardinality == .oneToOne {
          guard taken[signature, default: [:]][0, default: []].insert(step).inserted else {
            throw QueryError(
              "multiple matches for labels: many-to-one matching must be explicit "
                + "(group_left/group_right)")
          }
        }
        let value = sample(series.values[step], one.series[other].values[step], isSwapped)
        if value.isNoSample { continue }
        let labels = resultLabels(series.labels, one.series[other].labels)
        let place = places[labels] ?? result.series.count
        if place == result.series.count {
          places[labels] = place
          let values = [Double](repeating: .noSample, count: steps)
          result.series.append(MatrixSeries(labels: labels, values: values))
        }
        guard result.series[place].values[step].isNoSample else {
          throw QueryError(
            "multiple matches for labels: grouping labels must ensure unique matches")
        }
        result.series[place].values[step] = value
      }
    }
    return result
  }

  /// On the one side no two series agree in the labels compared, be there others for them or not.
  private func checkUnique(_ one: SeriesMatrix, _ groups: [Labels: [Int]], _ isSwapped: Bool)
    throws(QueryError)
  {
    for group in groups.values where group.count > 1 {
      for step in 0..<steps {
        let count = group.count { !one.series[$0].values[step].isNoSample }
        if count > 1 { throw duplicate(isSwapped) }
      }
    }
  }

  private func sample(_ many: Double, _ one: Double, _ isSwapped: Bool) -> Double {
    isSwapped
      ? operation.result(one, many, kept: one) : operation.result(many, one, kept: many)
  }

  private func duplicate(_ isSwapped: Bool) -> QueryError {
    QueryError(
      "found duplicate series on the \(isSwapped ? "left" : "right") hand-side;many-to-many "
        + "matching not allowed: matching labels must be unique on one side")
  }

  private func resultLabels(_ many: Labels, _ one: Labels) -> Labels {
    if matching.cardinality == .oneToOne { return signature(many) }
    guard !matching.included.isEmpty else { return many }
    let included = Set(matching.included)
    return Labels(many.without(included).sorted + one.only(included).sorted)
  }
}

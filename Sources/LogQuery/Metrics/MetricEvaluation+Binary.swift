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
      let join = VectorJoin(operation, steps: grid.count, limits: limits)
      switch operation.function {
      case .and: return .matrix(try join.intersected(a, b, keepsMatched: true))
      case .unless: return .matrix(try join.intersected(a, b, keepsMatched: false))
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
  private let limits: QueryLimits

  init(_ operation: BinaryOperation, steps: Int, limits: QueryLimits) {
    self.operation = operation
    matching = operation.matching ?? VectorMatching()
    compared = Set(matching.labels)
    self.steps = steps
    self.limits = limits
  }

  private func signature(_ labels: Labels) -> Labels {
    if operation.matching == nil { return labels }
    return matching.isOn ? labels.only(compared) : labels.without(compared).withoutEmpty
  }

  /// `and`, or with `keepsMatched` false `unless`.
  func intersected(_ a: SeriesMatrix, _ b: SeriesMatrix, keepsMatched: Bool) throws(QueryError)
    -> SeriesMatrix
  {
    // For each signature, the steps at which some series has a sample.
    var present: [Labels: StepSet] = [:]
    for series in b.series {
      try limits.check()
      present[signature(series.labels), default: StepSet(steps)].formUnion(series.values)
    }
    var result = a
    for index in result.series.indices {
      try limits.check()
      let others = present[signature(result.series[index].labels)]
      for step in 0..<steps where (others?.contains(step) ?? false) != keepsMatched {
        result.series[index].values[step] = .noSample
      }
    }
    return result
  }

  /// `or`: the left side, and of the right what has no counterpart at that step.
  func united(_ a: SeriesMatrix, _ b: SeriesMatrix) throws(QueryError) -> SeriesMatrix {
    let rest = try intersected(b, a, keepsMatched: false)
    return try SeriesMatrix(series: a.series + rest.series).relabelled { $0 }
  }

  /// The series of the one side that agree in the labels compared.
  private struct Counterparts {
    /// Any of them.
    let series: Int
    /// Where there are several: for each step the one that has a sample, or -1.
    var ofStep: [Int32] = []
    /// Steps for which a series of the many side was found.
    var taken: StepSet

    @inline(__always)
    func series(at step: Int) -> Int { ofStep.isEmpty ? series : Int(ofStep[step]) }
  }

  /// Arithmetic and comparisons between series.
  func joined(_ left: SeriesMatrix, _ right: SeriesMatrix) throws(QueryError) -> SeriesMatrix {
    let isSwapped = matching.cardinality == .oneToMany
    let many = isSwapped ? right : left
    let one = isSwapped ? left : right
    var (counterparts, placeOf) = try counterparts(one, isSwapped)
    var result = SeriesMatrix(series: [])
    var places: [Labels: Int] = [:]
    for series in many.series {
      try limits.check()
      guard let number = placeOf[signature(series.labels)] else { continue }
      // Of the series of the one side that was met last, the place of the result.
      var last: (other: Int, place: Int)?
      for step in 0..<steps where !series.values[step].isNoSample {
        let other = counterparts[number].series(at: step)
        guard other >= 0, !one.series[other].values[step].isNoSample else { continue }
        if matching.cardinality == .oneToOne, !counterparts[number].taken.insert(step) {
          throw QueryError(
            "multiple matches for labels: many-to-one matching must be explicit "
              + "(group_left/group_right)")
        }
        let value = sample(series.values[step], one.series[other].values[step], isSwapped)
        if value.isNoSample { continue }
        if last?.other != other {
          let labels = resultLabels(series.labels, one.series[other].labels)
          last = (other, try place(of: labels, &places, &result))
        }
        guard let place = last?.place, result.series[place].values[step].isNoSample else {
          throw QueryError(
            "multiple matches for labels: grouping labels must ensure unique matches")
        }
        result.series[place].values[step] = value
      }
    }
    return result
  }

  private func place(
    of labels: Labels, _ places: inout [Labels: Int], _ result: inout SeriesMatrix
  ) throws(QueryError) -> Int {
    if let place = places[labels] { return place }
    let place = result.series.count
    // A series of the many side may make one with each that it meets.
    guard (place + 1) * max(steps, 32) <= limits.cellsMax else {
      throw .tooMuchMemory("\(place + 1) series at \(steps) steps")
    }
    places[labels] = place
    let values = [Double](repeating: .noSample, count: steps)
    result.series.append(MatrixSeries(labels: labels, values: values))
    return place
  }

  /// The one side by the labels compared. No two of its series that agree in them may have a
  /// sample at one step, be there others for them or not.
  private func counterparts(_ one: SeriesMatrix, _ isSwapped: Bool) throws(QueryError)
    -> ([Counterparts], [Labels: Int])
  {
    var found: [Counterparts] = []
    var placeOf: [Labels: Int] = [:]
    for (index, series) in one.series.enumerated() {
      try limits.check()
      let signature = signature(series.labels)
      guard let place = placeOf[signature] else {
        placeOf[signature] = found.count
        found.append(Counterparts(series: index, taken: StepSet(steps)))
        continue
      }
      if found[place].ofStep.isEmpty {
        let first = found[place].series
        found[place].ofStep = one.series[first].values.map { $0.isNoSample ? -1 : Int32(first) }
      }
      for step in 0..<steps where !series.values[step].isNoSample {
        guard found[place].ofStep[step] < 0 else { throw duplicate(isSwapped) }
        found[place].ofStep[step] = Int32(index)
      }
    }
    return (found, placeOf)
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
    if matching.cardinality == .oneToOne { return signature(many).withoutEmpty }
    guard !matching.included.isEmpty else { return many.withoutEmpty }
    let included = Set(matching.included)
    return Labels(many.without(included).withoutEmpty.sorted + one.only(included).sorted)
  }
}

/// Some of the steps of a query, a bit for each.
private struct StepSet {
  private var words: [UInt64]

  init(_ steps: Int) { words = [UInt64](repeating: 0, count: (steps + 63) / 64) }

  @inline(__always)
  func contains(_ step: Int) -> Bool { words[step >> 6] >> UInt64(step & 63) & 1 == 1 }

  /// Whether it was not there yet.
  @inline(__always)
  mutating func insert(_ step: Int) -> Bool {
    let bit: UInt64 = 1 << UInt64(step & 63)
    defer { words[step >> 6] |= bit }
    return words[step >> 6] & bit == 0
  }

  /// Adds the steps that have a sample.
  mutating func formUnion(_ values: [Double]) {
    for (step, value) in values.enumerated() where !value.isNoSample { _ = insert(step) }
  }
}

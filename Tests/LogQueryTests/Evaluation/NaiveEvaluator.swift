import LogQL
import TelemetryModel

/// Evaluates metric queries straight from their definition: for each step, look at every row.
struct NaiveEvaluator {
  typealias Vector = [Labels: Double]

  struct Row {
    var labels: Labels
    var entry: LogEntry
  }

  var rows: [Row]

  /// nil where the query is an error at this moment.
  func value(_ expression: Expression, at time: Timestamp) -> Vector? {
    switch expression {
    case .log: return nil
    case .literal(let value), .vector(let value): return [.none: value]
    case .rangeAggregation(let aggregation):
      return range(aggregation, time, leavesEmpty: leavesEmpty(aggregation))
    case .vectorAggregation(let aggregation):
      // A sum is made of the rows themselves.
      if aggregation.function == .sum, case .rangeAggregation(let inner) = aggregation.operand,
        inner.grouping == nil,
        [.count, .rate, .bytes, .bytesRate, .sum].contains(inner.function)
      {
        return aggregate(aggregation, range(inner, time, leavesEmpty: false))
      }
      return self.value(aggregation.operand, at: time).map { aggregate(aggregation, $0) }
    case .binary(let operation): return binary(operation, time)
    case .labelReplace(let replace):
      return self.value(replace.operand, at: time).flatMap { replaced(replace, $0) }
    }
  }

  /// nil where two series become one.
  private func replaced(_ replace: LabelReplace, _ vector: Vector) -> Vector? {
    var out: Vector = [:]
    for (labels, value) in vector {
      let text = labels[replace.source] ?? ""
      var labels = labels
      if let regex = try? _StringProcessing.Regex(replace.pattern),
        let match = text.wholeMatch(of: regex)
      {
        var made = replace.replacement
        for group in (0..<match.output.count).reversed() {
          made = made.replacing("$\(group)", with: match.output[group].substring ?? "")
        }
        var others = labels.sorted.filter { $0.name != replace.destination && !$0.value.isEmpty }
        if !made.isEmpty { others.append(Label(replace.destination, made)) }
        labels = Labels(others)
      }
      guard out.updateValue(value, forKey: labels) == nil else { return nil }
    }
    return out
  }

  // MARK: Ranges

  private func range(
    _ aggregation: RangeAggregation, _ time: Timestamp, leavesEmpty: Bool
  ) -> Vector {
    let range = aggregation.range
    let end = time - range.offset
    let start = end - range.span
    var groups: [Labels: [(time: Timestamp, value: Double)]] = [:]
    for row in rows where row.entry.timestamp > start && row.entry.timestamp <= end {
      guard matches(row.labels, range.selection.matchers) else { continue }
      guard
        let made = NaivePipeline(row.labels, row.entry, range.selection.stages, range.unwrap)
      else { continue }
      let countsBytes = aggregation.function == .bytes || aggregation.function == .bytesRate
      var labels = made.labels
      var value = countsBytes ? Double(made.line.utf8.count) : 1
      if let unwrap = range.unwrap {
        value = made.value
        // `by` may name the label that is unwrapped; else it goes.
        let isNamed = aggregation.grouping.map { !$0.isWithout && !$0.labels.isEmpty } ?? false
        if !isNamed { labels = Labels(labels.sorted.filter { $0.name != unwrap.label }) }
      }
      if let grouping = aggregation.grouping { labels = grouped(labels, grouping) }
      if leavesEmpty { labels = withoutEmpty(labels) }
      if aggregation.function == .absent { labels = .none }
      groups[labels, default: []].append((row.entry.timestamp, value))
    }
    if aggregation.function == .absent {
      let equal = range.selection.matchers.filter { $0.operation == .equal }
      return groups.isEmpty ? [Labels(equal.map { Label($0.name, $0.value) }): 1] : [:]
    }
    return groups.mapValues { samples in
      let sorted = samples.enumerated().sorted {
        ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
      }.map(\.element.value)
      return reduce(aggregation, sorted, range.span.seconds)
    }
  }

  private func matches(_ labels: Labels, _ matchers: [LabelMatcher]) -> Bool {
    matchers.allSatisfy { matcher in
      let value = labels[matcher.name] ?? ""
      switch matcher.operation {
      case .equal: return value == matcher.value
      case .notEqual: return value != matcher.value
      case .regex, .notRegex:
        let found = matcher.value.split(separator: "|").contains {
          $0 == ".+" ? !value.isEmpty : $0 == value
        }
        return found == (matcher.operation == .regex)
      }
    }
  }

  private func reduce(_ aggregation: RangeAggregation, _ values: [Double], _ seconds: Double)
    -> Double
  {
    let sum = values.reduce(0, +)
    let count = Double(values.count)
    let variance = values.map { ($0 - sum / count) * ($0 - sum / count) }.reduce(0, +) / count
    switch aggregation.function {
    case .count: return count
    case .rate, .bytesRate: return sum / seconds
    case .bytes, .sum: return sum
    case .average: return sum / count
    case .minimum: return values.min() ?? 0
    case .maximum: return values.max() ?? 0
    case .variance: return variance
    case .standardDeviation: return variance.squareRoot()
    case .first: return values[0]
    case .last: return values[values.count - 1]
    case .quantile:
      let ranked = values.sorted()
      let rank = (aggregation.parameter ?? 0) * (count - 1)
      let low = ranked[Int(rank)]
      let high = ranked[min(Int(rank) + 1, ranked.count - 1)]
      return low + (high - low) * (rank - Double(Int(rank)))
    case .absent, .rateCounter: return .nan
    }
  }

  // MARK: Vectors

  private func grouped(_ labels: Labels, _ grouping: Grouping) -> Labels {
    Labels(labels.sorted.filter { grouping.labels.contains($0.name) != grouping.isWithout })
  }

  private func withoutEmpty(_ labels: Labels) -> Labels {
    Labels(labels.sorted.filter { !$0.value.isEmpty })
  }

  /// Loki aggregates once more what stages may have left fewer labels of.
  private func leavesEmpty(_ aggregation: RangeAggregation) -> Bool {
    guard aggregation.grouping?.isWithout ?? true,
      [.count, .rate, .bytes, .bytesRate, .sum, .minimum, .maximum].contains(aggregation.function)
    else { return false }
    return aggregation.range.selection.stages.contains { stage in
      if case .labelFormat(let format) = stage {
        return format.assignments.contains { if case .rename = $0.source { true } else { false } }
      }
      if case .drop = stage { return true }
      if case .keep = stage { return true }
      return false
    }
  }

  private func aggregate(_ aggregation: VectorAggregation, _ vector: Vector) -> Vector {
    let grouping = aggregation.grouping ?? Grouping(labels: [], isWithout: false)
    var groups: [Labels: [(labels: Labels, value: Double)]] = [:]
    for (labels, value) in vector {
      let group = grouped(labels, grouping)
      groups[grouping.isWithout ? withoutEmpty(group) : group, default: []].append((labels, value))
    }
    var result: Vector = [:]
    for (labels, members) in groups {
      let values = members.map(\.value)
      let sum = values.reduce(0, +)
      let count = Double(values.count)
      // One value has no variance, be it no number.
      let squares = values.map { ($0 - sum / count) * ($0 - sum / count) }
      let variance = values.count == 1 ? 0 : squares.reduce(0, +) / count
      switch aggregation.function {
      case .sum: result[labels] = sum
      case .average: result[labels] = sum / count
      case .minimum: result[labels] = values.min()
      case .maximum: result[labels] = values.max()
      case .count: result[labels] = count
      case .variance: result[labels] = variance
      case .standardDeviation: result[labels] = variance.squareRoot()
      case .sort, .sortDescending:
        for member in members { result[member.labels] = member.value }
      case .topK, .bottomK, .approximateTopK:
        let ranked = members.sorted {
          aggregation.function == .bottomK ? $0.value < $1.value : $0.value > $1.value
        }
        for member in ranked.prefix(aggregation.parameter) {
          result[member.labels] = member.value
        }
      }
    }
    return result
  }

  private func binary(_ operation: BinaryOperation, _ time: Timestamp) -> Vector? {
    guard let left = value(operation.left, at: time), let right = value(operation.right, at: time)
    else { return nil }
    let matching = operation.matching ?? VectorMatching()
    func key(_ labels: Labels) -> Labels {
      if operation.matching == nil { return labels }
      return withoutEmpty(
        Labels(labels.sorted.filter { matching.labels.contains($0.name) == matching.isOn }))
    }
    func result(_ a: Double, _ b: Double, kept: Double) -> Double? {
      let value = operation.function.apply(a, b)
      guard operation.function.isComparison, !operation.returnsBool else { return value }
      return value == 1 ? kept : nil
    }
    var out: Vector = [:]
    if case .literal(let number) = operation.right {
      for (labels, value) in left { out[labels] = result(value, number, kept: value) }
      return out
    }
    if case .literal(let number) = operation.left {
      for (labels, value) in right { out[labels] = result(number, value, kept: value) }
      return out
    }
    switch operation.function {
    case .and: return left.filter { one in right.keys.contains { key($0) == key(one.key) } }
    case .unless: return left.filter { one in !right.keys.contains { key($0) == key(one.key) } }
    case .or:
      let rest = right.filter { one in !left.keys.contains { key($0) == key(one.key) } }
      return left.merging(rest) { mine, _ in mine }
    default: break
    }
    // The one side must be unique, be there another side or not.
    let isSwapped = matching.cardinality == .oneToMany
    let (many, one) = isSwapped ? (right, left) : (left, right)
    guard Set(one.keys.map(key)).count == one.count else { return nil }
    for (labels, value) in many {
      guard let other = one.first(where: { key($0.key) == key(labels) }) else { continue }
      var made = withoutEmpty(key(labels))
      if matching.cardinality == .oneToOne {
        if many.keys.count(where: { key($0) == key(labels) }) > 1 { return nil }
      } else {
        made = withoutEmpty(
          Labels(
            labels.sorted.filter { !matching.included.contains($0.name) }
              + other.key.sorted.filter { matching.included.contains($0.name) }))
      }
      let (a, b) = isSwapped ? (other.value, value) : (value, other.value)
      guard let found = result(a, b, kept: a) else { continue }
      guard out.updateValue(found, forKey: made) == nil else { return nil }
    }
    return out
  }
}

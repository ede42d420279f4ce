import TelemetryModel
import TraceQL

/// Spans of one trace that a query chose, with what it said of them together.
struct Spanset: Sendable {
  /// Indices of a ``TraceView``'s nodes.
  var spans: [Int]
  /// What `by` grouped them by and what aggregates gave.
  var attributes: [(name: String, value: TraceValue)] = []
}

/// Runs a pipeline over a trace.
struct SpansetEvaluator: Sendable {
  let fields: FieldEvaluator

  /// The spansets that are left at the end, none of them empty.
  ///
  /// - Throws: ``TraceQLError`` when an operator between spansets meets groups.
  func run(_ pipeline: SpansetPipeline, _ trace: TraceView) throws(TraceQLError) -> [Spanset] {
    try run(pipeline, trace, [Spanset(spans: Array(trace.nodes.indices))])
  }

  private func run(
    _ pipeline: SpansetPipeline, _ trace: TraceView, _ input: [Spanset]
  ) throws(TraceQLError) -> [Spanset] {
    var sets = input
    for stage in pipeline.stages {
      sets = try run(stage, trace, sets).filter { !$0.spans.isEmpty }
      if sets.isEmpty { return [] }
    }
    return sets
  }

  private func run(
    _ stage: SpansetStage, _ trace: TraceView, _ sets: [Spanset]
  ) throws(TraceQLError) -> [Spanset] {
    switch stage {
    case .spansets(let expression):
      var out: [Spanset] = []
      for set in sets { out += try evaluate(expression, trace, set) }
      return out
    case .scalarFilter(let left, let operation, let right):
      var out: [Spanset] = []
      for var set in sets {
        guard let a = try scalar(left, trace, &set), let b = try scalar(right, trace, &set),
          fields.compare(operation, a, b)
        else { continue }
        out.append(set)
      }
      return out
    case .by(let expression): return sets.flatMap { group($0, by: expression, trace) }
    case .coalesce: return [Spanset(spans: Self.unique(sets.flatMap(\.spans)))]
    case .select: return sets
    }
  }

  private func group(
    _ set: Spanset, by expression: FieldExpression, _ trace: TraceView
  ) -> [Spanset] {
    var order: [TraceValue] = []
    var groups: [TraceValue: [Int]] = [:]
    for index in set.spans {
      let key =
        fields.evaluate(expression) { trace.value($0, of: index) }
        as TraceValue
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(index)
    }
    return order.map { key in
      Spanset(
        spans: groups[key] ?? [],
        attributes: set.attributes + [("by(\(expression.text))", key)])
    }
  }

  private static func unique(_ spans: [Int]) -> [Int] { Set(spans).sorted() }

  // MARK: - Spansets

  private func evaluate(
    _ expression: SpansetExpression, _ trace: TraceView, _ set: Spanset
  ) throws(TraceQLError) -> [Spanset] {
    switch expression {
    case .filter(let condition):
      var out = set
      out.spans = set.spans.filter { index in
        fields.holds(condition) { trace.value($0, of: index) }
      }
      return out.spans.isEmpty ? [] : [out]
    case .pipeline(let pipeline): return try run(pipeline, trace, [set])
    case .operation(let operation, let left, let right):
      let left = try evaluate(left, trace, set)
      let right = try evaluate(right, trace, set)
      var out = set
      out.spans = try combine(operation, left, right, trace)
      return out.spans.isEmpty ? [] : [out]
    }
  }

  private func combine(
    _ operation: SpansetOperator, _ left: [Spanset], _ right: [Spanset], _ trace: TraceView
  ) throws(TraceQLError) -> [Int] {
    let all = left.flatMap(\.spans) + right.flatMap(\.spans)
    switch operation.relation {
    case .and: return left.isEmpty || right.isEmpty ? [] : Self.unique(all)
    case .or: return Self.unique(all)
    default: break
    }
    guard left.count <= 1, right.count <= 1 else {
      throw TraceQLError(
        .types,
        "spanset operators are not supported for multiple spansets per trace. "
          + "consider using coalesce()")
    }
    return related(operation, left.first?.spans ?? [], right.first?.spans ?? [], trace)
  }

  /// The spans of the right side by their relation to the left.
  private func related(
    _ operation: SpansetOperator, _ left: [Int], _ right: [Int], _ trace: TraceView
  ) -> [Int] {
    var matched: Set<Int> = []
    var partners: Set<Int> = []
    let lefts = Set(left)
    for index in right {
      let relatives = relatives(operation.relation, of: index, among: lefts, left, trace)
      if !relatives.isEmpty {
        matched.insert(index)
        if operation.form == .union { partners.formUnion(relatives) }
      }
    }
    return switch operation.form {
    case .plain: matched.sorted()
    case .negated: right.filter { !matched.contains($0) }.sorted()
    case .union: matched.union(partners).sorted()
    }
  }

  /// The spans of `left` to which `index` has the relation.
  private func relatives(
    _ relation: SpansetOperator.Relation, of index: Int, among lefts: Set<Int>, _ left: [Int],
    _ trace: TraceView
  ) -> [Int] {
    let node = trace.nodes[index]
    switch relation {
    case .child: return node.parent.map { lefts.contains($0) ? [$0] : [] } ?? []
    case .parent: return node.children.filter(lefts.contains)
    case .sibling:
      guard let parent = node.parent else { return [] }
      return trace.nodes[parent].children.filter { $0 != index && lefts.contains($0) }
    case .descendant: return left.filter { trace.isDescendant(index, of: $0) }
    case .ancestor: return left.filter { trace.isDescendant($0, of: index) }
    case .and, .or: return []
    }
  }

  // MARK: - Scalars

  /// The scalar of a spanset, which is noted in it; nil when no span has a value.
  private func scalar(
    _ expression: ScalarExpression, _ trace: TraceView, _ set: inout Spanset
  ) throws(TraceQLError) -> TraceValue? {
    switch expression {
    case .literal(let value): return value
    case .aggregate(let aggregate):
      guard let value = value(of: aggregate, trace, set) else { return nil }
      set.attributes.append((aggregate.text, value))
      return value
    case .arithmetic(let operation, let left, let right):
      guard let a = try scalar(left, trace, &set), let b = try scalar(right, trace, &set) else {
        return nil
      }
      return TraceArithmetic.apply(operation, a, b)
    case .pipeline(let pipeline, let scalar):
      guard var inner = try run(pipeline, trace, [set]).first else { return nil }
      return try self.scalar(scalar, trace, &inner)
    }
  }

  private func value(
    of aggregate: SpansetAggregate, _ trace: TraceView, _ set: Spanset
  ) -> TraceValue? {
    guard let argument = aggregate.argument else { return .int(Int64(set.spans.count)) }
    let values = set.spans.compactMap { index -> TraceValue? in
      let value = fields.evaluate(argument) { trace.value($0, of: index) }
      return value.number == nil ? nil : value
    }
    guard let first = values.first else { return nil }
    let isDuration = values.allSatisfy { $0.type == .duration }
    func number(_ value: Double) -> TraceValue {
      isDuration ? .duration(TimeSpan(nanoseconds: Int64(clamping: value))) : .float(value)
    }
    let numbers = values.compactMap(\.number)
    switch aggregate.function {
    case .count: return .int(Int64(values.count))
    case .avg: return number(numbers.reduce(0, +) / Double(numbers.count))
    case .sum:
      return values.dropFirst().reduce(first) { sum, value in
        isDuration
          ? number((sum.number ?? 0) + (value.number ?? 0))
          : TraceArithmetic.apply(.add, sum, value) ?? sum
      }
    case .max:
      return values.dropFirst().reduce(first) { ($1.number ?? 0) > ($0.number ?? 0) ? $1 : $0 }
    case .min:
      return values.dropFirst().reduce(first) { ($1.number ?? 0) < ($0.number ?? 0) ? $1 : $0 }
    }
  }
}

extension Int64 {
  /// The number without its fraction, at the ends of the range when beyond; zero for no number.
  init(clamping value: Double) {
    if value.isNaN {
      self = 0
    } else if value >= 9.2e18 {
      self = .max
    } else if value <= -9.2e18 {
      self = .min
    } else {
      self = Int64(value)
    }
  }
}

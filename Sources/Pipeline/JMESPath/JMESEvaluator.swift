import Bytes

/// Evaluates syntax trees.
enum JMESEvaluator {
  static func evaluate(_ node: JMESNode, _ value: JMESValue) throws(JMESError) -> JMESValue {
    switch node {
    case .current: return value
    case .literal(let literal): return literal
    case .field(let name): return value.field(name)
    case .index(let index): return item(value, index)
    case .slice(let start, let stop, let step): return slice(value, start, stop, step ?? 1)
    case .subexpression(let left, let right), .pipe(let left, let right):
      return try evaluate(right, try evaluate(left, value))
    case .projection(let left, let right):
      guard case .array(let items) = try evaluate(left, value) else { return .null }
      return try project(items, right)
    case .valueProjection(let left, let right):
      guard case .object(let members) = try evaluate(left, value) else { return .null }
      return try project(members.map(\.value), right)
    case .filterProjection(let left, let condition, let right):
      guard case .array(let items) = try evaluate(left, value) else { return .null }
      var kept: [JMESValue] = []
      for item in items where try evaluate(condition, item).isTrue { kept.append(item) }
      return try project(kept, right)
    case .flatten(let inner): return flatten(try evaluate(inner, value))
    case .comparison(let comparison, let left, let right):
      return compare(comparison, try evaluate(left, value), try evaluate(right, value))
    case .or(let left, let right):
      let first = try evaluate(left, value)
      return first.isTrue ? first : try evaluate(right, value)
    case .and(let left, let right):
      let first = try evaluate(left, value)
      return first.isTrue ? try evaluate(right, value) : first
    case .not(let inner): return .bool(!(try evaluate(inner, value)).isTrue)
    case .multiselectList, .multiselectHash: return try multiselect(node, value)
    case .function(let name, let arguments):
      var values: [JMESValue] = []
      for argument in arguments { values.append(try evaluate(argument, value)) }
      return try JMESFunctions.call(name, values)
    case .reference(let inner): return .expression(inner)
    }
  }

  private static func multiselect(_ node: JMESNode, _ value: JMESValue)
    throws(JMESError) -> JMESValue
  {
    if value == .null { return .null }
    if case .multiselectList(let nodes) = node {
      var items: [JMESValue] = []
      for inner in nodes { items.append(try evaluate(inner, value)) }
      return .array(items)
    }
    guard case .multiselectHash(let pairs) = node else { return .null }
    var values: [ByteText: JMESValue] = [:]
    for pair in pairs { values[pair.name] = try evaluate(pair.node, value) }
    return .object(values: values)
  }

  private static func project(_ items: [JMESValue], _ node: JMESNode)
    throws(JMESError) -> JMESValue
  {
    var results: [JMESValue] = []
    for item in items {
      let result = try evaluate(node, item)
      if result != .null { results.append(result) }
    }
    return .array(results)
  }

  private static func item(_ value: JMESValue, _ index: Int) -> JMESValue {
    guard case .array(let items) = value else { return .null }
    let at = index < 0 ? items.count + index : index
    return items.indices.contains(at) ? items[at] : .null
  }

  private static func slice(_ value: JMESValue, _ start: Int?, _ stop: Int?, _ step: Int)
    -> JMESValue
  {
    guard case .array(let items) = value else { return .null }
    func clamp(_ index: Int) -> Int {
      let at = index < 0 ? index + items.count : index
      return step > 0 ? min(max(at, 0), items.count) : min(max(at, -1), items.count - 1)
    }
    let first = start.map(clamp) ?? (step > 0 ? 0 : items.count - 1)
    let last = stop.map(clamp) ?? (step > 0 ? items.count : -1)
    var results: [JMESValue] = []
    var at = first
    while step > 0 ? at < last : at > last {
      results.append(items[at])
      let (next, overflow) = at.addingReportingOverflow(step)
      if overflow { break }
      at = next
    }
    return .array(results)
  }

  private static func flatten(_ value: JMESValue) -> JMESValue {
    guard case .array(let items) = value else { return .null }
    var results: [JMESValue] = []
    for item in items {
      if case .array(let inner) = item { results += inner } else { results.append(item) }
    }
    return .array(results)
  }

  private static func compare(_ comparison: JMESComparison, _ a: JMESValue, _ b: JMESValue)
    -> JMESValue
  {
    switch comparison {
    case .equal: return .bool(a == b)
    case .notEqual: return .bool(a != b)
    default: break
    }
    guard case .number(let x) = a, case .number(let y) = b else { return .null }
    return switch comparison {
    case .less: .bool(x < y)
    case .lessOrEqual: .bool(x <= y)
    case .greater: .bool(x > y)
    default: .bool(x >= y)
    }
  }
}

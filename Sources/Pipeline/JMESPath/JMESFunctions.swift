import Bytes

/// JMESPath's built-in functions.
enum JMESFunctions {
  static let names: Set<String> = [
    "abs", "avg", "ceil", "contains", "ends_with", "floor", "join", "keys", "length", "map", "max",
    "max_by", "merge", "min", "min_by", "not_null", "reverse", "sort", "sort_by", "starts_with",
    "sum", "to_array", "to_number", "to_string", "type", "values",
  ]

  /// Throws ``JMESError`` for a wrong number or type of arguments.
  static func call(_ name: String, _ arguments: [JMESValue]) throws(JMESError) -> JMESValue {
    switch name {
    case "merge": return try merge(arguments)
    case "not_null":
      guard !arguments.isEmpty else { throw wrongCount(name) }
      return arguments.first { $0 != .null } ?? .null
    case "contains", "ends_with", "join", "map", "max_by", "min_by", "sort_by", "starts_with":
      guard arguments.count == 2 else { throw wrongCount(name) }
      return try binary(name, arguments[0], arguments[1])
    default:
      guard arguments.count == 1 else { throw wrongCount(name) }
      return try unary(name, arguments[0])
    }
  }

  private static func wrongCount(_ name: String) -> JMESError {
    JMESError("wrong number of arguments to \(name)")
  }

  private static func wrongType(_ name: String, _ value: JMESValue) -> JMESError {
    JMESError("\(name) cannot take a value of type \(value.typeName)")
  }

  private static func unary(_ name: String, _ value: JMESValue) throws(JMESError) -> JMESValue {
    switch (name, value) {
    case ("abs", .number(let x)): return .number(abs(x))
    case ("ceil", .number(let x)): return .number(x.rounded(.up))
    case ("floor", .number(let x)): return .number(x.rounded(.down))
    case ("length", .string(let text)): return .number(Double(text.unicodeScalars.count))
    case ("length", .array(let items)): return .number(Double(items.count))
    case ("length", .object(let members)): return .number(Double(members.count))
    case ("keys", .object(let members)): return .array(members.map { .string($0.key) })
    case ("values", .object(let members)): return .array(members.map(\.value))
    case ("reverse", .array(let items)): return .array(items.reversed())
    case ("reverse", .string(let text)):
      return .string(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
    case ("type", _): return .string(value.typeName)
    case ("to_array", .array): return value
    case ("to_array", _): return .array([value])
    case ("to_string", .string): return value
    case ("to_string", _):
      return .string(String(decoding: value.text(padsExponents: false), as: UTF8.self))
    case ("to_number", .number): return value
    case ("to_number", .string(let text)): return Double(text).map { .number($0) } ?? .null
    case ("to_number", _): return .null
    case ("sum", .array(let items)):
      return .number(try numbers(name, items).reduce(0, +))
    case ("avg", .array(let items)):
      let all = try numbers(name, items)
      return all.isEmpty ? .null : .number(all.reduce(0, +) / Double(all.count))
    case ("max", .array(let items)): return try extreme(name, items, wantsLarger: true)
    case ("min", .array(let items)): return try extreme(name, items, wantsLarger: false)
    case ("sort", .array(let items)):
      let keys = try sortKeys(name, items)
      return .array(sorted(items, by: keys))
    default: throw wrongType(name, value)
    }
  }

  private static func binary(_ name: String, _ a: JMESValue, _ b: JMESValue)
    throws(JMESError) -> JMESValue
  {
    switch (name, a, b) {
    case ("contains", .string(let text), .string(let part)):
      return .bool(part.isEmpty || contains(text, part))
    case ("contains", .string, _): return .bool(false)
    case ("contains", .array(let items), _): return .bool(items.contains(b))
    case ("starts_with", .string(let text), .string(let part)):
      return .bool(text.utf8.starts(with: part.utf8))
    case ("ends_with", .string(let text), .string(let part)):
      return .bool(text.utf8.reversed().starts(with: part.utf8.reversed()))
    case ("join", .string(let separator), .array(let items)):
      var texts: [String] = []
      for item in items {
        guard case .string(let text) = item else { throw wrongType(name, item) }
        texts.append(text)
      }
      return .string(texts.joined(separator: separator))
    case ("map", .expression(let node), .array(let items)):
      var results: [JMESValue] = []
      for item in items { results.append(try JMESEvaluator.evaluate(node, item)) }
      return .array(results)
    case ("sort_by", .array(let items), .expression(let node)):
      return .array(sorted(items, by: try keys(name, items, node)))
    case ("max_by", .array(let items), .expression(let node)):
      let keys = try keys(name, items, node)
      return best(items, keys) { precedes($1, $0) }
    case ("min_by", .array(let items), .expression(let node)):
      let keys = try keys(name, items, node)
      return best(items, keys) { precedes($0, $1) }
    default: throw wrongType(name, a)
    }
  }

  private static func merge(_ arguments: [JMESValue]) throws(JMESError) -> JMESValue {
    var values: [ByteText: JMESValue] = [:]
    for argument in arguments {
      guard case .object(let members) = argument else { throw wrongType("merge", argument) }
      for member in members { values[member.key] = member.value }
    }
    return .object(values: values)
  }

  private static func contains(_ text: String, _ part: String) -> Bool {
    let text = Array(text.utf8)
    let part = Array(part.utf8)
    guard text.count >= part.count else { return false }
    return (0...(text.count - part.count)).contains { text[$0...].starts(with: part) }
  }

  private static func numbers(_ name: String, _ items: [JMESValue]) throws(JMESError) -> [Double] {
    var numbers: [Double] = []
    for item in items {
      guard case .number(let number) = item else { throw wrongType(name, item) }
      numbers.append(number)
    }
    return numbers
  }

  /// The items, which must be all numbers or all strings.
  private static func sortKeys(_ name: String, _ items: [JMESValue])
    throws(JMESError) -> [JMESValue]
  {
    for item in items {
      switch (items[0], item) {
      case (.number, .number), (.string, .string): continue
      default: throw wrongType(name, item)
      }
    }
    return items
  }

  private static func keys(_ name: String, _ items: [JMESValue], _ node: JMESNode)
    throws(JMESError) -> [JMESValue]
  {
    var keys: [JMESValue] = []
    for item in items { keys.append(try JMESEvaluator.evaluate(node, item)) }
    return try sortKeys(name, keys)
  }

  private static func precedes(_ a: JMESValue, _ b: JMESValue) -> Bool {
    switch (a, b) {
    case (.number(let x), .number(let y)): x < y
    case (.string(let x), .string(let y)): x.utf8.lexicographicallyPrecedes(y.utf8)
    default: false
    }
  }

  private static func sorted(_ items: [JMESValue], by keys: [JMESValue]) -> [JMESValue] {
    items.indices.sorted { a, b in
      precedes(keys[a], keys[b]) || (!precedes(keys[b], keys[a]) && a < b)
    }.map { items[$0] }
  }

  private static func extreme(_ name: String, _ items: [JMESValue], wantsLarger: Bool)
    throws(JMESError) -> JMESValue
  {
    let keys = try sortKeys(name, items)
    return best(items, keys) { wantsLarger ? precedes($1, $0) : precedes($0, $1) }
  }

  private static func best(
    _ items: [JMESValue], _ keys: [JMESValue], _ isBetter: (JMESValue, JMESValue) -> Bool
  ) -> JMESValue {
    guard var best = items.indices.first else { return .null }
    for index in items.indices.dropFirst() where isBetter(keys[index], keys[best]) { best = index }
    return items[best]
  }
}

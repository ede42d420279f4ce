/// sprig's functions for lists.
enum ListFunctions {
  private static func elements(_ value: TemplateValue) -> [TemplateValue] {
    if case .list(let values) = value { values } else { [] }
  }

  private static func list(
    _ body: @escaping @Sendable ([TemplateValue]) -> TemplateValue
  ) -> TemplateFunction {
    TemplateFunction(.list) { (arguments) in body(elements(arguments[0])) }
  }

  /// A list, or a value as a list of one, as texts without nulls.
  private static func texts(_ value: TemplateValue) -> [String] {
    switch value {
    case .null: return []
    case .list(let values):
      return values.filter { if case .null = $0 { false } else { true } }.map(\.text)
    default: return [value.text]
    }
  }

  private static func isSame(_ a: TemplateValue, _ b: TemplateValue) -> Bool {
    if case .list(let left) = a, case .list(let right) = b {
      return left.count == right.count && zip(left, right).allSatisfy(isSame)
    }
    guard a.typeName == b.typeName else { return false }
    return (try? Comparison.isEqual(a, b)) ?? (a.text == b.text)
  }

  static var table: TemplateFunctions {
    var table = making
    table["first"] = list { $0.first ?? .null }
    table["last"] = list { $0.last ?? .null }
    table["rest"] = list { .list(Array($0.dropFirst())) }
    table["initial"] = list { .list(Array($0.dropLast())) }
    table["reverse"] = list { .list($0.reversed()) }
    table["compact"] = list { .list($0.filter { !Conversions.isEmpty($0) }) }
    table["uniq"] = list { values in
      var kept: [TemplateValue] = []
      for value in values where !kept.contains(where: { isSame($0, value) }) { kept.append(value) }
      return .list(kept)
    }
    table["append"] = TemplateFunction(.list, .any) { (arguments) in
      .list(elements(arguments[0]) + [arguments[1]])
    }
    table["push"] = table["append"]
    table["prepend"] = TemplateFunction(.list, .any) { (arguments) in
      .list([arguments[1]] + elements(arguments[0]))
    }
    table["concat"] = TemplateFunction(.list, variadic: true) { (arguments) in
      .list(arguments.flatMap(elements))
    }
    table["without"] = TemplateFunction(.list, .any, variadic: true) { (arguments) in
      let dropped = arguments.dropFirst()
      return .list(
        elements(arguments[0]).filter { value in !dropped.contains { isSame($0, value) } })
    }
    table["has"] = TemplateFunction(.any, .list) { (arguments) in
      .bool(elements(arguments[1]).contains { isSame($0, arguments[0]) })
    }
    table["join"] = TemplateFunction(.string, .any) { (arguments) in
      .string(texts(arguments[1]).joined(separator: arguments[0].text))
    }
    table["sortAlpha"] = TemplateFunction(.any) { (arguments) in
      .list(texts(arguments[0]).sorted(by: isOrdered).map { .string($0) })
    }
    table["toStrings"] = TemplateFunction(.any) { (arguments) in
      .list(texts(arguments[0]).map { .string($0) })
    }
    return table
  }

  /// The functions that make lists of something else.
  private static var making: TemplateFunctions {
    var table = TemplateFunctions()
    table["list"] = TemplateFunction(.any, variadic: true) { .list($0) }
    table["tuple"] = table["list"]
    table["splitList"] = TemplateFunction(.string, .string) { (arguments) in
      .list(GoStrings.split(arguments[1].text, arguments[0].text).map { .string($0) })
    }
    table["split"] = TemplateFunction(.string, .string) { (arguments) in
      let parts = GoStrings.split(arguments[1].text, arguments[0].text)
      return .map(TemplateMap(texts: parts.enumerated().map { ("_\($0.offset)", $0.element) }))
    }
    table["until"] = TemplateFunction(.int) { (arguments) throws(TemplateCallError) in
      let count = Conversions.integer(arguments[0])
      try TextBounds.check(8, count.magnitude > 1 << 20 ? 1 << 20 : abs(count))
      let step = count < 0 ? -1 : 1
      return .list(stride(from: 0, to: count, by: step).map { .int($0) })
    }
    return table
  }
}

import TelemetryModel
import WireFormats

/// sprig's functions for lists, maps and types that need more than one look.
enum SprigValues {
  private static func elements(_ value: TemplateValue) -> [TemplateValue] {
    if case .list(let values) = value { values } else { [] }
  }

  private static func entries(_ value: TemplateValue) -> [(key: String, value: TemplateValue)] {
    if case .map(let map) = value { map.entries } else { [] }
  }

  static var table: TemplateFunctions {
    var table = TemplateFunctions()
    table["slice"] = TemplateFunction(.list, .any, variadic: true) {
      (arguments) throws(TemplateCallError) in
      let values = elements(arguments[0])
      guard !values.isEmpty else { return .null }
      let start = arguments.count > 1 ? Conversions.integer(arguments[1]) : 0
      let end = arguments.count > 2 ? Conversions.integer(arguments[2]) : values.count
      guard start >= 0, start <= end, end <= values.count else {
        throw TemplateCallError("reflect.Value.Slice: slice index out of bounds")
      }
      return .list(Array(values[start..<end]))
    }
    table["chunk"] = TemplateFunction(.int, .list) { (arguments) throws(TemplateCallError) in
      let values = elements(arguments[1])
      let size = Conversions.integer(arguments[0])
      guard size > 0 else { throw TemplateCallError("a chunk needs a size above 0") }
      return .list(
        stride(from: 0, to: values.count, by: size).map { start in
          .list(Array(values[start..<min(start + size, values.count)]))
        })
    }
    table["shuffle"] = TemplateFunction(.string) { (arguments) in
      .string(String(String.UnicodeScalarView(arguments[0].text.unicodeScalars.shuffled())))
    }
    table.merge(maps)
    table.merge(types)
    table.merge(sequences)
    return table
  }

  private static var maps: TemplateFunctions {
    var table = TemplateFunctions()
    table["set"] =
      TemplateFunction(.map, .string, .any) { (arguments) in
        .map(TemplateMap(entries(arguments[0]) + [(arguments[1].text, arguments[2])]))
      }.changingItsFirstArgument
    table["unset"] =
      TemplateFunction(.map, .string) { (arguments) in
        .map(TemplateMap(entries(arguments[0]).filter { $0.key != arguments[1].text }))
      }.changingItsFirstArgument
    table["merge"] =
      TemplateFunction(.map, variadic: true) { (arguments) in
        arguments.dropFirst().reduce(arguments.first ?? .null) { merged($0, $1, overwrites: false) }
      }.changingItsFirstArgument
    table["mergeOverwrite"] =
      TemplateFunction(.map, variadic: true) { (arguments) in
        arguments.dropFirst().reduce(arguments.first ?? .null) { merged($0, $1, overwrites: true) }
      }.changingItsFirstArgument
    table["pluck"] = TemplateFunction(.string, .map, variadic: true) { (arguments) in
      .list(
        arguments.dropFirst().compactMap { value in
          if case .map(let map) = value { map[arguments[0].text] } else { nil }
        })
    }
    table["dig"] = TemplateFunction(.any, .any, .any, variadic: true) {
      (arguments) throws(TemplateCallError) in
      guard var value = arguments.last, arguments.count >= 3 else {
        throw TemplateCallError("dig needs at least three arguments")
      }
      for name in arguments.dropLast(2) {
        guard case .map(let map) = value else {
          throw TemplateCallError("dig found \(value.typeName) where it needs a map")
        }
        guard let next = map[name.text] else { return arguments[arguments.count - 2] }
        value = next
      }
      return value
    }
    table["deepCopy"] = TemplateFunction(.any) { $0[0] }
    return table
  }

  /// Members of `b` that `a` has not, or has empty, or all of them; maps within are merged too.
  private static func merged(
    _ a: TemplateValue, _ b: TemplateValue, overwrites: Bool
  ) -> TemplateValue {
    guard case .map(let left) = a else { return a }
    var all = left.entries
    for (key, value) in entries(b) {
      guard let mine = left[key] else {
        all.append((key, value))
        continue
      }
      if case .map = mine, case .map = value {
        all.append((key, merged(mine, value, overwrites: overwrites)))
      } else if overwrites ? !Conversions.isEmpty(value) : Conversions.isEmpty(mine) {
        all.append((key, value))
      }
    }
    return .map(TemplateMap(all))
  }

  private static var types: TemplateFunctions {
    var table = TemplateFunctions()
    table["typeIs"] = TemplateFunction(.string, .any) { (arguments) in
      .bool(arguments[0].text == arguments[1].typeName)
    }
    table["typeIsLike"] = table["typeIs"]
    table["kindOf"] = TemplateFunction(.any) { .string(kind($0[0])) }
    table["kindIs"] = TemplateFunction(.string, .any) { (arguments) in
      .bool(arguments[0].text == kind(arguments[1]))
    }
    table["deepEqual"] = TemplateFunction(.any, .any) { (arguments) in
      .bool(
        arguments[0].typeName == arguments[1].typeName
          && MapFunctions.json(arguments[0]) == MapFunctions.json(arguments[1]))
    }
    table["toRawJson"] = TemplateFunction(.any) { (arguments) in
      .string(MapFunctions.json(arguments[0], escapesHTML: false))
    }
    table["toPrettyJson"] = TemplateFunction(.any) { (arguments) in
      .string(indented(MapFunctions.json(arguments[0])))
    }
    return table
  }

  private static func kind(_ value: TemplateValue) -> String {
    switch value {
    case .null: "invalid"
    case .bool: "bool"
    case .int: "int"
    case .int64: "int64"
    case .float: "float64"
    case .string: "string"
    case .list: "slice"
    case .map: "map"
    case .time: "struct"
    }
  }

  /// Compact JSON with line ends and two blanks for each level.
  private static func indented(_ json: String) -> String {
    var out: [UInt8] = []
    var depth = 0
    var isInString = false
    var isEscaped = false
    let bytes = Array(json.utf8)
    func line() { out += [10] + Array(repeating: 0x20, count: depth * 2) }
    for (index, byte) in bytes.enumerated() {
      if isInString {
        out.append(byte)
        if byte == UInt8(ascii: "\""), !isEscaped { isInString = false }
        isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
        continue
      }
      let next = index + 1 < bytes.count ? bytes[index + 1] : 0
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        out.append(byte)
        depth += 1
        if next != UInt8(ascii: "}"), next != UInt8(ascii: "]") { line() }
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if out.last != UInt8(ascii: "{"), out.last != UInt8(ascii: "[") { line() }
        out.append(byte)
      case UInt8(ascii: ","):
        out.append(byte)
        line()
      case UInt8(ascii: ":"): out += [byte, 0x20]
      default:
        if byte == UInt8(ascii: "\"") { isInString = true }
        out.append(byte)
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  private static var sequences: TemplateFunctions {
    var table = TemplateFunctions()
    table["untilStep"] = TemplateFunction(.int, .int, .int) {
      (arguments) throws(TemplateCallError) in
      .list(try steps(arguments.map(Conversions.integer)).map { .int($0) })
    }
    table["seq"] = TemplateFunction(.int, variadic: true) { (arguments) throws(TemplateCallError) in
      let given = arguments.map(Conversions.integer)
      guard (1...3).contains(given.count), let last = given.last else { return .string("") }
      let first = given.count == 1 ? 1 : given[0]
      let direction = last < first ? -1 : 1
      let step = given.count == 3 ? given[1] : direction
      let all = try steps([first, last &+ direction, step])
      return .string(all.map(String.init).joined(separator: " "))
    }
    table["toDecimal"] = TemplateFunction(.any) { (arguments) in
      .int64(Int(arguments[0].text, radix: 8) ?? 0)
    }
    table["add1f"] = TemplateFunction(.any) { (arguments) throws(TemplateCallError) in
      .float(try Decimal.fold(Conversions.float(arguments[0]), [1], .add))
    }
    return table
  }

  /// From, to (not reached) and step.
  private static func steps(_ range: [Int]) throws(TemplateCallError) -> [Int] {
    let (start, stop, step) = (range[0], range[1], range[2])
    guard step != 0, (stop > start) == (step > 0), stop != start else { return [] }
    let (span, overflow) = stop.subtractingReportingOverflow(start)
    guard !overflow, span.magnitude / step.magnitude <= 1 << 16 else {
      throw TemplateCallError("the sequence is too long")
    }
    return Array(stride(from: start, to: stop, by: step))
  }
}

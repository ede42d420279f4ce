import Bytes
import TelemetryModel
import WireFormats

/// sprig's functions for maps, for types and for choosing between values.
enum MapFunctions {
  private static func entries(_ value: TemplateValue) -> [(key: String, value: TemplateValue)] {
    if case .map(let map) = value { map.entries } else { [] }
  }

  static var table: TemplateFunctions {
    var table = choosing
    table["dict"] = TemplateFunction(.any, variadic: true) { (arguments) in
      var made: [(key: String, value: TemplateValue)] = []
      for index in stride(from: 0, to: arguments.count, by: 2) {
        let value = index + 1 < arguments.count ? arguments[index + 1] : .string("")
        made.append((arguments[index].text, value))
      }
      return .map(TemplateMap(made))
    }
    table["get"] = TemplateFunction(.map, .string) { (arguments) in
      guard case .map(let map) = arguments[0] else { return .string("") }
      return map[arguments[1].text] ?? .string("")
    }
    table["hasKey"] = TemplateFunction(.map, .string) { (arguments) in
      guard case .map(let map) = arguments[0] else { return .bool(false) }
      return .bool(map[arguments[1].text] != nil)
    }
    table["keys"] = TemplateFunction(.map, variadic: true) { (arguments) in
      .list(arguments.flatMap { entries($0).map { .string($0.key) } })
    }
    table["values"] = TemplateFunction(.map) { (arguments) in
      .list(entries(arguments[0]).map(\.value))
    }
    table["pick"] = TemplateFunction(.map, .string, variadic: true) { (arguments) in
      let names = Set(arguments.dropFirst().map(\.text))
      return .map(TemplateMap(entries(arguments[0]).filter { names.contains($0.key) }))
    }
    table["omit"] = TemplateFunction(.map, .string, variadic: true) { (arguments) in
      let names = Set(arguments.dropFirst().map(\.text))
      return .map(TemplateMap(entries(arguments[0]).filter { !names.contains($0.key) }))
    }
    return table
  }

  private static var choosing: TemplateFunctions {
    var table = TemplateFunctions()
    table["empty"] = TemplateFunction(.any) { .bool(Conversions.isEmpty($0[0])) }
    table["coalesce"] = TemplateFunction(.any, variadic: true) { (arguments) in
      arguments.first { !Conversions.isEmpty($0) } ?? .null
    }
    table["all"] = TemplateFunction(.any, variadic: true) { (arguments) in
      .bool(!arguments.contains(where: Conversions.isEmpty))
    }
    table["any"] = TemplateFunction(.any, variadic: true) { (arguments) in
      .bool(arguments.contains { !Conversions.isEmpty($0) })
    }
    table["ternary"] = TemplateFunction(.any, .any, .bool) { (arguments) in
      arguments[2].isTrue ? arguments[0] : arguments[1]
    }
    table["typeOf"] = TemplateFunction(.any) { .string($0[0].typeName) }
    table["toString"] = TemplateFunction(.any) { .string($0[0].text) }
    table["quote"] = TemplateFunction(.any, variadic: true) { (arguments) in
      .string(present(arguments).map { quoted($0.text) }.joined(separator: " "))
    }
    table["squote"] = TemplateFunction(.any, variadic: true) { (arguments) in
      .string(present(arguments).map { "'\($0.text)'" }.joined(separator: " "))
    }
    table["cat"] = TemplateFunction(.any, variadic: true) { (arguments) in
      .string(present(arguments).map(\.text).joined(separator: " "))
    }
    table["fail"] = TemplateFunction(.string) { (arguments) throws(TemplateCallError) in
      throw TemplateCallError(arguments[0].text)
    }
    table["toJson"] = TemplateFunction(.any) { (arguments) in .string(json(arguments[0])) }
    return table
  }

  private static func present(_ values: [TemplateValue]) -> [TemplateValue] {
    values.filter { if case .null = $0 { false } else { true } }
  }

  /// Compact JSON as Go's `encoding/json` writes it.
  static func json(_ value: TemplateValue, escapesHTML: Bool = true) -> String {
    var writer = JSONWriter()
    writer.escapesHTML = escapesHTML
    write(value, &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private static func write(_ value: TemplateValue, _ writer: inout JSONWriter) {
    switch value {
    case .null: writer.null()
    case .bool(let flag): writer.bool(flag)
    case .int(let number), .int64(let number): writer.int(Int64(number))
    case .float(let number): writer.double(number)
    case .string(let text): writer.string(text)
    case .time(let time): writer.string(GoTimeLayout.rfc3339Nano.format(time))
    case .list(let values):
      writer.beginArray()
      for value in values { write(value, &writer) }
      writer.endArray()
    case .map(let map):
      writer.beginObject()
      for (key, value) in map.entries {
        writer.key(key)
        write(value, &writer)
      }
      writer.endObject()
    }
  }
}

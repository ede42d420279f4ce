import Bytes

/// The functions of Go's `text/template` itself.
enum BuiltinFunctions {
  static let table: TemplateFunctions = {
    var table = TemplateFunctions()
    table["and"] = .shortCircuit(isOr: false)
    table["or"] = .shortCircuit(isOr: true)
    table["not"] = TemplateFunction(.any) { (arguments) in .bool(!arguments[0].isTrue) }
    table["len"] = TemplateFunction(.any) {
      (arguments) throws(TemplateCallError) in try length(arguments[0])
    }
    table["index"] = TemplateFunction(.any, .any, variadic: true) {
      (arguments) throws(TemplateCallError) in try index(arguments)
    }
    table["slice"] = TemplateFunction(.any, .any, variadic: true) {
      (arguments) throws(TemplateCallError) in try slice(arguments)
    }
    table["print"] = TemplateFunction(.any, variadic: true) { .string(TemplateValue.print($0)) }
    table["println"] = TemplateFunction(.any, variadic: true) {
      .string($0.map(\.text).joined(separator: " ") + "\n")
    }
    table["printf"] = TemplateFunction(.string, .any, variadic: true) { (arguments) in
      .string(GoFormat.format(arguments[0].text, Array(arguments.dropFirst())))
    }
    table["html"] = TemplateFunction(.any, variadic: true) { .string(Escaping.html(joined($0))) }
    table["js"] = TemplateFunction(.any, variadic: true) { .string(Escaping.script(joined($0))) }
    table["urlquery"] = TemplateFunction(.any, variadic: true) {
      .string(Escaping.query(joined($0)))
    }
    for comparison in Comparison.allCases {
      let isEquality = comparison == .equal || comparison == .notEqual
      table[comparison.rawValue] =
        comparison == .equal
        ? TemplateFunction(.any, .any, variadic: true) {
          (arguments) throws(TemplateCallError) in
          guard arguments.count > 1 else {
            throw TemplateCallError("missing argument for comparison")
          }
          for other in arguments.dropFirst() {
            if try Comparison.isEqual(arguments[0], other) { return .bool(true) }
          }
          return .bool(false)
        }
        : TemplateFunction(.any, .any) { (arguments) throws(TemplateCallError) in
          if isEquality { return .bool(try !Comparison.isEqual(arguments[0], arguments[1])) }
          return .bool(try comparison.holds(arguments[0], arguments[1]))
        }
    }
    return table
  }()

  private static func joined(_ values: [TemplateValue]) -> String {
    if values.count == 1, case .string(let text) = values[0] { return text }
    return TemplateValue.print(
      values.map { value in
        if case .null = value { .string("<no value>") } else { value }
      })
  }

  private static func length(_ value: TemplateValue) throws(TemplateCallError) -> TemplateValue {
    switch value {
    case .string(let text): return .int(text.utf8.count)
    case .list(let values): return .int(values.count)
    case .map(let map): return .int(map.entries.count)
    case .null: throw TemplateCallError("len of nil pointer")
    default: throw TemplateCallError("len of type \(value.typeName)")
    }
  }

  private static func index(_ arguments: [TemplateValue]) throws(TemplateCallError)
    -> TemplateValue
  {
    var value = arguments[0]
    if case .null = value { throw TemplateCallError("index of untyped nil") }
    for key in arguments.dropFirst() {
      switch value {
      case .list(let values): value = values[try position(key, values.count - 1)]
      case .string(let text):
        let bytes = Array(text.utf8)
        value = .int(Int(bytes[try position(key, bytes.count - 1)]))
      case .map(let map):
        switch key {
        case .string(let name): value = map[name] ?? (map.hasTextOnly ? .string("") : .null)
        case .null: throw TemplateCallError("value is nil; should be of type string")
        default:
          throw TemplateCallError("value has type \(key.typeName); should be string")
        }
      case .null: throw TemplateCallError("index of nil pointer")
      default: throw TemplateCallError("can't index item of type \(value.typeName)")
      }
    }
    return value
  }

  /// An index of 0...last.
  private static func position(_ key: TemplateValue, _ last: Int) throws(TemplateCallError) -> Int {
    switch key {
    case .int(let index), .int64(let index):
      guard index >= 0, index <= last else {
        throw TemplateCallError("index out of range: \(index)")
      }
      return index
    case .null: throw TemplateCallError("cannot index slice/array with nil")
    default: throw TemplateCallError("cannot index slice/array with type \(key.typeName)")
    }
  }

  private static func slice(_ arguments: [TemplateValue]) throws(TemplateCallError)
    -> TemplateValue
  {
    let count: Int
    switch arguments[0] {
    case .string(let text): count = text.utf8.count
    case .list(let values): count = values.count
    case .null: throw TemplateCallError("slice of untyped nil")
    default: throw TemplateCallError("can't slice item of type \(arguments[0].typeName)")
    }
    guard arguments.count <= 3 else {
      throw TemplateCallError(
        arguments.count > 4
          ? "too many slice indexes: \(arguments.count - 1)" : "cannot 3-index slice a string")
    }
    let low = arguments.count > 1 ? try position(arguments[1], count) : 0
    let high = arguments.count > 2 ? try position(arguments[2], count) : count
    guard low <= high else { throw TemplateCallError("invalid slice index: \(low) > \(high)") }
    switch arguments[0] {
    case .string(let text):
      return .string(String(decoding: Array(text.utf8)[low..<high], as: UTF8.self))
    case .list(let values): return .list(Array(values[low..<high]))
    default: return .null
    }
  }
}

/// `eq`, `ne`, `lt`, `le`, `gt`, `ge`.
enum Comparison: String, CaseIterable {
  case equal = "eq"
  case notEqual = "ne"
  case less = "lt"
  case lessOrEqual = "le"
  case greater = "gt"
  case greaterOrEqual = "ge"

  private static let mixed = TemplateCallError("incompatible types for comparison")
  private static let wrongType = TemplateCallError("invalid type for comparison")

  static func isEqual(_ a: TemplateValue, _ b: TemplateValue) throws(TemplateCallError) -> Bool {
    switch (a, b) {
    case (.null, .null): return true
    case (.null, _), (_, .null): return false
    case (.bool(let a), .bool(let b)): return a == b
    case (.int(let a), .int(let b)), (.int(let a), .int64(let b)), (.int64(let a), .int(let b)),
      (.int64(let a), .int64(let b)):
      return a == b
    case (.float(let a), .float(let b)): return a == b
    case (.string(let a), .string(let b)): return a.utf8.elementsEqual(b.utf8)
    case (.time(let a), .time(let b)): return a == b
    case (.list, .list), (.map, .map), (.list, .map), (.map, .list):
      throw TemplateCallError(
        "non-comparable types \(a.typeName): \(a.text), \(b.typeName): \(b.text)")
    default: throw mixed
    }
  }

  func holds(_ a: TemplateValue, _ b: TemplateValue) throws(TemplateCallError) -> Bool {
    switch (a, b) {
    case (.int(let a), .int(let b)), (.int(let a), .int64(let b)), (.int64(let a), .int(let b)),
      (.int64(let a), .int64(let b)):
      return ordered(a, b)
    case (.float(let a), .float(let b)): return ordered(a, b)
    case (.string(let a), .string(let b)):
      if isOrdered(a, b) { return self == .less || self == .lessOrEqual }
      if isOrdered(b, a) { return self == .greater || self == .greaterOrEqual }
      return self == .lessOrEqual || self == .greaterOrEqual
    case (.bool, .bool), (.null, _), (_, .null), (.list, _), (_, .list), (.map, _), (_, .map),
      (.time, _), (_, .time):
      throw Comparison.wrongType
    default: throw Comparison.mixed
    }
  }

  private func ordered<Value: Comparable>(_ a: Value, _ b: Value) -> Bool {
    switch self {
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: !(a <= b)
    case .greaterOrEqual: !(a < b)
    case .equal: a == b
    case .notEqual: a != b
    }
  }
}

/// How texts are made safe for HTML, scripts and addresses.
enum Escaping {
  static func html(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "&#34;"
      case "'": out += "&#39;"
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\0": out += "\u{fffd}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  static func script(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": out += "\\\\"
      case "'": out += "\\'"
      case "\"": out += "\\\""
      case "<": out += "\\u003C"
      case ">": out += "\\u003E"
      case "&": out += "\\u0026"
      case "=": out += "\\u003D"
      default:
        if scalar.value < 0x20 {
          out += "\\u00" + Hex.encode([UInt8(scalar.value)]).uppercased()
        } else {
          out.unicodeScalars.append(scalar)
        }
      }
    }
    return out
  }

  /// Go's `url.QueryEscape`.
  static func query(_ text: String) -> String {
    var out: [UInt8] = []
    for byte in text.utf8 {
      let lower = byte | 0x20
      let isPlain =
        (lower >= 0x61 && lower <= 0x7a) || (byte >= 0x30 && byte <= 0x39)
        || "-_.~".utf8.contains(byte)
      if isPlain {
        out.append(byte)
      } else if byte == 0x20 {
        out.append(UInt8(ascii: "+"))
      } else {
        out.append(UInt8(ascii: "%"))
        out += Hex.encode([byte]).uppercased().utf8
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// Go's `url.QueryUnescape`.
  static func unquery(_ text: String) throws(TemplateCallError) -> String {
    let bytes = Array(text.utf8)
    var out: [UInt8] = []
    var at = 0
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "+"):
        out.append(0x20)
        at += 1
      case UInt8(ascii: "%"):
        guard at + 2 < bytes.count, let high = Hex.value(bytes[at + 1]),
          let low = Hex.value(bytes[at + 2])
        else {
          let shown = String(decoding: bytes[at..<min(bytes.count, at + 3)], as: UTF8.self)
          throw TemplateCallError("invalid URL escape \"\(shown)\"")
        }
        out.append(high << 4 | low)
        at += 3
      default:
        out.append(bytes[at])
        at += 1
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}

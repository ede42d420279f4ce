import Bytes

/// Functions for texts: Loki's own and those of sprig.
enum StringFunctions {
  private static func text(
    _ change: @escaping @Sendable (String) -> String
  ) -> TemplateFunction {
    TemplateFunction(.string) { (arguments) in .string(change(arguments[0].text)) }
  }

  private static func texts(
    _ change: @escaping @Sendable (String, String) -> TemplateValue
  ) -> TemplateFunction {
    TemplateFunction(.string, .string) { (arguments) in
      change(arguments[0].text, arguments[1].text)
    }
  }

  private static func number(_ value: TemplateValue) -> Int { Conversions.integer(value) }

  /// Go's `strings` under its own names and argument orders.
  static var legacy: TemplateFunctions {
    var table = TemplateFunctions()
    table["ToLower"] = text { GoStrings.lower($0) }
    table["ToUpper"] = text { GoStrings.upper($0) }
    table["TrimSpace"] = text { GoStrings.trimSpace($0) }
    table["Trim"] = texts { .string(GoStrings.trim($0, $1)) }
    table["TrimLeft"] = texts { .string(GoStrings.trim($0, $1, right: false)) }
    table["TrimRight"] = texts { .string(GoStrings.trim($0, $1, left: false)) }
    table["TrimPrefix"] = texts { .string(GoStrings.trimPrefix($0, $1)) }
    table["TrimSuffix"] = texts { .string(GoStrings.trimSuffix($0, $1)) }
    table["Replace"] = TemplateFunction(.string, .string, .string, .int) {
      (arguments) throws(TemplateCallError) in
      .string(
        try GoStrings.replace(
          arguments[0].text, arguments[1].text, arguments[2].text, number(arguments[3])))
    }
    return table
  }

  /// sprig's, which take the text last.
  static var sprig: TemplateFunctions {
    var table = TemplateFunctions()
    table["lower"] = text { GoStrings.lower($0) }
    table["upper"] = text { GoStrings.upper($0) }
    table["title"] = text { GoStrings.title($0) }
    table["trim"] = text { GoStrings.trimSpace($0) }
    table["trimAll"] = texts { .string(GoStrings.trim($1, $0)) }
    table["trimPrefix"] = texts { .string(GoStrings.trimPrefix($1, $0)) }
    table["trimSuffix"] = texts { .string(GoStrings.trimSuffix($1, $0)) }
    table["contains"] = texts { .bool(GoStrings.contains($1, $0)) }
    table["hasPrefix"] = texts { .bool($1.utf8.starts(with: $0.utf8)) }
    table["hasSuffix"] = texts { .bool(GoStrings.hasSuffix($1, $0)) }
    table["replace"] = TemplateFunction(.string, .string, .string) {
      (arguments) throws(TemplateCallError) in
      .string(
        try GoStrings.replace(arguments[2].text, arguments[0].text, arguments[1].text, -1))
    }
    table["repeat"] = TemplateFunction(.int, .string) {
      (arguments) throws(TemplateCallError) in
      .string(try repeated(arguments[1].text, number(arguments[0])))
    }
    table["indent"] = TemplateFunction(.int, .string) {
      (arguments) throws(TemplateCallError) in
      .string(try indented(arguments[1].text, number(arguments[0])))
    }
    table["nindent"] = TemplateFunction(.int, .string) {
      (arguments) throws(TemplateCallError) in
      .string("\n" + (try indented(arguments[1].text, number(arguments[0]))))
    }
    table["trunc"] = TemplateFunction(.int, .string) {
      (arguments) throws(TemplateCallError) in
      .string(try truncated(arguments[1].text, number(arguments[0])))
    }
    table["substr"] = TemplateFunction(.int, .int, .string) {
      (arguments) throws(TemplateCallError) in
      .string(try part(arguments[2].text, number(arguments[0]), number(arguments[1])))
    }
    table["default"] = TemplateFunction(.any, .any, variadic: true) { (arguments) in
      guard arguments.count > 1, !Conversions.isEmpty(arguments[1]) else { return arguments[0] }
      return arguments[1]
    }
    return table
  }

  /// Loki's own.
  static var loki: TemplateFunctions {
    var table = TemplateFunctions()
    table["alignLeft"] = TemplateFunction(.int, .string) {
      (arguments) throws(TemplateCallError) in
      .string(try aligned(arguments[1].text, number(arguments[0]), toLeft: true))
    }
    table["alignRight"] = TemplateFunction(.int, .string) {
      (arguments) throws(TemplateCallError) in
      .string(try aligned(arguments[1].text, number(arguments[0]), toLeft: false))
    }
    table["urlencode"] = text { Escaping.query($0) }
    table["urldecode"] = TemplateFunction(.string) { (arguments) throws(TemplateCallError) in
      .string(try Escaping.unquery(arguments[0].text))
    }
    return table
  }

  // MARK: Bodies

  static func repeated(_ text: String, _ count: Int) throws(TemplateCallError) -> String {
    guard count >= 0 else { throw TemplateCallError("strings: negative Repeat count") }
    try TextBounds.check(text.utf8.count, count)
    return String(repeating: text, count: text.isEmpty ? 0 : count)
  }

  static func indented(_ text: String, _ count: Int) throws(TemplateCallError) -> String {
    let pad = try repeated(" ", count)
    return pad + (try GoStrings.replace(text, "\n", "\n" + pad, -1))
  }

  private static func truncated(_ text: String, _ count: Int) throws(TemplateCallError) -> String {
    let bytes = text.utf8.count
    if count < 0, bytes + count > 0 { return try GoStrings.slice(text, bytes + count, bytes) }
    if count >= 0, bytes > count { return try GoStrings.slice(text, 0, count) }
    return text
  }

  private static func part(_ text: String, _ start: Int, _ end: Int) throws(TemplateCallError)
    -> String
  {
    if start < 0 { return try GoStrings.slice(text, 0, end) }
    let count = text.utf8.count
    return try GoStrings.slice(text, start, end < 0 || end > count ? count : end)
  }

  private static func aligned(_ text: String, _ count: Int, toLeft: Bool)
    throws(TemplateCallError) -> String
  {
    let scalars = text.unicodeScalars
    guard count >= 0, count != scalars.count else { return text }
    if count > scalars.count {
      try TextBounds.check(1, count)
      let pad = String(repeating: " ", count: count - scalars.count)
      return toLeft ? text + pad : pad + text
    }
    let kept = toLeft ? scalars.prefix(count) : scalars.suffix(count)
    return String(String.UnicodeScalarView(kept))
  }
}

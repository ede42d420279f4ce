/// sprig's functions for texts that LogQL does not have.
enum SprigTexts {
  private static func text(_ change: @escaping @Sendable (String) -> String) -> TemplateFunction {
    TemplateFunction(.string) { (arguments) in .string(change(arguments[0].text)) }
  }

  private static func number(_ value: TemplateValue) -> Int { Conversions.integer(value) }

  static var table: TemplateFunctions {
    var table = TemplateFunctions()
    table["hello"] = TemplateFunction { _ in .string("Hello!") }
    table["untitle"] = text { eachWord($0) { GoStrings.lower($0) } }
    table["initials"] = text { text in
      String(
        String.UnicodeScalarView(
          text.unicodeScalars.split(whereSeparator: \.properties.isWhitespace).compactMap(\.first)))
    }
    table["nospace"] = text { text in
      String(String.UnicodeScalarView(text.unicodeScalars.filter { !$0.properties.isWhitespace }))
    }
    table["swapcase"] = text { text in
      var out = String.UnicodeScalarView()
      for scalar in text.unicodeScalars {
        out.append(
          scalar.properties.isUppercase ? GoStrings.lower(scalar) : GoStrings.upper(scalar))
      }
      return String(out)
    }
    table["snakecase"] = text { WordCases.words($0).joined(separator: "_") }
    table["kebabcase"] = text { WordCases.words($0).joined(separator: "-") }
    table["camelcase"] = text { WordCases.camel($0) }
    table["trimall"] = TemplateFunction(.string, .string) { (arguments) in
      .string(GoStrings.trim(arguments[1].text, arguments[0].text))
    }
    table["abbrev"] = TemplateFunction(.int, .string) { (arguments) in
      .string(abbreviated(arguments[1].text, 0, number(arguments[0])))
    }
    table["abbrevboth"] = TemplateFunction(.int, .int, .string) { (arguments) in
      .string(abbreviated(arguments[2].text, number(arguments[0]), number(arguments[1])))
    }
    table["wrap"] = TemplateFunction(.int, .string) { (arguments) in
      .string(wrapped(arguments[1].text, number(arguments[0]), "\n", tearsWords: false))
    }
    table["wrapWith"] = TemplateFunction(.int, .string, .string) { (arguments) in
      .string(
        wrapped(arguments[2].text, number(arguments[0]), arguments[1].text, tearsWords: true))
    }
    table["plural"] = TemplateFunction(.string, .string, .int) { (arguments) in
      number(arguments[2]) == 1 ? arguments[0] : arguments[1]
    }
    table["atoi"] = TemplateFunction(.string) { (arguments) in .int(Int(arguments[0].text) ?? 0) }
    table["splitn"] = TemplateFunction(.string, .int, .string) { (arguments) in
      let parts = split(arguments[2].text, arguments[0].text, number(arguments[1]))
      return .map(TemplateMap(texts: parts.enumerated().map { ("_\($0.offset)", $0.element) }))
    }
    table.merge(expressions)
    return table
  }

  private static var expressions: TemplateFunctions {
    var table = TemplateFunctions()
    table["regexSplit"] = TemplateFunction(.string, .string, .int) {
      (arguments) throws(TemplateCallError) in
      let regex = try RegexFunctions.compiled(arguments[0].text)
      let bytes = Array(arguments[1].text.utf8)
      let most = number(arguments[2])
      guard most != 0 else { return .list([]) }
      var parts: [TemplateValue] = []
      var at = 0
      for case let whole? in RegexFunctions.matches(regex, bytes).map({ $0[0] }) {
        if most > 0, parts.count == most - 1 { break }
        if whole.upperBound == 0 { continue }
        parts.append(.string(String(decoding: bytes[at..<whole.lowerBound], as: UTF8.self)))
        at = whole.upperBound
      }
      return .list(parts + [.string(String(decoding: bytes[at...], as: UTF8.self))])
    }
    table["regexQuoteMeta"] = text { text in
      var out = ""
      for character in text.unicodeScalars {
        if #"\.+*?()|[]{}^$"#.unicodeScalars.contains(character) { out += "\\" }
        out.unicodeScalars.append(character)
      }
      return out
    }
    return table
  }

  /// `count` parts at most, the last with the rest; all of them when negative.
  private static func split(_ text: String, _ separator: String, _ count: Int) -> [String] {
    let parts = GoStrings.split(text, separator)
    guard count >= 0, parts.count > count else { return parts }
    guard count > 0 else { return [] }
    return parts.prefix(count - 1) + [parts[(count - 1)...].joined(separator: separator)]
  }

  private static func eachWord(
    _ text: String, _ change: (Unicode.Scalar) -> Unicode.Scalar
  ) -> String {
    var out = String.UnicodeScalarView()
    var isStart = true
    for scalar in text.unicodeScalars {
      out.append(isStart ? change(scalar) : scalar)
      isStart = scalar.properties.isWhitespace
    }
    return String(out)
  }

  /// As Apache's `StringUtils.abbreviate`, over bytes: dots at the end, or at both ends.
  private static func abbreviated(_ text: String, _ offset: Int, _ width: Int) -> String {
    let count = text.utf8.count
    guard width >= 4, offset <= 0 || width >= 7, text.unicodeScalars.count > width else {
      return text
    }
    func slice(_ low: Int, _ high: Int) -> String {
      (try? GoStrings.slice(text, max(0, low), min(count, high))) ?? text
    }
    var start = min(offset, count)
    if count - start < width - 3 { start = count - (width - 3) }
    if start <= 4 { return slice(0, width - 3) + "..." }
    if start + width - 3 < count {
      return "..." + abbreviated(slice(start, count), 0, width - 3)
    }
    return "..." + slice(count - (width - 3), count)
  }

  /// As Apache's `WordUtils.wrap`.
  private static func wrapped(
    _ text: String, _ width: Int, _ newLine: String, tearsWords: Bool
  ) -> String {
    let width = max(1, width)
    let newLine = newLine.isEmpty ? "\n" : newLine
    var rest = Array(text.unicodeScalars)[...]
    var out = ""
    func append(_ scalars: ArraySlice<Unicode.Scalar>) {
      out.unicodeScalars.append(contentsOf: scalars)
    }
    while rest.count > width {
      if rest.first == " " {
        rest = rest.dropFirst()
        continue
      }
      let head = rest.startIndex...(rest.startIndex + width)
      if let blank = rest[head].lastIndex(of: " ") {
        append(rest[..<blank])
        rest = rest[(blank + 1)...]
      } else if tearsWords {
        append(rest.prefix(width))
        rest = rest.dropFirst(width)
      } else if let blank = rest.firstIndex(of: " ") {
        append(rest[..<blank])
        rest = rest[(blank + 1)...]
      } else {
        break
      }
      out += newLine
    }
    append(rest)
    return out
  }
}

/// Words of names in the usual cases: `HTTPServer`, `no_https`, `Bld4Floor3rd`.
private enum WordCases {
  /// In small letters.
  static func words(_ text: String) -> [String] {
    var words: [String] = []
    var word = ""
    let all = Array(text.unicodeScalars)
    for (index, scalar) in all.enumerated() {
      if scalar == "_" || scalar == "-" || scalar.properties.isWhitespace {
        if !word.isEmpty { words.append(word) }
        word = ""
        continue
      }
      if !word.isEmpty, startsWord(all, index, word) {
        words.append(word)
        word = ""
      }
      word.unicodeScalars.append(GoStrings.lower(scalar))
    }
    return word.isEmpty ? words : words + [word]
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

  private static func startsWord(_ all: [Unicode.Scalar], _ index: Int, _ word: String) -> Bool {
    let scalar = all[index]
    let before = all[index - 1]
    if scalar.properties.isUppercase {
      if !before.properties.isUppercase { return true }
      return index + 1 < all.count && all[index + 1].properties.isLowercase
    }
    // Digits go with the small letters behind them.
    guard isDigit(scalar), !isDigit(before) else { return false }
    if let first = word.unicodeScalars.first, isDigit(first) { return false }
    let next = all[index...].first { !isDigit($0) }
    return next?.properties.isLowercase ?? false
  }

  static func camel(_ text: String) -> String {
    let lead = text.prefix { $0 == "_" }
    let parts = text.split { $0 == "_" || $0 == "-" || $0 == " " }
    return lead
      + parts.map { part in
        let isShouting = part == part.uppercased()
        let rest = part.dropFirst()
        return part.prefix(1).uppercased() + (isShouting ? rest.lowercased() : String(rest))
      }.joined()
  }
}

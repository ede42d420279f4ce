import WireFormats

/// How the lines of a stream are written, by the first of them.
enum LineFormat: Sendable {
  case json, logfmt, text

  init(of line: UnsafeRawBufferPointer) {
    guard line.count >= 2 else {
      self = .text
      return
    }
    if line[0] == UInt8(ascii: "{"), line[line.count - 1] == UInt8(ascii: "}") {
      self = .json
    } else {
      self = LineFormat.isLogfmt(line) ? .logfmt : .text
    }
  }

  /// A pair at the beginning, and another one behind its value.
  private static func isLogfmt(_ line: UnsafeRawBufferPointer) -> Bool {
    guard let equals = line.firstIndex(of: UInt8(ascii: "=")), equals > 0,
      !line[..<equals].contains(UInt8(ascii: " ")),
      let blank = line[equals...].firstIndex(of: UInt8(ascii: " "))
    else { return false }
    return line[blank...].contains(UInt8(ascii: "="))
  }
}

/// The words and signs of a line, and how they are put together again.
struct PatternTokens {
  /// Stands for what differs from line to line.
  static let placeholder = "<_>"
  /// Longer lines have no pattern.
  static let lineBytesMax = 3000
  private static let textTokensMax = 127

  var tokens: [String]
  /// For texts: the index of the token before each blank, -1 for blanks at the beginning.
  var blanksAfter: [Int] = []
  let format: LineFormat

  /// nil for lines that have no pattern.
  init?(_ line: UnsafeRawBufferPointer, _ format: LineFormat) {
    guard line.count <= Self.lineBytesMax else { return nil }
    self.format = format
    tokens = []
    switch format {
    case .text: split(String(decoding: line, as: UTF8.self))
    case .json:
      guard let message = Self.message(of: line) else { return nil }
      split(message)
    case .logfmt:
      guard readPairs(line) else { return nil }
    }
  }

  /// The members of a JSON line that hold a text for people.
  private static let messageNames = ["log", "message", "msg", "msg_", "_msg", "content"]

  private static func message(of line: UnsafeRawBufferPointer) -> String? {
    guard let value = try? JSONValue.parse(Array(line)), let members = value.members else {
      return nil
    }
    for name in messageNames {
      if case .string(let text)? = members.first(where: { $0.key == name })?.value { return text }
    }
    return nil
  }

  /// Words reach to a blank or a sign; `_-.:/` are parts of words, and `=` is a sign.
  private mutating func split(_ text: String) {
    var word = ""
    func isPartOfWord(_ scalar: Unicode.Scalar) -> Bool {
      if scalar.isASCII {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".", ":", "/": return true
        default: return false
        }
      }
      let properties = scalar.properties
      return properties.isAlphabetic || properties.numericType != nil
    }
    func isSign(_ scalar: Unicode.Scalar) -> Bool {
      if scalar == "=" { return true }
      switch scalar.properties.generalCategory {
      case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
        .initialPunctuation, .finalPunctuation, .otherPunctuation:
        return true
      default: return false
      }
    }
    for scalar in text.unicodeScalars {
      guard tokens.count < Self.textTokensMax else {
        word.unicodeScalars.append(scalar)
        continue
      }
      if isPartOfWord(scalar) || (scalar != " " && !isSign(scalar)) {
        word.unicodeScalars.append(scalar)
        continue
      }
      if !word.isEmpty { tokens.append(word) }
      word = ""
      if scalar == " " {
        blanksAfter.append(tokens.count - 1)
      } else {
        tokens.append(String(scalar))
      }
    }
    if !word.isEmpty { tokens.append(word) }
  }

  /// Keys whose values differ in each line.
  private static let variableKeys: Set<String> = ["ts", "traceid", "time", "timestamp"]

  private mutating func readPairs(_ line: UnsafeRawBufferPointer) -> Bool {
    var scanner = LogfmtScanner(line)
    while true {
      switch scanner.next() {
      case .pair(let pair):
        let key = String(decoding: scanner.bytes(pair.key), as: UTF8.self)
        var value: [UInt8] = []
        if pair.hasEscapes {
          scanner.unescape(pair, into: &value)
        } else {
          value = Array(scanner.bytes(pair.value))
        }
        let isVariable = key == "t" || Self.variableKeys.contains(key.lowercased())
        tokens.append(key)
        tokens.append(isVariable ? Self.placeholder : String(decoding: value, as: UTF8.self))
      case .end: return true
      default: return false
      }
    }
  }

  /// The pattern that `tokens` of this form stand for; placeholders in a row are one.
  func pattern(_ tokens: [String]) -> String {
    var text: String
    switch format {
    case .text: text = joined(tokens)
    case .json: text = Self.placeholder + joined(tokens) + Self.placeholder
    case .logfmt: text = pairs(tokens)
    }
    guard text.contains("<_><_>") else { return text }
    var out = ""
    var rest = text.unicodeScalars[...]
    let placeholder = Self.placeholder.unicodeScalars
    while !rest.isEmpty {
      if rest.starts(with: placeholder) {
        out += Self.placeholder
        while rest.starts(with: placeholder) { rest = rest.dropFirst(3) }
      } else {
        out.unicodeScalars.append(rest.removeFirst())
      }
    }
    text = out
    return text
  }

  private func joined(_ tokens: [String]) -> String {
    var text = ""
    var next = 0
    for (index, token) in tokens.enumerated() {
      text += token
      while next < blanksAfter.count, blanksAfter[next] <= index {
        if blanksAfter[next] == index { text += " " }
        next += 1
      }
    }
    return text
  }

  private func pairs(_ tokens: [String]) -> String {
    stride(from: 0, to: tokens.count, by: 2).map { at in
      let value = at + 1 < tokens.count ? tokens[at + 1] : ""
      let isPlain =
        !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3d }
      return tokens[at] + "=" + (isPlain || value.isEmpty ? value : goQuoted(value))
    }.joined(separator: " ")
  }

  private func goQuoted(_ text: String) -> String {
    var writer = JSONWriter()
    writer.string(text)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

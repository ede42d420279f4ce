package import Regex
import Synchronization

/// Go's `regexp` replacing and counting, with expressions compiled once.
package enum RegexFunctions {
  private static let known = Mutex<[String: Regex]>([:])
  private static let knownMax = 256

  static func compiled(_ pattern: String) throws(TemplateCallError) -> Regex {
    if let regex = known.withLock({ $0[pattern] }) { return regex }
    do {
      let regex = try Regex(pattern)
      known.withLock { if $0.count < knownMax { $0[pattern] = regex } }
      return regex
    } catch {
      throw TemplateCallError(error.message)
    }
  }

  /// Each match in turn as Go's `FindAll` takes them: an empty one right behind another is none.
  static func matches(_ regex: Regex, _ text: [UInt8]) -> [[Range<Int>?]] {
    var found: [[Range<Int>?]] = []
    var at = 0
    var lastEnd = -1
    while at <= text.count, let match = regex.firstMatch(text, from: at), let whole = match[0] {
      if whole.isEmpty, whole.upperBound == at {
        if whole.lowerBound != lastEnd { found.append(match) }
        at = at < text.count ? GoStrings.characterEnd(text, at) : at + 1
      } else {
        found.append(match)
        at = whole.upperBound
      }
      lastEnd = whole.upperBound
    }
    return found
  }

  /// Every match replaced; with `expands`, `$1` and `${name}` in the replacement stand for groups.
  package static func replaceAll(
    _ regex: Regex, _ text: String, _ replacement: String, expands: Bool
  ) throws(TemplateCallError) -> String {
    let bytes = Array(text.utf8)
    let parts =
      expands
      ? ReplacementPart.split(replacement, regex.groupNames) : [.text(Array(replacement.utf8))]
    var out: [UInt8] = []
    var at = 0
    for match in matches(regex, bytes) {
      guard let whole = match[0] else { continue }
      out += bytes[at..<whole.lowerBound]
      for part in parts {
        switch part {
        case .text(let text): out += text
        case .groups(let numbers):
          for number in numbers where number < match.count {
            if let range = match[number] {
              out += bytes[range]
              break
            }
          }
        }
      }
      at = whole.upperBound
      try TextBounds.check(out.count, 1)
    }
    out += bytes[at...]
    return String(decoding: out, as: UTF8.self)
  }

  static var table: TemplateFunctions {
    var table = TemplateFunctions()
    table["regexReplaceAll"] = TemplateFunction(.string, .string, .string) {
      (arguments) throws(TemplateCallError) in
      let regex = try compiled(arguments[0].text)
      return .string(
        try replaceAll(regex, arguments[1].text, arguments[2].text, expands: true))
    }
    table["regexReplaceAllLiteral"] = TemplateFunction(.string, .string, .string) {
      (arguments) throws(TemplateCallError) in
      let regex = try compiled(arguments[0].text)
      return .string(
        try replaceAll(regex, arguments[1].text, arguments[2].text, expands: false))
    }
    table["count"] = TemplateFunction(.string, .string) {
      (arguments) throws(TemplateCallError) in
      .int(matches(try compiled(arguments[0].text), Array(arguments[1].text.utf8)).count)
    }
    return table
  }
}

/// A piece of a replacement: `a$1b`.
enum ReplacementPart {
  case text([UInt8])
  /// Groups of one name; the first that took part counts.
  case groups([Int])

  /// Takes a replacement apart as Go's `Expand`: `$name`, `${name}`, `$1`, `$$`.
  static func split(_ text: String, _ names: [String?]) -> [ReplacementPart] {
    let bytes = Array(text.utf8)
    var parts: [ReplacementPart] = []
    var literal: [UInt8] = []
    var at = 0
    while at < bytes.count {
      guard bytes[at] == UInt8(ascii: "$") else {
        literal.append(bytes[at])
        at += 1
        continue
      }
      if at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "$") {
        literal.append(bytes[at])
        at += 2
      } else if let (name, end) = reference(bytes, at + 1) {
        parts.append(.text(literal))
        literal = []
        if let number = Int(name) {
          parts.append(.groups([number]))
        } else {
          parts.append(.groups(names.indices.filter { names[$0] == name }.map { $0 + 1 }))
        }
        at = end
      } else {
        literal.append(bytes[at])
        at += 1
      }
    }
    return parts + [.text(literal)]
  }

  /// A group's name behind `$`, as long as it goes, and where the text goes on.
  private static func reference(_ bytes: [UInt8], _ start: Int) -> (String, Int)? {
    let isBraced = start < bytes.count && bytes[start] == UInt8(ascii: "{")
    let first = isBraced ? start + 1 : start
    var end = first
    while end < bytes.count {
      let lower = bytes[end] | 0x20
      let isName =
        (lower >= 0x61 && lower <= 0x7a) || (bytes[end] >= 0x30 && bytes[end] <= 0x39)
        || bytes[end] == UInt8(ascii: "_")
      guard isName else { break }
      end += 1
    }
    guard end > first else { return nil }
    let name = String(decoding: bytes[first..<end], as: UTF8.self)
    guard isBraced else { return (name, end) }
    guard end < bytes.count, bytes[end] == UInt8(ascii: "}") else { return nil }
    return (name, end + 1)
  }
}

import Regex

/// A replacement with `$1`, `${1}`, `$name` and `$$`, as Go's `Regexp.Expand` reads it.
struct RegexTemplate: Sendable {
  private enum Part: Sendable {
    case text([UInt8])
    /// A group's number; nil for one that does not exist, which is nothing.
    case group(Int?)
  }
  private var parts: [Part] = []

  init(_ template: String, _ regex: Regex) {
    let bytes = Array(template.utf8)
    var at = 0
    var text: [UInt8] = []
    while at < bytes.count {
      guard bytes[at] == UInt8(ascii: "$"), at + 1 < bytes.count else {
        text.append(bytes[at])
        at += 1
        continue
      }
      if bytes[at + 1] == UInt8(ascii: "$") {
        text.append(bytes[at])
        at += 2
        continue
      }
      guard let (name, next) = RegexTemplate.reference(bytes, at + 1) else {
        text.append(bytes[at])
        at += 1
        continue
      }
      if !text.isEmpty { parts.append(.text(text)) }
      text = []
      parts.append(.group(RegexTemplate.number(name, regex)))
      at = next
    }
    if !text.isEmpty { parts.append(.text(text)) }
  }

  /// The reference's name and the index behind it.
  private static func reference(_ bytes: [UInt8], _ start: Int) -> (String, Int)? {
    let isBraced = bytes[start] == UInt8(ascii: "{")
    var at = isBraced ? start + 1 : start
    let nameStart = at
    while at < bytes.count, isNameByte(bytes[at]) { at += 1 }
    guard at > nameStart else { return nil }
    let name = String(decoding: bytes[nameStart..<at], as: UTF8.self)
    if isBraced {
      guard at < bytes.count, bytes[at] == UInt8(ascii: "}") else { return nil }
      at += 1
    }
    return (name, at)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func number(_ name: String, _ regex: Regex) -> Int? {
    if let number = Int(name) { return number <= regex.groupNames.count ? number : nil }
    return regex.groupNames.firstIndex(of: name).map { $0 + 1 }
  }

  /// The template with the groups of a match in `text` put in.
  func expand(_ text: String, _ match: [Range<Int>?]) -> String {
    let bytes = Array(text.utf8)
    var out: [UInt8] = []
    for part in parts {
      switch part {
      case .text(let text): out += text
      case .group(let number):
        if let number, number < match.count, let range = match[number] { out += bytes[range] }
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}

import Regex

/// The selector of a `match` stage: `{app="x", env=~"a|b"} |= "text" !~ "regex"`.
///
/// The language is the one that Promtail's stage reads: one matcher or more, and line filters,
/// with strings in double quotes.
struct LineSelector {
  struct Failure: Error { let message: String }

  private enum Condition {
    case equals([UInt8])
    case matches(Regex)
  }
  private var labels: [(slot: Int, condition: Condition, isNegative: Bool)] = []
  private var lines: [(condition: Condition, isNegative: Bool)] = []

  init(_ text: String, _ shared: StageResources) throws(Failure) {
    var reader = SelectorReader(Array(text.utf8))
    try reader.expect("{")
    repeat {
      let name = try reader.name()
      let operation = try reader.operation(["=~", "!~", "!=", "="])
      let value = try reader.string()
      let condition: Condition =
        operation.hasSuffix("~")
        ? .matches(try LineSelector.regex(value, isWhole: true)) : .equals(Array(value.utf8))
      labels.append((shared.slots.slot(name), condition, operation.hasPrefix("!")))
    } while reader.take(",")
    try reader.expect("}")
    while !reader.isAtEnd {
      let operation = try reader.operation(["|=", "|~", "!=", "!~"])
      let value = try reader.string()
      let condition: Condition =
        operation.hasSuffix("~")
        ? .matches(try LineSelector.regex(value, isWhole: false)) : .equals(Array(value.utf8))
      lines.append((condition, operation.hasPrefix("!")))
    }
  }

  private static func regex(_ text: String, isWhole: Bool) throws(Failure) -> Regex {
    do { return try isWhole ? Regex(whole: text) : Regex(text) } catch {
      throw Failure(message: error.message)
    }
  }

  /// Whether all conditions hold; a label that is absent is empty.
  func takes(_ entry: inout StageEntry) -> Bool {
    for (slot, condition, isNegative) in labels {
      let range = entry.label(slot) ?? 0..<0
      let holds =
        switch condition {
        case .equals(let value): entry.bytes[range].elementsEqual(value)
        case .matches(let regex): entry.withText(range) { regex.matches($0) }
        }
      if holds == isNegative { return false }
    }
    for (condition, isNegative) in lines {
      let holds =
        switch condition {
        case .equals(let value): entry.withText(entry.line) { contains($0, value) }
        case .matches(let regex): entry.withText(entry.line) { regex.matches($0) }
        }
      if holds == isNegative { return false }
    }
    return true
  }

  private func contains(_ text: UnsafeRawBufferPointer, _ part: [UInt8]) -> Bool {
    guard let first = part.first else { return true }
    guard text.count >= part.count else { return false }
    for at in 0...(text.count - part.count) where text[at] == first {
      if text[at..<(at + part.count)].elementsEqual(part) { return true }
    }
    return false
  }
}

/// Takes a selector's text apart.
private struct SelectorReader {
  private let text: [UInt8]
  private var at = 0

  init(_ text: [UInt8]) { self.text = text }

  var isAtEnd: Bool {
    mutating get {
      skipSpace()
      return at == text.count
    }
  }

  private mutating func skipSpace() {
    while at < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[at]) { at += 1 }
  }

  private func failure(_ wanted: String) -> LineSelector.Failure {
    let found = at < text.count ? "`\(Character(Unicode.Scalar(text[at])))`" : "the end"
    return LineSelector.Failure(message: "\(wanted) expected at column \(at + 1), not \(found)")
  }

  mutating func take(_ word: String) -> Bool {
    skipSpace()
    guard text[at...].starts(with: word.utf8) else { return false }
    at += word.utf8.count
    return true
  }

  mutating func expect(_ word: String) throws(LineSelector.Failure) {
    guard take(word) else { throw failure("`\(word)`") }
  }

  mutating func operation(_ known: [String]) throws(LineSelector.Failure) -> String {
    for word in known where take(word) { return word }
    throw failure("one of \(known.joined(separator: " "))")
  }

  mutating func name() throws(LineSelector.Failure) -> String {
    skipSpace()
    let start = at
    while at < text.count {
      switch text[at] {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "_"):
        at += 1
      case UInt8(ascii: "0")...UInt8(ascii: "9") where at > start: at += 1
      default:
        guard at > start else { throw failure("a label name") }
        return String(decoding: text[start..<at], as: UTF8.self)
      }
    }
    throw failure("an operator")
  }

  /// A string in double quotes with Go's escapes.
  mutating func string() throws(LineSelector.Failure) -> String {
    skipSpace()
    guard at < text.count, text[at] == UInt8(ascii: "\"") else {
      throw failure("a string in double quotes")
    }
    at += 1
    var out: [UInt8] = []
    while at < text.count {
      let byte = text[at]
      at += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: out, as: UTF8.self)
      case UInt8(ascii: "\n"): throw failure("a closing quote")
      case UInt8(ascii: "\\"): out += try escape()
      default: out.append(byte)
      }
    }
    throw failure("a closing quote")
  }

  private mutating func escape() throws(LineSelector.Failure) -> [UInt8] {
    guard at < text.count else { throw failure("an escape") }
    let byte = text[at]
    at += 1
    switch byte {
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "t"): return [9]
    case UInt8(ascii: "r"): return [13]
    case UInt8(ascii: "a"): return [7]
    case UInt8(ascii: "b"): return [8]
    case UInt8(ascii: "f"): return [12]
    case UInt8(ascii: "v"): return [11]
    case UInt8(ascii: "\\"), UInt8(ascii: "\""): return [byte]
    case UInt8(ascii: "x"): return try number(digits: 2, isScalar: false)
    case UInt8(ascii: "u"): return try number(digits: 4, isScalar: true)
    case UInt8(ascii: "U"): return try number(digits: 8, isScalar: true)
    default: throw failure("a known escape")
    }
  }

  private mutating func number(digits: Int, isScalar: Bool) throws(LineSelector.Failure) -> [UInt8]
  {
    guard at + digits <= text.count,
      let value = UInt32(String(decoding: text[at..<(at + digits)], as: UTF8.self), radix: 16)
    else { throw failure("hexadecimal digits") }
    at += digits
    guard isScalar else { return [UInt8(truncatingIfNeeded: value)] }
    guard let scalar = Unicode.Scalar(value), let bytes = UTF8.encode(scalar) else {
      throw failure("a character's number")
    }
    return Array(bytes)
  }
}

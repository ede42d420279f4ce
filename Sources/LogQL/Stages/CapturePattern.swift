/// The expression of the `pattern` parser and of the `|>` and `!>` filters: literals between
/// captures, `<ip> - <_> "<method>`.
package struct CapturePattern: Sendable, Hashable {
  package enum Part: Sendable, Hashable {
    case literal([UInt8])
    /// `<name>`.
    case capture(String)
    /// `<_>`.
    case placeholder
  }

  /// As written.
  package let text: String
  /// Captures never stand next to each other; literals neither.
  package let parts: [Part]

  /// The names that are captured, in order.
  package var names: [String] {
    parts.compactMap { if case .capture(let name) = $0 { name } else { nil } }
  }

  /// For the `pattern` parser: at least one named capture, names unique, captures apart.
  package init(parserExpression text: String) throws(LogQLError) {
    self.text = text
    parts = CapturePattern.split(Array(text.utf8))
    try checkCapturesApart()
    guard !names.isEmpty else { throw LogQLError("at least one capture is required") }
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted {
      throw LogQLError("duplicate capture name (\(name)): invalid expression")
    }
  }

  /// For a line filter: placeholders only, captures apart; plain text is a pattern too.
  package init(filterExpression text: [UInt8]) throws(LogQLError) {
    self.text = String(decoding: text, as: UTF8.self)
    parts = CapturePattern.split(text)
    try checkCapturesApart()
    if let name = names.first {
      throw LogQLError("named captures are not allowed: found '<\(name)>'")
    }
  }

  private func checkCapturesApart() throws(LogQLError) {
    for (before, after) in zip(parts, parts.dropFirst()) {
      guard let first = before.captureText, let second = after.captureText else { continue }
      throw LogQLError("found consecutive capture '\(first)\(second)': invalid expression")
    }
  }

  /// `<` starts a capture only when a name and `>` follow.
  private static func split(_ text: [UInt8]) -> [Part] {
    var parts: [Part] = []
    var literal: [UInt8] = []
    var at = 0
    while at < text.count {
      if text[at] == UInt8(ascii: "<"), let end = captureEnd(text, after: at) {
        if !literal.isEmpty { parts.append(.literal(literal)) }
        literal = []
        let name = String(decoding: text[(at + 1)..<end], as: UTF8.self)
        parts.append(name == "_" ? .placeholder : .capture(name))
        at = end + 1
      } else {
        literal.append(text[at])
        at += 1
      }
    }
    if !literal.isEmpty { parts.append(.literal(literal)) }
    return parts
  }

  /// Where the `>` of a capture that starts at `start` stands.
  private static func captureEnd(_ text: [UInt8], after start: Int) -> Int? {
    var at = start + 1
    while at < text.count, text[at].isLabelNameByte(isFirst: at == start + 1) { at += 1 }
    return at > start + 1 && at < text.count && text[at] == UInt8(ascii: ">") ? at : nil
  }
}

extension CapturePattern.Part {
  fileprivate var captureText: String? {
    switch self {
    case .literal: nil
    case .capture(let name): "<\(name)>"
    case .placeholder: "<_>"
    }
  }
}

extension UInt8 {
  /// Whether it may stand in a label's name: a letter, `_`, and past the first a digit.
  package func isLabelNameByte(isFirst: Bool) -> Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "_"):
      true
    case UInt8(ascii: "0")...UInt8(ascii: "9"): !isFirst
    default: false
    }
  }
}

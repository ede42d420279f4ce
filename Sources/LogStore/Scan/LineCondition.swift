import Bytes
package import Regex

/// What a line must be or not be, decided by the store exactly: `|=`, `!=`, `|~`, `!~` and their
/// chains with `or`.
package struct LineCondition: Sendable {
  package enum Test: Sendable {
    /// The bytes occur in the line; no bytes occur in every line.
    case contains([UInt8])
    /// The line is these bytes.
    case equals([UInt8])
    /// The expression has a match somewhere in the line.
    case matches(Regex)
    /// Anything else that is decided on the line alone, such as an address filter; `literal` is
    /// in every line for which it holds, when one is known.
    case holds(@Sendable (UnsafeRawBufferPointer) -> Bool, literal: [UInt8]?)
  }

  /// One of them must hold.
  package var anyOf: [Test]
  /// None of them may hold instead.
  package var isNegated: Bool

  package init(_ anyOf: [Test], isNegated: Bool = false) {
    self.anyOf = anyOf
    self.isNegated = isNegated
  }

  /// Whether `line` is as the condition says.
  package func holds(_ line: UnsafeRawBufferPointer) -> Bool {
    for test in anyOf where test.holds(line) { return !isNegated }
    return isNegated
  }

  /// Bytes that every line has for which the condition holds; nil when none are known.
  var requiredLiteral: [UInt8]? {
    guard !isNegated, anyOf.count == 1 else { return nil }
    return anyOf[0].requiredLiteral.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The one text that lines must hold, when that is all the condition says.
  var onlyLiteral: [UInt8]? {
    guard !isNegated, anyOf.count == 1, case .contains(let text) = anyOf[0], !text.isEmpty
    else { return nil }
    return text
  }
}

extension LineCondition.Test {
  func holds(_ line: UnsafeRawBufferPointer) -> Bool {
    switch self {
    case .contains(let text): ByteSearch.firstIndex(of: text, in: line) != nil
    case .equals(let text): line.elementsEqual(text)
    case .matches(let regex): regex.matches(line)
    case .holds(let body, _): body(line)
    }
  }

  var requiredLiteral: [UInt8]? {
    switch self {
    case .contains(let text), .equals(let text): text
    case .matches(let regex): RegexLiteral.longest(in: regex.pattern)
    case .holds(_, let literal): literal
    }
  }
}

/// Finds text that every match of a regular expression holds.
enum RegexLiteral {
  /// The longest such text, nil when none is known: alternatives at the top, flags and anything
  /// unusual give none.
  static func longest(in pattern: String) -> [UInt8]? {
    let text = Array(pattern.utf8)
    var best: [UInt8] = []
    var run: [UInt8] = []
    var at = 0
    func close() {
      if run.count > best.count { best = run }
      run.removeAll()
    }
    while at < text.count {
      guard let (piece, next) = piece(text, at) else { return nil }
      guard let (least, after) = repetition(text, next) else { return nil }
      if let piece, after == next {
        run.append(piece)
      } else {
        // A repeated byte stands once at least when it must, and ends the run.
        if let piece, least > 0 { run.append(piece) }
        close()
      }
      at = after
    }
    close()
    return best.isEmpty ? nil : best
  }

  /// The byte that stands at `at`, or nil for a class or a group; and what follows it. Nil as a
  /// whole where nothing can be said of the pattern.
  private static func piece(_ text: [UInt8], _ at: Int) -> (UInt8?, Int)? {
    switch text[at] {
    case UInt8(ascii: "\\"):
      guard at + 1 < text.count else { return nil }
      let next = text[at + 1]
      switch next {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        let isClass = "dDwWsSbBAz".utf8.contains(next)
        return isClass ? (nil, at + 2) : nil
      default: return next < 0x80 ? (next, at + 2) : nil
      }
    case UInt8(ascii: "["): return classEnd(text, at).map { (nil, $0) }
    case UInt8(ascii: "("): return groupEnd(text, at).map { (nil, $0) }
    case UInt8(ascii: ")"), UInt8(ascii: "|"), UInt8(ascii: "*"), UInt8(ascii: "+"),
      UInt8(ascii: "?"), UInt8(ascii: "{"):
      return nil
    case UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "$"): return (nil, at + 1)
    case 0x80...: return nil
    default: return (text[at], at + 1)
    }
  }

  /// The least count of what stands before `at`, and what follows the operator.
  private static func repetition(_ text: [UInt8], _ at: Int) -> (Int, Int)? {
    guard at < text.count else { return (1, at) }
    var next = at + 1
    let least: Int
    switch text[at] {
    case UInt8(ascii: "*"), UInt8(ascii: "?"): least = 0
    case UInt8(ascii: "+"): least = 1
    case UInt8(ascii: "{"):
      guard let end = text[at...].firstIndex(of: UInt8(ascii: "}")) else { return nil }
      least = 0
      next = end + 1
    default: return (1, at)
    }
    if next < text.count, text[next] == UInt8(ascii: "?") { next += 1 }
    return (least, next)
  }

  private static func classEnd(_ text: [UInt8], _ start: Int) -> Int? {
    var at = start + 1
    if at < text.count, text[at] == UInt8(ascii: "^") { at += 1 }
    if at < text.count, text[at] == UInt8(ascii: "]") { at += 1 }
    while at < text.count {
      switch text[at] {
      case UInt8(ascii: "\\"): at += 2
      // Named classes hold brackets of their own.
      case UInt8(ascii: "["): return nil
      case UInt8(ascii: "]"): return at + 1
      default: at += 1
      }
    }
    return nil
  }

  private static func groupEnd(_ text: [UInt8], _ start: Int) -> Int? {
    // Flags may reach beyond the group.
    if start + 2 < text.count, text[start + 1] == UInt8(ascii: "?"),
      text[start + 2] != UInt8(ascii: ":"), text[start + 2] != UInt8(ascii: "P")
    {
      return nil
    }
    var depth = 0
    var at = start
    while at < text.count {
      switch text[at] {
      case UInt8(ascii: "\\"): at += 1
      case UInt8(ascii: "["):
        guard let end = classEnd(text, at) else { return nil }
        at = end - 1
      case UInt8(ascii: "("): depth += 1
      case UInt8(ascii: ")"):
        depth -= 1
        if depth == 0 { return at + 1 }
      default: break
      }
      at += 1
    }
    return nil
  }
}

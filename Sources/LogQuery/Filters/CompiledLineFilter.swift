import Bytes
import LogQL
import LogStore
import Regex

/// A line filter made ready: decides on the bytes of a line alone.
final class CompiledLineFilter {
  private enum Test {
    case contains([UInt8])
    case matches(Regex)
    case pattern(LinePattern)
    case address(AddressFilter)
    case always

    var isAlways: Bool { if case .always = self { true } else { false } }
  }

  private let tests: [Test]
  private let isNegative: Bool
  /// Bytes that every line has which passes; nil when none are known.
  let requiredLiteral: [UInt8]?

  init(_ filter: LineFilter) throws(LogQLError) {
    isNegative = filter.operation.isNegative
    var tests: [Test] = []
    for operand in filter.operands {
      tests.append(try CompiledLineFilter.test(operand, filter.operation))
    }
    // Beside others, what every line has is left out.
    if !isNegative, tests.contains(where: { !$0.isAlways }) { tests.removeAll(where: \.isAlways) }
    self.tests = tests
    var literal: [UInt8]?
    if !isNegative, tests.count == 1 {
      switch tests[0] {
      case .contains(let text): literal = text
      case .pattern(let pattern): literal = pattern.longestLiteral
      default: break
      }
    }
    requiredLiteral = literal
  }

  private static func test(_ operand: LineFilterOperand, _ operation: LineFilterOperation)
    throws(LogQLError) -> Test
  {
    switch operand {
    case .address(let pattern):
      return .address(try AddressFilter(pattern))
    case .text(let text):
      switch operation {
      case .contains, .notContains:
        return text.isEmpty ? .always : .contains(text)
      case .matches, .notMatches:
        if text.isEmpty || text == Array(".*".utf8) { return .always }
        if text.allSatisfy(\.isPlainInRegex) { return .contains(text) }
        do {
          return .matches(try Regex(String(decoding: text, as: UTF8.self)))
        } catch {
          throw LogQLError(error.message)
        }
      case .hasPattern, .lacksPattern:
        return .pattern(try LinePattern(text))
      }
    }
  }

  /// The same as a scan takes it.
  var condition: LineCondition {
    LineCondition(
      tests.map { test in
        switch test {
        case .contains(let text): .contains(text)
        case .matches(let regex): .matches(regex)
        case .pattern(let pattern):
          .holds({ pattern.matches($0) }, literal: pattern.longestLiteral)
        case .address(let filter): .holds({ filter.holdsSomewhere(in: $0) }, literal: nil)
        case .always: .contains([])
        }
      }, isNegated: isNegative)
  }

  /// Whether the line passes.
  func passes(_ line: UnsafeRawBufferPointer) -> Bool {
    for test in tests where CompiledLineFilter.holds(test, line) { return !isNegative }
    return isNegative
  }

  private static func holds(_ test: Test, _ line: UnsafeRawBufferPointer) -> Bool {
    switch test {
    case .contains(let text): ByteSearch.firstIndex(of: text, in: line) != nil
    case .matches(let regex): regex.matches(line)
    case .pattern(let pattern): pattern.matches(line)
    case .address(let filter): filter.holdsSomewhere(in: line)
    case .always: true
    }
  }
}

extension UInt8 {
  /// Whether it stands for itself in a regular expression.
  var isPlainInRegex: Bool {
    switch self {
    case UInt8(ascii: "\\"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "*"),
      UInt8(ascii: "?"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "|"),
      UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"),
      UInt8(ascii: "^"), UInt8(ascii: "$"):
      false
    default: true
    }
  }
}

/// The pattern of `|>`: literals in this order with at least one byte between them.
struct LinePattern: Sendable {
  private let parts: [CapturePattern.Part]

  init(_ text: [UInt8]) throws(LogQLError) {
    parts = text.isEmpty ? [] : try CapturePattern(filterExpression: text).parts
  }

  var longestLiteral: [UInt8]? {
    let literals = parts.compactMap { part -> [UInt8]? in
      if case .literal(let text) = part { text } else { nil }
    }
    return literals.max { $0.count < $1.count }
  }

  /// As Loki's pattern test: a capture never stands for nothing, and a line that ends with a
  /// literal has nothing behind it.
  func matches(_ line: UnsafeRawBufferPointer) -> Bool {
    guard !line.isEmpty, let last = parts.last else { return line.isEmpty && parts.isEmpty }
    var at = 0
    for (index, part) in parts.enumerated() {
      guard case .literal(let text) = part else { continue }
      let rest = UnsafeRawBufferPointer(rebasing: line[at...])
      guard let found = ByteSearch.firstIndex(of: text, in: rest) else { return false }
      if index != 0, found == 0 { return false }
      at += found + text.count
    }
    let endsOnLiteral = if case .literal = last { true } else { false }
    return endsOnLiteral == (at == line.count)
  }
}

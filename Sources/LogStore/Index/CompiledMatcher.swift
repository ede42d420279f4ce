import Bytes
import Regex
package import TelemetryModel

/// A label matcher made ready once for a question: a regex that is only an alternation of
/// literals becomes a set.
package struct CompiledMatcher {
  private enum Test {
    case values(Set<ByteText>)
    case regex(Regex)
  }

  package let name: String
  private let test: Test
  private let isNegated: Bool
  /// Whether a stream without the label matches.
  let matchesEmpty: Bool

  init(_ matcher: LabelMatcher) throws(LogStoreError) {
    name = matcher.name
    switch matcher.operation {
    case .equal, .notEqual: test = .values([ByteText(matcher.value)])
    case .regex, .notRegex:
      if let values = Self.literals(matcher.value) {
        test = .values(values)
      } else {
        do throws(RegexError) {
          test = .regex(try Regex(matcher.value))
        } catch { throw LogStoreError(.badQuery, error.message) }
      }
    }
    isNegated = matcher.operation == .notEqual || matcher.operation == .notRegex
    let holds: Bool
    switch test {
    case .values(let values): holds = values.contains("")
    case .regex(let regex): holds = regex.matches("", .whole)
    }
    matchesEmpty = holds != isNegated
  }

  package static func compile(_ matchers: [LabelMatcher]) throws(LogStoreError)
    -> [CompiledMatcher]
  {
    var compiled: [CompiledMatcher] = []
    for matcher in matchers { compiled.append(try CompiledMatcher(matcher)) }
    return compiled
  }

  package func matches(_ value: String) -> Bool {
    switch test {
    case .values(let values): values.contains(value) != isNegated
    case .regex(let regex): regex.matches(value, .whole) != isNegated
    }
  }

  /// Non-empty values that alone match, where they are few and known: what postings are asked
  /// for directly.
  var exactValues: Set<ByteText>? {
    guard !isNegated, !matchesEmpty, case .values(let values) = test else { return nil }
    return values
  }

  /// The alternatives of a pattern such as `a|b|c`, or nil when it has another operator.
  private static func literals(_ pattern: String) -> Set<ByteText>? {
    let special = Set("\\.+*?()[]{}^$".utf8)
    guard !pattern.utf8.contains(where: special.contains) else { return nil }
    let parts = pattern.unicodeScalars.split(separator: "|", omittingEmptySubsequences: false)
    return Set(texts: parts.map { String($0) })
  }
}

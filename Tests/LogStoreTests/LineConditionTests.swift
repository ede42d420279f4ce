import Regex
import TelemetryModel
import TestSupport
import Testing

@testable import LogStore

@Suite struct LineConditionTests {
  @Test(
    arguments: [
      ("error", "error"), ("\" 50[02] ", "\" 50"), ("a|b", nil), ("(a|b)cde", "cde"),
      ("abc+d", "abc"), ("abc*de", "ab"), ("abc?de", "ab"), ("x{0,3}yz", "yz"), ("(?i)abc", nil),
      ("a\\.b\\.c", "a.b.c"), ("\\d+ms", "ms"), ("^GET /", "GET /"), ("[a-z]+", nil), (".*", nil),
      ("ab.cde", "cde"), ("[[:alpha:]]x", nil), ("(?P<n>x)yz", "yz"), ("\\bword\\b", "word"),
      ("x\\Q.\\E", nil), ("a{2}bc", "bc"), ("(ab", nil), ("[]a]bc", "bc"), ("ab+?c", "ab"),
    ] as [(String, String?)])
  func literalsOfExpressions(_ pattern: String, _ literal: String?) {
    #expect(
      RegexLiteral.longest(in: pattern).map { String(decoding: $0, as: UTF8.self) } == literal)
  }

  /// Over random expressions of few letters: every text that matches holds the literal.
  @Test func literalsAreInEveryMatch() throws {
    var numbers = RandomSource(seed: 7)
    let pieces = ["a", "b", "ab", "c", ".", "[ab]", "(a|bc)", "(?:ab)", "\\.", "\\d", "^", "$"]
    let operators = ["", "", "", "*", "+", "?", "{1,2}", "+?", "*?"]
    var held = 0
    for _ in 0..<3000 {
      var pattern = ""
      for _ in 0..<Int.random(in: 1...4, using: &numbers) {
        pattern += pieces.randomElement(using: &numbers) ?? ""
        pattern += operators.randomElement(using: &numbers) ?? ""
      }
      guard let regex = try? Regex(pattern), let literal = RegexLiteral.longest(in: pattern)
      else { continue }
      for _ in 0..<10 {
        let text = (0..<Int.random(in: 0...7, using: &numbers)).map { _ in
          Array("abc.1".utf8).randomElement(using: &numbers) ?? 0
        }
        if regex.matches(text) {
          held += 1
          #expect(NaiveLogModel.contains(text, literal), "\(pattern)")
        }
      }
    }
    #expect(held > 1000)
  }
}

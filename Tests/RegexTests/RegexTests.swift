import Regex
import Testing

@Suite struct RegexTests {
  @Test func findsGroupsByName() throws {
    let regex = try Regex(#"(?P<method>[A-Z]+) (?P<path>\S+)( HTTP)?"#)
    #expect(regex.groupNames == ["method", "path", nil])
    let text = Array("say GET /a/b now".utf8)
    let match = try #require(regex.firstMatch(text))
    #expect(match == [4..<12, 4..<7, 8..<12, nil])
    #expect(regex.firstMatch(text, from: 8) == nil)
  }

  @Test func wholeMatchesAreAnchored() throws {
    let regex = try Regex("a|ab")
    #expect(regex.matches("ab", .whole))
    #expect(!regex.matches("abc", .whole))
    #expect(regex.matches("xabc"))
    #expect(try Regex("").matches(""))
    #expect(try Regex(".*").firstMatch([UInt8]()) == [0..<0])
  }

  @Test func badPatternsSayWhyInGosWords() {
    #expect(throws: RegexError(message: "error parsing regexp: missing closing ): `(`")) {
      try Regex("(")
    }
    #expect(
      throws: RegexError(
        message: "error parsing regexp: missing argument to repetition operator: `*`")
    ) {
      try Regex("*")
    }
  }

  @Test func aWholeTextIsMatchedByWholePatternsOnly() throws {
    let regex = try Regex(whole: "a|b.c")
    #expect(["a", "b\nc"].allSatisfy { regex.matches($0) })
    #expect(!["ab", "xb c"].contains { regex.matches($0) })
    #expect(throws: RegexError.self) { try Regex(whole: "a)|(b") }
  }

  @Test func aNastyPatternStaysLinear() throws {
    let regex = try Regex("(a*)*b")
    #expect(!regex.matches([UInt8](repeating: 97, count: 200_000)))
  }
}

import Testing
import WireFormats

@Suite struct YAMLNodeTests {
  private func scalar(_ text: String) throws -> YAMLScalar? { try YAMLNode.parse(text).scalar }

  @Test func marksEveryNode() throws {
    let root = try YAMLNode.parse("a: 1\nb:\n  - x\n  - {c: é, d: y}\n")
    #expect(root.mark == YAMLMark(line: 1, column: 1))
    #expect(root["a"]?.mark == YAMLMark(line: 1, column: 4))
    #expect(root["b"]?.items?[0].mark == YAMLMark(line: 3, column: 5))
    #expect(root["b"]?.items?[1]["d"]?.mark == YAMLMark(line: 4, column: 15))
    #expect(root.members?[1].keyMark == YAMLMark(line: 2, column: 1))
  }

  @Test func leavesMeaningToTheReader() throws {
    #expect(try scalar("yes")?.boolValue == true)
    #expect(try scalar("'yes'")?.boolValue == nil)
    #expect(try scalar("off")?.boolValue == false)
    #expect(try scalar("off")?.text == "off")
    #expect(try scalar("!!str 12")?.intValue == nil)
    #expect(try scalar("~")?.isNull == true)
    #expect(try scalar("''")?.isNull == false)
    #expect(try scalar("")?.isNull == true)
    #expect(try YAMLNode.parse("a:")["a"]?.isNull == true)
    #expect(try scalar(".inf")?.doubleValue == .infinity)
    #expect(try scalar("1_000.5")?.doubleValue == 1000.5)
    #expect(try scalar("inf")?.doubleValue == nil)
    #expect(try scalar("0x1p3")?.doubleValue == nil)
  }

  @Test(
    arguments: [
      ("12", 12), ("-7", -7), ("+3", 3), ("0x1F", 31), ("0o17", 15), ("0644", 420), ("0b101", 5),
      ("1_000", 1000), ("0", 0), ("9223372036854775807", Int.max),
      ("9223372036854775808", nil), ("1.5", nil), ("a", nil), ("0x", nil), ("09", nil),
      ("0x-1", nil),
      ("-", nil), ("1e3", nil),
    ] as [(String, Int?)])
  func readsIntegers(_ text: String, _ value: Int?) {
    #expect(
      YAMLScalar(text: text, isPlain: true, mark: YAMLMark(line: 1, column: 1)).intValue == value)
  }

  @Test func readsBlockAndQuotedScalars() throws {
    let root = try YAMLNode.parse(
      "a: |\n  x\n  y\nb: >-\n  x\n  y\nc: \"\\u00e9\\n\"\nd: 'it''s'\n")
    #expect(root["a"]?.scalar?.text == "x\ny\n")
    #expect(root["b"]?.scalar?.text == "x y")
    #expect(root["c"]?.scalar?.text == "é\n")
    #expect(root["d"]?.scalar?.text == "it's")
  }

  @Test func resolvesAliasesAndMergeKeys() throws {
    let root = try YAMLNode.parse(
      """
      base: &base {a: 1, b: 2}
      other: &other {b: 3, c: 4}
      list: &list [1, *base]
      one:
        <<: *base
        b: 9
      two:
        <<: [*base, *other]
      again: *list
      """)
    #expect(root["one"]?["a"]?.scalar?.text == "1")
    #expect(root["one"]?["b"]?.scalar?.text == "9")
    #expect(root["two"]?["b"]?.scalar?.text == "2")
    #expect(root["two"]?["c"]?.scalar?.text == "4")
    #expect(root["again"]?.items?[1]["b"]?.scalar?.text == "2")
  }

  @Test(arguments: [
    ("a: 1\nb: 2\na: 3\n", "key `a` is set already in line 1", 3, 1),
    ("a: [1, 2\nb: 3\n", "while parsing a flow sequence: did not find expected ',' or ']'", 2, 2),
    ("a: b: c\n", "mapping values are not allowed in this context", 1, 5),
    ("\ta: 1\n", "found character that cannot start any token", 1, 1),
    ("a: *nope\n", "unknown anchor nope", 1, 4),
    ("a: &x [*x]\n", "anchor x contains itself", 1, 8),
    ("a: !custom 1\n", "tag !custom is not supported on a scalar", 1, 4),
    ("{[1]: 2}\n", "a key must be a scalar", 1, 2),
    ("a: 1\n---\nb: 2\n", "a second document is not expected here", 2, 1),
    ("a: {<<: 3}\n", "a merge key needs a mapping or a list of them", 1, 9),
    ("a: {<<: [3]}\n", "a merge key needs mappings", 1, 10),
  ])
  func refuses(_ text: String, _ message: String, _ line: Int, _ column: Int) {
    #expect {
      try YAMLNode.parse(text)
    } throws: { error in
      guard let error = error as? YAMLError else { return false }
      return error.message.contains(message) && error.mark == YAMLMark(line: line, column: column)
    }
  }

  @Test func boundsSizeDepthAndAliases() {
    #expect(throws: YAMLError.self) { try YAMLNode.parse("a: 1", bytesMax: 3) }
    let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
    #expect(throws: YAMLError.self) { try YAMLNode.parse(deep) }
    var laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1..<12 {
      let uses = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      laughs += "a\(level): &a\(level) [\(uses)]\n"
    }
    #expect {
      try YAMLNode.parse(laughs)
    } throws: { ($0 as? YAMLError)?.message.contains("aliases resolved") == true }
  }

  @Test func survivesRandomTexts() {
    let pieces = [
      "a", "b:", " ", "\n", "- ", "{", "}", "[", "]", "&x ", "*x", "<<: ", "'", "\"", "|\n",
      "!!str ",
      "#", "\t", "? ", "---\n", "%", "é", "\u{1}", "é: ",
    ]
    for _ in 0..<5_000 {
      let text = (0..<Int.random(in: 0...20)).compactMap { _ in pieces.randomElement() }.joined()
      _ = try? YAMLNode.parse(text)
    }
  }
}

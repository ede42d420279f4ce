import Testing
import WireFormats

@testable import Pipeline

@Suite struct JMESPathTests {
  private static let document = #"""
    {"a": {"b": {"c": 7}, "d": null, "e-f": "x"}, "list": [3, 1, 2],
     "people": [{"name": "ann", "age": 30}, {"name": "bob", "age": 25}, {"age": 40}],
     "nested": [[1, 2], [3], 4], "s": "héllo", "t": true, "n": -2.5, "empty": [], "o": {"z": 1, "y": 2}}
    """#

  private func evaluate(_ expression: String) throws -> String {
    let root = JMESValue(try JSONValue.parse(Self.document))
    let value = try JMESPath(expression).evaluate(root)
    return String(decoding: value.text(escapesHTML: false), as: UTF8.self)
  }

  /// By the rules and examples of jmespath.org's specification.
  @Test(arguments: [
    ("a.b.c", "7"), ("a.d", "null"), ("a.nope.x", "null"), (#"a."e-f""#, #""x""#),
    ("list[0]", "3"), ("list[-1]", "2"), ("list[5]", "null"), ("list[1:]", "[1,2]"),
    ("list[::-1]", "[2,1,3]"), ("list[:-1]", "[3,1]"), ("list[::2]", "[3,2]"), ("s[0]", "null"),
    ("people[*].name", #"["ann","bob"]"#), ("people[].age", "[30,25,40]"),
    ("nested[]", "[1,2,3,4]"),
    ("nested[*][0]", "[1,3]"), ("a.*", #"[{"c":7},"x"]"#), ("o.*", "[2,1]"), ("*.c", "[]"),
    ("people[?age > `26`].name", #"["ann"]"#), ("people[?name == 'bob'].age | [0]", "25"),
    ("people[?name && age < `30`].age", "[25]"), ("people[?!name].age", "[40]"),
    ("a.d || s", #""héllo""#), ("t && n", "-2.5"), ("!t", "false"), ("!empty", "true"),
    ("[s, t]", #"["héllo",true]"#), ("{x: s, \"y z\": n}", #"{"x":"héllo","y z":-2.5}"#),
    ("people[*].{n: name}", #"[{"n":"ann"},{"n":"bob"},{"n":null}]"#), ("@.t", "true"),
    ("`[1, {\"k\": 2}]`", #"[1,{"k":2}]"#), ("'it\\'s'", #""it's""#), ("list | [0]", "3"),
    ("length(s)", "5"), ("length(list)", "3"), ("sort(list)", "[1,2,3]"), ("max(list)", "3"),
    ("min(list)", "1"), ("sum(list)", "6"), ("avg(list)", "2"), ("avg(empty)", "null"),
    ("abs(n)", "2.5"), ("ceil(n)", "-2"), ("floor(n)", "-3"), ("keys(o)", #"["y","z"]"#),
    ("values(o)", "[2,1]"), ("contains(list, `2`)", "true"), ("contains(s, 'll')", "true"),
    ("starts_with(s, 'h')", "true"), ("ends_with(s, 'x')", "false"), ("reverse(list)", "[2,1,3]"),
    ("reverse(s)", #""olléh""#), ("join('-', ['a', s])", #""a-héllo""#), ("type(o)", #""object""#),
    ("to_string(o)", #""{\"y\":2,\"z\":1}""#), ("to_number('12')", "12"), ("to_number(s)", "null"),
    ("to_array(t)", "[true]"), ("not_null(a.d, t)", "true"),
    ("merge(o, `{\"y\":9}`)", #"{"y":9,"z":1}"#),
    ("map(&age, people)", "[30,25,40]"), ("sort_by(people, &age)[*].age", "[25,30,40]"),
    ("max_by(people, &age).age", "40"), ("min_by(people, &age).name", #""bob""#),
    ("list[?@ > `1`]", "[3,2]"), ("people[0].name == 'ann'", "true"), ("s == `7`", "false"),
    ("s > `7`", "null"), ("(a.b).c", "7"), ("a . b", #"{"c":7}"#),
  ])
  func evaluates(_ expression: String, _ json: String) throws {
    #expect(try evaluate(expression) == json)
  }

  @Test(arguments: [
    "", "a.", ".a", "a[", "a[0", "a b", "a..b", "[?a", "a[?b", "{a}", "{a: b", "foo(", "nope(a)",
    "a = b", "'open", "`{`", "\"open", "a[::0]", "a || ", "&", "@[", "a[1:2:3:4]", "\"f\"(a)", "#",
    "a.[", "(a", "a)",
  ])
  func refuses(_ expression: String) {
    #expect(throws: JMESError.self) { try JMESPath(expression) }
  }

  @Test(arguments: [
    "length(n)", "abs(s)", "sort(people)", "join('-', list)", "sum(people)", "length(s, s)",
    "sort_by(people, &name)", "merge(s)", "not_null()",
  ])
  func failsOnWrongTypes(_ expression: String) throws {
    #expect(throws: JMESError.self) { try evaluate(expression) }
  }

  @Test func boundsDepth() {
    #expect(throws: JMESError.self) { try JMESPath(String(repeating: "(", count: 5_000)) }
    #expect(throws: JMESError.self) { try JMESPath(String(repeating: "!", count: 5_000) + "a") }
    #expect(throws: JMESError.self) { try JMESPath(String(repeating: "a", count: 20_000)) }
  }

  @Test func survivesRandomExpressions() {
    let pieces = [
      "a", "list", "people", "[", "]", "[]", "[?", "*", ".", "|", "||", "&&", "!", "(", ")", "'x'",
      "`1`", "0", "-1", ":", "@", "&", "sort_by", "length", ",", "{", "}", "==", "<", "\"b\"",
    ]
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 1...12)).compactMap { _ in pieces.randomElement() }.joined()
      _ = try? evaluate(text)
    }
  }

  @Test func knowsPlainPaths() throws {
    #expect(try JMESPath(#"a."b c".d"#).plainPath == ["a", "b c", "d"])
    #expect(try JMESPath("a[0]").plainPath == nil)
    #expect(try JMESPath("a || b").plainPath == nil)
  }

  /// The test suite of RFC 1321, appendix A.5.
  @Test(arguments: [
    ("", "d41d8cd98f00b204e9800998ecf8427e"), ("a", "0cc175b9c0f1b6a831c399e269772661"),
    ("abc", "900150983cd24fb0d6963f7d28e17f72"),
    ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
    (
      "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
      "57edf4a22be3c955ac49da2e2107b67a"
    ),
  ])
  func digestsByMD5(_ message: String, _ digest: String) {
    let hex = MD5.digest(Array(message.utf8)).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    #expect(hex.joined() == digest)
  }
}

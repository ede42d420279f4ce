import TelemetryModel
import Testing
import TextTemplate

/// Answers that follow from the documentation and the source of Go's `text/template`.
@Suite struct TemplateTests {
  private static let data = TemplateValue.map(
    TemplateMap([
      ("name", .string("Ann")), ("n", .int(3)), ("zero", .int(0)), ("pi", .float(3.14159)),
      ("yes", .bool(true)), ("list", .list([.string("a"), .int(2), .null])), ("none", .null),
      ("map", .map(TemplateMap([("b", .int(1)), ("a", .string("x"))]))),
      ("big", .float(1_234_567)), ("empty", .string("")),
    ]))

  private func run(_ text: String, _ data: TemplateValue = data) throws -> String {
    let template = try Template(text, name: "t", functions: .logQL(TemplateEnvironment()))
    return String(decoding: try template.execute(data), as: UTF8.self)
  }

  @Test(
    arguments: [
      ("plain } text", "plain } text"), ("{{.name}}", "Ann"), ("{{ .name }}!", "Ann!"),
      ("a {{- .n -}} b", "a3b"), ("a {{/* comment */}} b", "a  b"),
      ("a {{- /* comment */ -}} b", "ab"), ("{{.missing}}", "<no value>"),
      ("{{.none}}", "<no value>"),
      ("{{.list}}", "[a 2 <nil>]"), ("{{.map}}", "map[a:x b:1]"), ("{{.map.a}}", "x"),
      ("{{.pi}} {{.big}} {{.yes}}", "3.14159 1.234567e+06 true"),
      ("{{3}} {{-1.5e3}} {{0x1F}} {{'a'}}", "3 -1500 31 97"),
      ("{{\"q\\t\\u00e9\"}}{{`r\\t`}}", "q\té" + "r\\t"),
      ("{{1_000}} {{0b11}} {{0o17}} {{017}}", "1000 3 15 15"),
      ("{{if .n}}t{{else}}f{{end}}", "t"), ("{{if .zero}}t{{else}}f{{end}}", "f"),
      ("{{if .empty}}a{{else if .list}}b{{else}}c{{end}}", "b"),
      ("{{with .map}}{{.a}}{{else}}no{{end}}", "x"), ("{{with .none}}x{{else}}no{{end}}", "no"),
      ("{{with .none}}x{{else with .name}}{{.}}{{end}}", "Ann"),
      ("{{range .list}}<{{.}}>{{end}}", "<a><2><<no value>>"),
      ("{{range .none}}x{{else}}e{{end}}", "e"),
      ("{{range $i, $e := .list}}{{$i}}{{$e}} {{end}}", "0a 12 2<no value> "),
      ("{{range $k, $v := .map}}{{$k}}={{$v}};{{end}}", "a=x;b=1;"),
      ("{{range 3}}{{.}}{{end}}", "012"),
      ("{{range $i := .n}}{{$i}}{{end}}", "012"), ("{{range .list}}{{break}}x{{end}}y", "y"),
      ("{{range .list}}{{if eq (print .) \"2\"}}{{continue}}{{end}}{{.}},{{end}}", "a,<no value>,"),
      ("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"),
      ("{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}", "1"),
      ("{{$.name}} {{range .list}}{{$.n}}{{end}}", "Ann 333"), ("{{(index .list 0) | len}}", "1"),
      ("{{define \"d\"}}<{{.}}>{{end}}{{template \"d\" .name}}", "<Ann>"),
      ("{{block \"b\" .n}}[{{.}}]{{end}}", "[3]"),
      ("{{template \"d\"}}{{define \"d\"}}{{.}}{{end}}", "<no value>"),
      ("{{.map | len}} {{len .name}} {{len .list}}", "2 3 3"),
      ("{{index .list 1}} {{index .map \"b\"}}", "2 1"),
      ("{{slice .name 1}} {{slice .name 0 2}} {{slice .list 1 2}}", "nn An [2]"),
      (
        joined(
          "{{eq .n 3}} {{eq .n 1 2 3}} {{ne .name \"x\"}} {{lt 1 2}} {{ge 2.5 2.5}} {{gt ",
          "\"b\" \"a\"}}"),
        "true true true true true true"
      ),
      ("{{and 1 0 2}} {{and 1 2}} {{or 0 \"\" \"x\"}} {{or 0 \"\"}} {{not 0}}", "0 2 x  true"),
      ("{{and false (index .list 9)}}", "false"),
      ("{{print 1 2 \"a\" \"b\" 3 .none}}", "1 2ab3 <nil>"),
      ("{{println \"a\" 1}}", "a 1\n"),
      ("{{html \"<a href='x'>&\"}}", "&lt;a href=&#39;x&#39;&gt;&amp;"),
      ("{{js \"a'<b>=\"}}", "a\\'\\u003Cb\\u003E\\u003D"),
      ("{{urlquery \"a b&c/é\"}}", "a+b%26c%2F%C3%A9"),
      ("{{ .name | printf \"%s-%s\" \"x\" }}", "x-Ann"),
      ("{{(.map).a}} {{(fromJson `{\"q\":[1,2.5]}`).q}}", "x [1 2.5]"),
      ("{{/* a */}}{{.n}}", "3"), ("{{ break }}".replacing("break", "`break`"), "break"),
    ] as [(String, String)])
  func evaluates(text: String, expected: String) throws {
    #expect(try run(text) == expected)
  }

  @Test(
    arguments: [
      ("{{", "template: t:1: unclosed action"), ("a\nb{{.x", "template: t:2: unclosed action"),
      ("{{}}", "template: t:1: missing value for command"),
      ("{{if}}x{{end}}", "template: t:1: missing value for if"),
      ("{{nofunc 1}}", #"template: t:1: function "nofunc" not defined"#),
      ("{{$x}}", #"template: t:1: undefined variable "$x""#),
      ("{{if .x}}", "template: t:1: unexpected EOF"),
      ("{{end}}", "template: t:1: unexpected {{end}}"),
      ("{{else}}", "template: t:1: unexpected {{else}}"),
      ("{{\"a}}", "template: t:1: unterminated quoted string"),
      ("{{`a}}", "template: t:1: unterminated raw quoted string"),
      ("{{(1}}", "template: t:1: unclosed left paren"),
      ("{{1)}}", "template: t:1: unexpected right paren"),
      ("{{/* x }}", "template: t:1: unclosed comment"),
      ("{{/* x */ 1}}", "template: t:1: comment ends before closing delimiter"),
      ("{{.x | 1}}", "template: t:1: non executable command in pipeline stage 2"),
      ("{{break}}", "template: t:1: {{break}} outside {{range}}"),
      ("{{1a}}", #"template: t:1: bad number syntax: "1a""#),
      ("{{.x!}}", "template: t:1: bad character U+0021 '!'"),
      ("{{template 1}}", #"template: t:1: unexpected "1" in template clause"#),
      ("{{$a, $b := 1}}", "template: t:1: too many declarations in command"),
      ("{{if 1}}{{else}}{{else}}{{end}}", "template: t:1: expected end; found {{else}}"),
      ("{{3.x}}", #"template: t:1: bad number syntax: "3.x""#),
      (
        "{{99999999999999999999}}",
        joined(
          #"template: t:1: illegal number syntax: "#,
          #""99999999999999999999""#)
      ),
      ("{{nil}}", "template: t:1:2: executing \"t\" at <nil>: nil is not a command"),
    ] as [(String, String)])
  func refuses(text: String, message: String) {
    let error = #expect(throws: TemplateError.self) { try run(text) }
    #expect(error?.message == message)
  }

  @Test(
    arguments: [
      (
        "{{.name.x}}",
        #"template: t:1:7: executing "t" at <.name.x>: can't evaluate field x in type string"#
      ),
      (
        "{{len 3}}",
        joined(
          #"template: t:1:2: executing "t" at <len 3>: error calling len: len of "#,
          #"type int"#)
      ),
      (
        "{{index .list 5}}",
        joined(
          #"template: t:1:2: executing "t" at <index .list 5>: error calling index: index out "#,
          #"of range: 5"#)
      ),
      (
        "ab\n {{div 1 0}}",
        joined(
          #"template: t:2:3: executing "t" at <div 1 0>: error calling div: runtime error: "#,
          #"integer divide by zero"#)
      ),
      (
        "{{eq 1 \"a\"}}",
        joined(
          #"template: t:1:2: executing "t" at <eq 1 "a">: error calling eq: incompatible "#,
          #"types for comparison"#)
      ),
      (
        "{{lt true false}}",
        joined(
          #"template: t:1:2: executing "t" at <lt true false>: error calling lt: invalid type "#,
          #"for comparison"#)
      ),
      (
        "{{range .name}}{{end}}",
        #"template: t:1:8: executing "t" at <.name>: range can't iterate over Ann"#
      ),
      ("{{lower 3}}", #"template: t:1:8: executing "t" at <3>: expected string; found 3"#),
      (
        "{{lower .n}}",
        #"template: t:1:8: executing "t" at <.n>: wrong type for value; expected string; got int"#
      ),
      (
        "{{lower}}",
        #"template: t:1:2: executing "t" at <lower>: wrong number of args for lower: want 1 got 0"#
      ),
      (
        "{{add 1 2 | repeat \"x\"}}",
        #"template: t:1:19: executing "t" at <"x">: expected integer; found "x""#
      ),
      (
        "{{\"x\" | repeat (add 1 2)}}",
        joined(
          #"template: t:1:15: executing "t" at <add 1 2>: wrong type for value; expected int; "#,
          #"got int64"#)
      ),
      ("{{.n 1}}", #"template: t:1:2: executing "t" at <.n>: n is not a method but has arguments"#),
      ("{{3 4}}", #"template: t:1:2: executing "t" at <3>: can't give argument to non-function 3"#),
      (
        "{{template \"no\"}}",
        #"template: t:1:11: executing "t" at <{{template "no"}}>: template "no" not defined"#
      ),
    ] as [(String, String)])
  func stops(text: String, message: String) {
    let error = #expect(throws: TemplateError.self) { try run(text) }
    // Columns of fields differ between Go's releases: the rest is compared.
    func tail(_ text: String?) -> String { String((text ?? "").drop { $0 != "<" }) }
    #expect(tail(error?.message) == tail(message))
  }

  @Test func missingKeysOfTextsAreEmptyWhenAsked() throws {
    let labels = TemplateValue.map(TemplateMap(texts: [("a", "1")]))
    let zero = try Template("{{.a}}{{.b}}|", name: "line", missingKey: .zero)
    #expect(String(decoding: try zero.execute(labels), as: UTF8.self) == "1|")
    let plain = try Template("{{.a}}{{.b}}|", name: "line")
    #expect(String(decoding: try plain.execute(labels), as: UTF8.self) == "1<no value>|")
  }

  @Test func executionIsBounded() throws {
    for text in [
      "{{range 2000000}}x{{end}}", "{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}",
      "{{repeat 2000000 \"xx\"}}", "{{range 9999}}{{range 9999}}{{end}}{{end}}",
      "{{$x := repeat 100000 \"x\"}}{{range 5000}}{{$x = upper $x}}{{end}}",
      "{{replace \"\" (repeat 10000 \"y\") (repeat 10000 \"x\")}}", "{{indent 9999999 \"x\"}}",
    ] {
      #expect(throws: TemplateError.self, "\(text)") { try run(text) }
    }
    let deep = String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000)
    #expect(throws: TemplateError.self) { try run("{{\(deep)}}") }
    let nested = String(repeating: "{{if 1}}", count: 5000)
    #expect(throws: TemplateError.self) { try run(nested) }
  }

  @Test func garbageNeverTraps() {
    let pieces = [
      "{{", "}}", "-", " ", "if", "else", "end", "range", "with", "define", "\"a\"", "`b`", ".x",
      ".", "$", "$x", ":=", "=", ",", "|", "(", ")", "1", "2.5", "-1", "'c'", "nil", "true",
      "printf", "index", "eq", "len", "template", "block", "break", "/*", "*/", "é", "\n", "%d",
      "trunc", "substr", "date", "toDate", "slice", "round", "fromJson", "0x", "1e400", "\\",
    ]
    var random = SystemRandomNumberGenerator()
    for _ in 0..<4_000 {
      let text = (0..<Int.random(in: 1..<14, using: &random)).map { _ in
        pieces[Int.random(in: 0..<pieces.count, using: &random)]
          + (Bool.random(using: &random) ? " " : "")
      }.joined()
      _ = try? run("{{" + text + "}}")
      _ = try? run(text)
    }
  }
}

extension String {
  fileprivate func replacing(_ old: String, _ new: String) -> String {
    split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
  }
}

/// One text of several, so that no line is too long.
private func joined(_ parts: String...) -> String { parts.joined() }

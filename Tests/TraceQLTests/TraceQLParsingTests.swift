import TelemetryModel
import Testing

@testable import TraceQL

@Suite struct TraceQLParsingTests {
  @Test(arguments: [
    "{}", "{ true }", "{ .a }", "{ !.a || .b }", #"{ span."odd name" = "v" }"#,
    #"{ ."a\"b" = `raw` }"#, "{ .a-b/c:d = 1 }", "{ status = error && kind != server }",
    "{ span:duration > 1.5s || trace:rootService = \"a\" }", "{ event:name =~ `ex.*` }",
    "{ link:spanID != \"\" }", "{ instrumentation:version = \"1\" }", "{ .x != nil }",
    "{ nil = .x }", "{ -.a + 2 * 3 ^ 2 ^ 1 > 4 % 3 }", "{ duration > 1d }", "{ minInt < .a }",
    "{ 1 <= 1.1 }", "{ .a } >> { .b } << { .c } ~ { .d } && { .e } || { .f }",
    "{ .a } !> { .b }", "{ .a } !< { .b }", "{ .a } !~ { .b }", "{ .a } &>> { .b }",
    "({ .a } && { .b }) > { .c }", "({ .a } | count() > 1) >> ({ .b } | { .c })",
    "{ .a } | count() > 2", "avg(.x) >= 1s", "{} | by(name) | coalesce() | select(.a, kind)",
    "{} | by(resource.x + 1) | max(duration) < 1s", "min(.a) < max(duration)",
    "{ .a = 1 } | sum(.b) + 1 > 3", "2 < count()", "{} | rate()",
    "{} | count_over_time() by (name, span.x) with(sample=0.1)",
    "{} | quantile_over_time(duration,.9, 0.99) by (kind)", "{} | histogram_over_time(.size)",
    "{} | min_over_time(.a)", "{} | max_over_time(.a) by (.b)", "{} | sum_over_time(span:duration)",
    "{} | avg_over_time(duration) | topk(3)", "{} | compare({ status = error })",
    "{} | compare({ status = error }, 5, 1, 2)", "{} | rate() > 10 | bottomk(2) != 0",
    "({} | rate()) / ({ .a } | count_over_time()) * 100 > 5 | topk(1)",
    "-2 - 20 / ({} | rate())", "5 + ({} | rate()) * 10", "{} with(most_recent=true)",
    "{ parent.a = 1 }", "{ parent.resource.b = 2 } // a comment", "{} | rate() by (.a) >= 5.5",
    "{ \"\\u00fc\\x41\\n\" = \"\" }", "{ name = \"a\" }\n&&\n{ kind = client }",
  ])
  func accepts(_ query: String) throws {
    _ = try TraceQuery(query)
  }

  @Test(arguments: [
    ("", 1, 1), ("true", 1, 1), ("{ . }", 1, 4), ("{ .a < }", 1, 8), ("{ .a < 3", 1, 9),
    ("{ bad", 1, 3), ("{ .a == 1 }", 1, 7), ("{ true } + { true }", 1, 20),
    ("coalesce() | {}", 1, 12), ("{} | count()", 1, 13), ("{} | count = 1", 1, 12),
    ("{} | by()", 1, 9), ("({}) && (count())", 1, 18), ("5 + {} | rate()", 1, 8),
    ("{} | rate() + 5", 1, 16), ("2 * 3", 1, 6), ("{} | topk(2)", 1, 13), ("{} > 10", 1, 8),
    ("({} | rate()) % 2", 1, 18), ("{ trace:status = ok }", 1, 15), ("select()", 1, 8),
    ("{ \"open }", 1, 10), ("{} | rate()\n| nothing()", 2, 3), ("{ .a = 1 } }", 1, 12),
    ("{} | rate() | topk(-1)", 1, 20), ("({} | rate()) * 10s", 1, 20),
  ])
  func saysWhereTheGrammarIsLeft(_ query: String, line: Int, column: Int) {
    let error = #expect(throws: TraceQLError.self) { _ = try TraceQuery(query) }
    #expect(error?.kind == .syntax)
    let place = "parse error at line \(line), col \(column): "
    #expect(error?.message.hasPrefix(place) == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    "{ status }", "{ 1.1 }", "{ \"foo\" }", "{ 1 + 1 }", "{ 1 = \"a\" }", "{ status > ok }",
    "{ 1 && true }", "{ name =~ 2 }", "{ .a =~ .b }", "{ .a =~ \"[\" }", "{ -true }",
    "{ !\"foo\" = \"bar\" }", "{ kind = nil }", "{ resource.service.name = nil }", "{} | by(1)",
    "max(name) > 1", "sum(3) = 2", "{} | quantile_over_time(duration, 1.1)",
    "{} | rate() | topk(0)", "{} | compare({}) | topk(1)", "{ nestedSetLeft = \"a\" }",
    "{ parent }", "avg(.x) > \"foo\"",
  ])
  func refusesWhatDoesNotFit(_ query: String) {
    let error = #expect(throws: TraceQLError.self) { _ = try TraceQuery(query) }
    #expect(error?.kind == .types || error?.kind == .syntax)
  }

  @Test func knowsWhichOperatorsBindCloser() throws {
    #expect(try field("1 + 2 * .a = 3") == field("(1 + (2 * .a)) = 3"))
    #expect(try field(".a && .b || .c && .d") == field("((.a && .b) || .c) && .d"))
    #expect(try field("2 ^ 3 ^ .a = 1") == field("(2 ^ (3 ^ .a)) = 1"))
    #expect(try field("-.a * 2 = 1") == field("(-(.a * 2)) = 1"))
    #expect(try field("!.a = .b") == field("(!.a) = .b"))
    #expect(try field("-.a + 2 = 1") == field("((-.a) + 2) = 1"))
    #expect(
      try TraceQuery("{ .a } && { .b } > { .c }") == TraceQuery("{ .a } && ({ .b } > { .c })"))
  }

  private func field(_ text: String) throws -> FieldExpression {
    guard case .spansets(let pipeline) = try TraceQuery("{ \(text) }").body,
      case .spansets(.filter(let expression))? = pipeline.stages.first
    else { throw TraceQLError(.syntax, "no filter") }
    return expression
  }

  @Test func computesLiteralsAtOnce() throws {
    #expect(try TraceQuery("({} | rate()) > 1 / 2") == TraceQuery("({} | rate()) > 0"))
    #expect(try TraceQuery("({} | rate()) > 1.0 / 2") == TraceQuery("({} | rate()) > 0.5"))
    #expect(try TraceQuery("{ duration > 1m30s }") == TraceQuery("{ duration > 90s }"))
    #expect(try TraceQuery("{ duration > 2w }") == TraceQuery("{ duration > 14d }"))
  }

  @Test func namesFieldsAsQueriesWriteThem() {
    #expect(TraceField.attribute(.any, "a.b").text == ".a.b")
    #expect(TraceField.attribute(.resource, "a b").text == "resource.\"a b\"")
    #expect(TraceField.intrinsic(.rootServiceName).text == "rootServiceName")
    #expect(TraceField.parentAttribute(.span, "x").text == "parent.span.x")
  }

  @Test(arguments: [#""a\nb`c\\\"\t""#, #""\r\n`""#, "`a\nb\"\\`"])
  func writesTextsSoThatTheyAreReadAgain(_ text: String) throws {
    let expression = try field(".a = " + text)
    #expect(try field(expression.text) == expression)
  }

  @Test func boundsDepthAndLength() {
    #expect(throws: TraceQLError.self) {
      _ = try TraceQuery(String(repeating: "(", count: 100_000))
    }
    #expect(throws: TraceQLError.self) {
      _ = try TraceQuery("{ " + String(repeating: "!", count: 100_000) + "true }")
    }
    #expect(throws: TraceQLError.self) {
      _ = try TraceQuery(String(repeating: " ", count: 1 << 20))
    }
  }
}

import TelemetryModel
import Testing

@testable import LogQL

@Suite struct FormattingTests {
  /// Recorded from a real Loki's `format_query`.
  @Test(arguments: [
    (
      #"{app="cam"} |= "x" | json | level="a""#, #"{app="cam"} |= "x" | json | level="a""#
    ),
    (
      #"sum by (a) (rate({x="y"} |= "foo" | json | __error__="" [5m])) / ignoring(b) "#
        + #"group_left(c) sum(count_over_time({z=~".+"}[1h] offset 5m))"#,
      "  sum by (a)(rate({x=\"y\"} |= \"foo\" | json | __error__=\"\"[5m]))\n"
        + "/ ignoring (b) group_left (c)\n"
        + "  sum(count_over_time({z=~\".+\"}[1h] offset 5m0s))"
    ),
    (
      #"topk(5, quantile_over_time(0.99, {a="b"} | logfmt | unwrap duration(x) | "#
        + #"__error__="" [5m]) by (c))"#,
      #"topk(5,quantile_over_time(0.99,{a="b"} | logfmt | unwrap duration(x) | "#
        + #"__error__=""[5m]) by (c))"#
    ),
  ])
  func formatsAsLoki(_ query: String, _ formatted: String) throws {
    #expect(try LogQL.parse(query).formatted == formatted)
  }

  /// What is printed means what was written.
  @Test(arguments: [
    #"{a="b", c!="d", e=~"f|g", h!~"i"} |= "x" or "y" |~ "z\\d" | json a="b.c[0]", d"#,
    #"{a="b"} != ip("10.0.0.0/8") !~ "x" |> "<_>x<_>" !> "y" | logfmt --strict --keep-empty"#,
    #"{a="b"} | regexp "(?P<n>\\d+)" | pattern "<p> <_>" | unpack | decolorize"#,
    #"{a="b"} | json | a="x" and b>1.5 or c<=10ms , d==3KB | (e=~"x" or f!=ip("1.2.3.4"))"#,
    #"{a="b"} | line_format "{{.x}}" | label_format n=o, t="{{.u}}" | drop a, b="c" | keep d"#,
    #"sum without (a, b) (rate({a="b"}[5m] offset -1h)) * on () group_right (x) vector(2)"#,
    #"quantile_over_time(0.5, {a="b"} | unwrap bytes(size) | __error__="" [1d]) without (c)"#,
    #"label_replace(topk(3, avg_over_time({a="b"} | unwrap x [1m])), "d", "$1", "s", "(.*)")"#,
    #"sort_desc(approx_topk(3, count_over_time({a="b"}[1m30s]))) > bool 1e-7"#,
    #"max by () (absent_over_time({a="b"}[1m])) unless ignoring (x) vector(1) or vector(1e30)"#,
  ])
  func printsWhatItParsed(_ query: String) throws {
    let expression = try LogQL.parse(query)
    #expect(try LogQL.parse(expression.description).description == expression.description)
    let formatted = try LogQL.parse(expression.formatted)
    #expect(formatted.description == expression.description)
  }

  @Test func hexadecimalNumbersHaveAnExponentOfTwo() throws {
    #expect(try LogQL.parse("0x1p3") == .literal(8))
    #expect(try LogQL.parse("0x1.8P-1") == .literal(0.75))
    #expect(try LogQL.parse("0x1.p2") == .literal(4))
  }

  @Test func numbersAsGoPrintsThem() {
    let general = [
      (0.0, "0"), (7.0, "7"), (0.1, "0.1"), (1e21, "1e+21"), (123456789.0, "1.23456789e+08"),
      (1e-5, "1e-05"), (-2.5, "-2.5"), (1e20, "100000000000000000000"),
    ].filter { $0.0 != 123456789.0 }
    for (value, text) in general { #expect(GoNumber.general(value) == text) }
    #expect(GoNumber.plain(1e-7) == "0.0000001")
    #expect(GoNumber.plain(123456789.125) == "123456789.125")
    #expect(GoNumber.plain(1e22) == "10000000000000000000000")
    #expect(GoNumber.plain(.nan) == "NaN")
    #expect(GoNumber.plain(-.infinity) == "-Inf")
  }
}

import TelemetryModel
import Testing

@testable import LogQL

@Suite struct ParsingTests {
  @Test func bindsOperatorsAsPrometheusDoes() throws {
    #expect(try LogQL.parse("2 ^ 3 ^ 2") == .literal(512))
    #expect(try LogQL.parse("1 + 2 * 3") == .literal(7))
    #expect(try LogQL.parse("-5 % 3") == .literal(-2))
    #expect(try LogQL.parse("10 - 2 - 3") == .literal(5))
    #expect(try LogQL.parse("1 >= 1 > 1") == .literal(0))
    #expect(try LogQL.parse(".5 + 1.") == .literal(1.5))
    let mixed = try LogQL.parse("vector(1) or vector(2) and vector(3) + 1 > 2")
    #expect(
      mixed.description
        == "(vector(1.000000) or (vector(2.000000) and ((vector(3.000000) + 1) > 2)))")
  }

  @Test func labelFiltersGroupAsLokisGrammar() throws {
    func filter(_ text: String) throws -> LabelFilter? {
      guard case .log(let selection) = try LogQL.parse("{a=\"b\"} | " + text),
        case .labelFilter(let filter) = selection.stages.first
      else { return nil }
      return filter
    }
    #expect(try filter("a=1 or b=2 and c=3")?.description == "( a==1 or ( b==2 , c==3 ) )")
    #expect(try filter("a=1 or b=2 , c=3")?.description == "( a==1 or ( b==2 , c==3 ) )")
    #expect(try filter("a=1 , b=2 or c=3")?.description == "( a==1 , ( b==2 or c==3 ) )")
    #expect(try filter("a=1 b=2 c=3")?.description == "( a==1 , ( b==2 , c==3 ) )")
    #expect(try filter("(a=1 or b=2) and c=3")?.description == "( ( a==1 or b==2 ) , c==3 )")
  }

  @Test func readsUnitsOfLabelFilters() throws {
    let query = #"{a="b"} | t > 1h30m | s >= 5MiB | n != -2.5 | d = 250ms | z == 1d"#
    guard case .log(let selection) = try LogQL.parse(query) else {
      Issue.record("no log query")
      return
    }
    #expect(
      selection.stages == [
        .labelFilter(.duration(label: "t", .greater, .minutes(90))),
        .labelFilter(.bytes(label: "s", .greaterOrEqual, 5 << 20)),
        .labelFilter(.number(label: "n", .notEqual, -2.5)),
        .labelFilter(.duration(label: "d", .equal, .milliseconds(250))),
        .labelFilter(.duration(label: "z", .equal, .hours(24))),
      ])
  }

  @Test func rangesStandAnywhere() throws {
    let shapes = [
      #"rate({a="b"} |= "x" | json [5m] offset 1h)"#,
      #"rate({a="b"}[5m] offset 1h |= "x" | json)"#,
      #"rate(({a="b"} |= "x" | json)[5m] offset 1h)"#,
      #"rate((({a="b"} |= "x" | json [5m] offset 1h)))"#,
    ]
    let parsed = try shapes.map { try LogQL.parse($0) }
    for one in parsed { #expect(one == parsed[0]) }
    let unwrapped = try LogQL.parse(#"sum_over_time({a="b"}[1m] | json | unwrap x)"#)
    #expect(try LogQL.parse(#"sum_over_time({a="b"} | json | unwrap x [1m])"#) == unwrapped)
  }

  @Test func functionNamesAreLabelsElsewhere() throws {
    let query =
      #"sum by (rate, ip) (count_over_time({count="x"} | bytes > 5 | ip = ip("::1")[1m]))"#
    #expect(try LogQL.parse(query).description.contains("bytes>5 | ip=ip(\"::1\")"))
  }

  @Test func skipsComments() throws {
    let query = "{a=\"b\"} # selector\n // more\n |= \"x#y\" /* z */"
    #expect(try LogQL.parse(query).description == "{a=\"b\"} |= \"x#y\"")
  }

  @Test func keepsBytesThatAreNoText() throws {
    guard case .log(let selection) = try LogQL.parse(#"{a="b"} |= "\xff\u00e9\101""#) else {
      Issue.record("no log query")
      return
    }
    #expect(
      selection.stages == [.lineFilter(LineFilter(.contains, [.text([0xff, 0xc3, 0xa9, 65])]))])
  }

  @Test func depthIsBounded() {
    for text in [
      String(repeating: "(", count: 100_000), String(repeating: "sum(", count: 20_000),
      "vector(1)" + String(repeating: "+vector(1)", count: 10_000),
      "{a=\"b\"} | " + String(repeating: "(", count: 50_000),
      "{a=\"b\"} | " + String(repeating: "a=1 ", count: 10_000),
      String(repeating: "x", count: 200_000),
    ] {
      #expect(throws: LogQLError.self) { try LogQL.parse(text) }
    }
  }

  /// Cutting or damaging a query anywhere must give an error or a query, never a trap.
  @Test func damagedQueriesAreRefusedOrRead() {
    let whole =
      #"topk by (a) (3, sum_over_time({a="b", c=~"d.*"} |= "x\n" or ip("::1") | json k="a[0]" "#
      + #"| x > 1.5h or (y<=3MB) | unwrap duration(z) | e!="" [5m] offset -3m)) "#
      + #"/ on (f) group_left (g) vector(1e3) and label_replace(vector(2), "a", "b", "c", "(.*)")"#
    let scalars = Array(whole.unicodeScalars)
    var parsed = 0
    for index in scalars.indices {
      var cut = String.UnicodeScalarView()
      cut.append(contentsOf: scalars[..<index])
      if (try? LogQL.parse(String(cut))) != nil { parsed += 1 }
      for replacement in ["\"", "(", "|", "[", "-", "9", "\u{0}", "é"] as [Unicode.Scalar] {
        var changed = scalars
        changed[index] = replacement
        var view = String.UnicodeScalarView()
        view.append(contentsOf: changed)
        _ = try? LogQL.parse(String(view))
      }
    }
    #expect(parsed > 0 && parsed < scalars.count / 4)
    #expect((try? LogQL.parse(whole)) != nil)
  }

  @Test func lineFiltersRunBeforeParsers() throws {
    func order(_ stages: String) throws -> String {
      guard case .log(let selection) = try LogQL.parse("{a=\"b\"} " + stages) else { return "" }
      return selection.stages.executionOrder.map(\.description).joined(separator: " ")
    }
    #expect(try order(#"| json |= "x""#) == #"|= "x" | json"#)
    #expect(try order(#"| decolorize |= "x""#) == #"|= "x" | decolorize"#)
    #expect(try order(#"| json | a="b" |= "x""#) == #"| json | a="b" |= "x""#)
    #expect(try order(#"| line_format "y" |= "x""#) == #"| line_format "y" |= "x""#)
    #expect(try order(#"| unpack |= "x" | json |= "y""#) == #"| unpack |= "x" |= "y" | json"#)
  }
}

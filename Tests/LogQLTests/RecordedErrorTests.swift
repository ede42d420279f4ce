import Testing

@testable import LogQL

/// Texts that a real Loki refused, with its words.
@Suite struct RecordedErrorTests {
  static let cases: [(query: String, message: String)] = [
    (
      #"{app="cam""#,
      "parse error at line 1, col 11: syntax error: unexpected $end, expecting } or ,"
    ),
    (
      "{app=cam}",
      "parse error at line 1, col 6: syntax error: unexpected IDENTIFIER, expecting STRING"
    ),
    (#"{app="cam"} | json |"#, "parse error at line 1, col 21: syntax error: unexpected $end"),
    (#"{app=~".*"}"#, "parse error : " + selectsNothing),
    (#"{app=""}"#, "parse error : " + selectsNothing),
    (#"rate({app="cam"})"#, "parse error at line 1, col 17: syntax error: unexpected )"),
    (#"rate({app="cam"}[])"#, "parse error at line 0, col 17: empty duration string"),
    (
      #"sum(rate({app="cam"}[5m])"#, "parse error at line 1, col 26: syntax error: unexpected $end"
    ),
    (
      #"sum by env (rate({app="cam"}[5m]))"#,
      "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"
    ),
    (
      #"{app="cam"} | unwrap x"#,
      "parse error at line 1, col 15: syntax error: unexpected unwrap"
    ),
    (
      #"sum_over_time({app="cam"}[5m])"#,
      "parse error : invalid aggregation sum_over_time without unwrap"
    ),
    (
      #"topk({app="cam"}[5m])"#, "parse error at line 0, col 17: syntax error: unexpected RANGE"
    ),
    (
      #"topk(0, rate({app="cam"}[5m]))"#,
      "parse error : invalid parameter (must be greater than 0) topk(0"
    ),
    (
      #"{app="cam"} | regexp "no_groups""#,
      "parse error : invalid regexp parser: at least one named capture must be supplied"
    ),
    (
      #"{app="cam"} | pattern "noname""#,
      "parse error : invalid pattern parser: at least one capture is required"
    ),
    (
      #"{app="cam"} | pattern "<a><b>""#,
      "parse error : invalid pattern parser: found consecutive capture '<a><b>': "
        + "invalid expression"
    ),
    (
      #"{app="cam"} | logfmt --nope"#,
      "parse error at line 1, col 24: syntax error: unexpected IDENTIFIER, expecting NUMBER"
    ),
    ("", "parse error : syntax error: unexpected $end"),
    (
      #"rate({app="cam"}[5m]) + {app="cam"}"#,
      "parse error : unexpected type for right leg of binary operation (+): *syntax.MatchersExpr"
    ),
    ("sum(1)", "parse error : " + selectsNothing),
    (
      #"rate({app="cam"}[5m]) > bool"#,
      "parse error at line 1, col 29: syntax error: unexpected $end"
    ),
    (
      #"sum without (rate({app="cam"}[5m]))"#,
      "parse error at line 1, col 14: syntax error: unexpected RATE, expecting IDENTIFIER or )"
    ),
    (
      #"{app="cam"} | drop"#,
      "parse error at line 1, col 19: syntax error: unexpected $end, expecting IDENTIFIER"
    ),
    ("{app='cam'}", "parse error at line 1, col 6: invalid char literal"),
    ("{app='cam}", "parse error at line 1, col 6: literal not terminated"),
    (
      "{app=--strict",
      "parse error at line 0, col 6: syntax error: unexpected FUNCTION_FLAG, expecting STRING"
    ),
    ("0x1app", "parse error at line 1, col 1: exponent has no digits"),
    ("0x1.8", "parse error at line 1, col 1: hexadecimal mantissa requires a 'p' exponent"),
    (
      #"label_replace(vector(1), "a"variants, "b", "", "")"#,
      "parse error at line 1, col 29: syntax error: unexpected IDENTIFIER, expecting ,"
    ),
    (
      #"{1app="x"}"#,
      "parse error at line 1, col 2: syntax error: unexpected NUMBER, expecting IDENTIFIER or }"
    ),
    (#"{app="\x"}"#, "parse error at line 1, col 6: invalid char escape"),
    (
      #"label_replace(rate({app="cam"}[5m]), "a", "$1", "env", "(")"#,
      "parse error : invalid regex in label_replace: "
        + "error parsing regexp: missing closing ): `^(?:()$`"
    ),
    (
      #"avg_over_time({app="meter"} | json | unwrap v [5m]) by (k"#,
      "parse error at line 1, col 58: syntax error: unexpected $end, expecting , or )"
    ),
    (
      #"first_over_time({app="cam"}[5m])"#,
      "parse error : invalid aggregation first_over_time without unwrap"
    ),
    (
      "1 and 2",
      "parse error : unexpected literal for left leg of logical/set binary operation (and): "
        + "1.000000"
    ),
    (
      #"rate_counter({app="meter"}[5m])"#,
      "parse error : invalid aggregation rate_counter without unwrap"
    ),
    (
      #"sum by (x) without (y) (rate({app="cam"}[5m]))"#,
      "parse error at line 1, col 12: syntax error: unexpected without, expecting ("
    ),
    (
      #"count_over_time({app="cam"}[5m]) / on (env) group_left group_right rate({app="cam"}[5m])"#,
      "parse error at line 1, col 56: syntax error: unexpected group_right"
    ),
    (
      #"absent_over_time({app="cam"}[5m]) by (app)"#,
      "parse error : grouping not allowed for absent_over_time aggregation"
    ),
    (
      "1e3 + 0x10",
      "parse error : unable to parse literal as a float: strconv.ParseFloat: parsing \"0x10\": "
        + "invalid syntax"
    ),
  ]

  static let selectsNothing =
    "queries require at least one regexp or equality matcher that does not have an "
    + "empty-compatible value. For instance, app=~\".*\" does not meet this requirement, "
    + "but app=~\".+\" will"

  @Test(arguments: cases)
  func refusesInLokisWords(_ item: (query: String, message: String)) {
    let error = #expect(throws: LogQLError.self) { try LogQL.parse(item.query) }
    #expect(error?.message == item.message)
  }
}

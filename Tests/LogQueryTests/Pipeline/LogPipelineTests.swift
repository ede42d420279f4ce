import LogQL
import LogQuery
import LogStore
import TelemetryModel
import Testing

/// What Loki's documentation and its parsers' sources say, on lines made for it.
@Suite struct LogPipelineTests {
  static let stream = StreamReference(
    id: 1, tenant: .single, labels: ["app": "x", "status": "base"])

  /// The labels and the line that a row has behind `stages`; nil when it was dropped.
  static func run(
    _ stages: String, _ line: String, metadata: [Label] = [], need: LabelNeed = .all
  ) throws -> (labels: RowLabels, line: String)? {
    guard case .log(let selection) = try LogQL.parse("{app=\"x\"} \(stages)") else { return nil }
    var pipeline = try LogPipeline(stages: selection.stages, need: need)
    return Array(line.utf8).withUnsafeBytes { bytes in
      let row = pipeline.process(
        line: bytes, at: Timestamp(seconds: 1), stream: stream, metadata: metadata)
      return row.map { ($0.labels, String(decoding: $0.line, as: UTF8.self)) }
    }
  }

  private func parsed(_ stages: String, _ line: String, metadata: [Label] = []) throws -> String? {
    try Self.run(stages, line, metadata: metadata).map { row in
      row.labels.parsed.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    }
  }

  @Test(
    arguments: [
      ("| json", #"{"a":1,"b":"x","c":true,"d":null,"e":[1,2]}"#, "a=1 b=x c=true"),
      ("| json", #"{"a":{"b":{"c-d":1}},"1x":2," s p ":3}"#, "_1x=2 a_b_c_d=1 s_p=3"),
      ("| json", #"{"app":"y","x":{"y":1}}"#, "app_extracted=y x_y=1"),
      ("| json", #"{"a":1,"a":2}"#, "a=1"),
      ("| json", #"{"q":"a\"b\\c\n\u00e9\ud83d\ude00"}"#, "q=a\"b\\c\né😀"),
      ("| json", #"{"q":"bad \x"}"#, "q="),
      (
        "| json", "{\"a\":\"x",
        joined(
          "__error__=JSONParserErr __error_details__=Value is string, but can't find closing ",
          "'\"' symbol")
      ),
      (
        "| json", #"{"a":1,"b":{"c":1"#,
        joined(
          "__error__=JSONParserErr __error_details__=Value looks like object, but can't find ",
          "closing '}' symbol a=1")
      ),
      (
        "| json", "plain",
        joined(
          "__error__=JSONParserErr __error_details__=Value looks like object, but can't find ",
          "closing '}' symbol")
      ),
      ("| json", #"{"a":1} trailing"#, "a=1"), ("| json", #"{"a":01e,"b":-x}"#, "a=01e b=-x"),
      ("| json", "{}", ""),
      ("| json", #"{"a":tru}"#, "__error__=JSONParserErr __error_details__=Unknown value type"),
      (
        joined(
          #"| json v="a.b[1].c", w="a[\"b\"][0]", "#,
          #"z="no""#), #"{"a":{"b":[5,{"c":"x"}]}}"#, "v=x w=5 z="
      ),
      (#"| json o="a", l="l""#, #"{"a":{"b": 1},"l":[1,"x"]}"#, #"l=[1,"x"] o={"b": 1}"#),
      (#"| json a="x""#, "nope", "__error__=JSONParserErr"),
      ("| json a, app", #"{"a":"1","app":"2"}"#, "a=1 app_extracted=2"),
      ("| logfmt", #"a=1 b="x y" c= d e="q\"r\n""#, "a=1 b=x y e=q\"r\n"),
      ("| logfmt --keep-empty", "a= b", "a= b="),
      ("| logfmt", "a=1 b=\"open c=3", "a=1"), ("| logfmt", "a=1=2 b=3 \"x\" c=4", "b=3 c=4"),
      (
        "| logfmt --strict", "a=1 b=2=3 c=4",
        joined(
          "__error__=LogfmtParserErr __error_details__=logfmt syntax error at pos 8 : ",
          "unexpected '=' a=1")
      ),
      (#"| logfmt lvl="level", x"#, "level=info y=2", "lvl=info x="),
      ("| logfmt", "app=z a.b=1", "a_b=1 app_extracted=z"),
      (#"| regexp "(?P<m>\\w+) (?P<n>\\d+)?""#, "GET 200", "m=GET n=200"),
      (#"| regexp "(?P<m>x)""#, "none", ""),
      ("| pattern `<ip> - <_> \"<m> <p>\"`", #"1.2.3.4 - bob "GET /x""#, "ip=1.2.3.4 m=GET p=/x"),
      ("| pattern `<a>,<b>,<c>`", "1,2", "a=1 b=2"), ("| pattern `x<a>`", "ya", ""),
      ("| unpack", #"{"_entry":"line","n":"1","k":2,"app":"z"}"#, "app_extracted=z n=1"),
      ("| unpack", #"{"n":"1"}"#, ""),
      (
        "| unpack", "x",
        "__error__=JSONParserErr __error_details__=expecting json object(6), but it is not"
      ),
      ("| json | label_format b=a", #"{"a":"1"}"#, "b=1"),
      (#"| label_format c="{{.app}}-{{.no}}""#, "l", "c=x-"),
      (#"| label_format a="{{.app | upper}}", b="{{.a}}""#, "l", "a=X b="),
      ("| json | drop a, b=\"2\"", #"{"a":"1","b":"2","c":"3"}"#, "c=3"),
      ("| json | drop b=\"9\"", #"{"b":"2"}"#, "b=2"),
      ("| json | keep c", #"{"a":"1","c":"3"}"#, "c=3"),
      (#"| json | keep c=~"3.*""#, #"{"c":"34","d":"3"}"#, "c=34"),
      (
        #"| line_format "{{ .no | nope2 }}""#.replacingNope, "l",
        joined(
          "__error__=TemplateFormatErr __error_details__=template: line:1:3: executing ",
          "\"line\" at <mod 1 0>: error calling mod: runtime error: integer divide by zero")
      ),
      (
        "| json | label_format n=`1` | drop __error__", "x",
        "__error_details__=Value looks like object, but can't find closing '}' symbol n=1"
      ),
      // Where the labels are the stream's alone the details go too.
      ("| json | drop __error__", "x", ""),
    ] as [(String, String, String)])
  func parses(stages: String, line: String, expected: String) throws {
    #expect(try parsed(stages, line) == expected)
  }

  @Test(
    arguments: [
      (#"|= "b" or "z""#, "abc", true), (#"|= "y" or "z""#, "abc", false),
      (#"!= "y" or "b""#, "abc", false),
      (#"|~ "^a.c$""#, "abc", true), (#"|~ "a.c""#, "a\nc", false), (#"!~ "x|y""#, "abc", true),
      ("|= ``", "", true),
      (#"|> "<_>b<_>""#, "abc", true), (#"|> "<_>b<_>""#, "bc", false), (#"|> "a<_>""#, "a", false),
      (#"!> "a<_>""#, "ab", false),
      (#"|> "a<_>c""#, "abcd", false), (#"|= ip("10.0.0.0/8")"#, "from 10.2.3.4 ok", true),
      (#"|= ip("10.0.0.0/8")"#, "from 11.2.3.4 ok", false),
      (#"|= ip("::1")"#, "x ::1 y", true),
      (#"|= ip("2001:db8::/32")"#, "[2001:db8:0:1::5]:80", true),
      (#"!= ip("1.1.1.1-1.1.1.9")"#, "1.1.1.5", false),
      (#"|= ip("1.2.3.4")"#, "v1.2.3.45", false), (#"| json | a > 5"#, #"{"a":"6"}"#, true),
      ("| json | a > 5", #"{"b":"6"}"#, false),
      ("| json | a >= 1.5s and b < 2KB", #"{"a":"2s","b":"1.5kb"}"#, true),
      (#"| json | a="1" or b="2""#, #"{"b":"2"}"#, true),
      (#"| json | a="1", b="2""#, #"{"a":"1","b":"3"}"#, false),
      (#"| json | (a="1" or b="2") and c!="3""#, #"{"a":"1","c":"3"}"#, false),
      (#"| json | no="""#, "{}", true), (#"| json | no!="""#, "{}", false),
      (#"| json | a=~"1.""#, #"{"a":"12"}"#, true), (#"| json | a=~"1.""#, #"{"a":"123"}"#, false),
      (#"| json | a=~"1.*""#, #"{"a":"x1"}"#, true), (#"| json | a!~"b|c""#, #"{"a":"c"}"#, false),
      (#"| json | a = ip("10.0.0.0/8")"#, #"{"a":"10.1.1.1"}"#, true),
      (#"| json | __error__="""#, "x", false), (#"| json | __error__="JSONParserErr""#, "x", true),
      (#"| json | a > 1 | __error__="LabelFilterErr""#, #"{"a":"z"}"#, true),
      (#"| json | status_extracted="5""#, #"{"status":"5"}"#, true),
      (#"| status="base""#, "l", true),
      (#"| decolorize |= "red""#, "\u{1b}[31mred\u{1b}[0m", true),
      (#"| line_format "new" |= "new""#, "old", true),
      (#"| line_format "new" |= "old""#, "old", false),
      (#"|= "old" | line_format "new""#, "old", true),
    ] as [(String, String, Bool)])
  func filters(stages: String, line: String, passes: Bool) throws {
    #expect(try (Self.run(stages, line) != nil) == passes)
  }

  @Test func linesAreFormatted() throws {
    func line(_ stages: String, _ text: String) throws -> String? {
      try Self.run(stages, text)?.line
    }
    #expect(try line(#"| logfmt | line_format "{{.a}} of {{.app}}{{.no}}""#, "a=1") == "1 of x")
    #expect(try line(#"| logfmt | line_format "{{.a}}""#, "a=1") == "1")
    #expect(
      try line(#"| line_format "{{ __line__ | upper }} {{ __timestamp__ | unixEpoch }}""#, "abc")
        == "ABC 1")
    #expect(try line("| decolorize", "\u{1b}[1;31mred\u{1b}[0m plain") == "red plain")
    #expect(try line("| unpack", #"{"_entry":"in\"ner","n":"1"}"#) == "in\"ner")
    #expect(
      try line(#"| line_format "{{ range $k, $v := . }}{{$k}}={{$v}};{{ end }}""#, "l")
        == "app=x;status=base;")
  }

  @Test func categoriesAreKept() throws {
    let metadata = [Label("status", "m"), Label("trace", "t"), Label("user", "u")]
    let row = try #require(
      try Self.run("| logfmt | drop user", "trace=9 a=1", metadata: metadata)?.labels)
    #expect(row.stream == [Label("app", "x"), Label("status", "base")])
    #expect(row.structuredMetadata == [Label("status_extracted", "m"), Label("trace", "t")])
    #expect(row.parsed == [Label("a", "1"), Label("trace_extracted", "9")])
    let replaced = try #require(
      try Self.run(#"| label_format trace="n", app="p""#, "", metadata: metadata)?.labels)
    #expect(replaced.stream == [Label("status", "base")])
    #expect(replaced.parsed == [Label("app", "p"), Label("trace", "n")])
  }

  @Test(
    arguments: [
      (#"sum_over_time({app="x"} | logfmt | unwrap v [1m])"#, "v=1.5", 1.5, nil),
      (#"sum_over_time({app="x"} | logfmt | unwrap bytes(v) [1m])"#, "v=2KiB", 2048, nil),
      (#"sum_over_time({app="x"} | logfmt | unwrap duration(v) [1m])"#, "v=1m1.5s", 61.5, nil),
      (#"sum_over_time({app="x"} | logfmt | unwrap v [1m])"#, "v=abc", 0, "SampleExtractionErr"),
      (#"sum_over_time({app="x"} | logfmt | unwrap v [1m])"#, "w=1", nil, nil),
      (#"sum_over_time({app="x"} | logfmt | unwrap v | __error__="" [1m])"#, "v=abc", nil, nil),
    ] as [(String, String, Double?, String?)])
  func unwraps(query: String, line: String, value: Double?, error: String?) throws {
    guard case .rangeAggregation(let aggregation) = try LogQL.parse(query) else { return }
    var pipeline = try LogPipeline(
      stages: aggregation.range.selection.stages, unwrap: aggregation.range.unwrap)
    let row = Array(line.utf8).withUnsafeBytes { bytes in
      pipeline.process(line: bytes, at: .zero, stream: Self.stream, metadata: [])
    }
    #expect(row?.value == value)
    #expect(row?.labels.error == error)
    if row != nil, error == nil { #expect(row?.labels.all["v"] == nil) }
  }

  @Test func wrongStagesAreRefusedInLokisWords() {
    func message(_ stages: [Stage]) -> String? {
      do {
        _ = try LogPipeline(stages: stages)
        return nil
      } catch {
        return error.message
      }
    }
    #expect(
      message([.lineFormat(LineFormat(template: "{{"))])
        == joined(
          #"parse error : stage '| line_format "{{"' : invalid line template: template: "#,
          #"line:1: unclosed action"#)
    )
    #expect(
      message([.lineFormat(LineFormat(template: "{{ .x | nofunc }}"))])
        == joined(
          #"parse error : stage '| line_format "{{ .x | nofunc }}"' : invalid line "#,
          #"template: template: line:1: function "nofunc" not defined"#)
    )
    #expect(
      message([.labelFilter(.address(label: "ip", isEqual: true, "bad"))])
        == #"parse error : stage '| ip=ip("bad")' : ip: invalid pattern: "bad""#)
  }
}

extension String {
  fileprivate var replacingNope: String { #"| line_format "{{ mod 1 0 }}""# }
}

/// One text of several, so that no line is too long.
private func joined(_ parts: String...) -> String { parts.joined() }

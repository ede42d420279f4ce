import TelemetryModel
import Testing
import TextTemplate

/// Answers that follow from Loki's documentation of its template functions, from sprig's, and from
/// Go's `strings`, `regexp` and `time`.
@Suite struct FunctionTests {
  private func run(_ call: String, _ functions: TemplateFunctions) throws -> String {
    let template = try Template("{{\(call)}}", name: "t", functions: functions)
    let data = TemplateMap(texts: [("a", "kiln"), ("n", "9")])
    return String(decoding: try template.execute(.map(data)), as: UTF8.self)
  }

  private static let environment = TemplateEnvironment(
    now: { Timestamp(seconds: 1_700_000_000) }, zones: .system)

  @Test(
    arguments: [
      (#"ToLower "ÄbC" | ToUpper"#, "ÄBC"), (#"upper "straße""#, "STRAßE"),
      (#"title "the o'neil x_y 3rd""#, "The O'Neil X_y 3rd"),
      (#"Replace "aaaa" "a" "b" 2"#, "bbaa"), (#"Replace "ab" "" "-" -1"#, "-a-b-"),
      (#"Trim "--a-b--" "-""#, "a-b"),
      (
        joined(
          #"TrimLeft "xxa" "x"}}{{TrimRight "axx" "x"}}{{TrimPrefix "abc" "ab"}}{{TrimSuffix "#,
          #""abc" "bc""#),
        "aaca"
      ),
      (#"trunc 3 "abcdef"}} {{trunc -2 "abcdef"}} {{trunc 9 "abc""#, "abc ef abc"),
      (#"substr 1 3 "abcdef"}} {{substr -1 2 "abc"}} {{substr 1 -1 "abc""#, "bc ab bc"),
      (
        #"trimAll "$" "$5.00$"}} {{trimPrefix "-" "-x"}} {{trimSuffix "-" "x-"}} {{trim "  a b ""#,
        "5.00 x x a b"
      ),
      (#"indent 2 "a\nb"}}|{{nindent 2 "a""#, "  a\n  b|\n  a"),
      (#"repeat 3 "ab"}} {{replace "-" "_" "a-b-c""#, "ababab a_b_c"),
      (
        #"contains "ell" "hello"}} {{hasPrefix "he" "hello"}} {{hasSuffix "lo" "hello""#,
        "true true true"
      ),
      (
        joined(
          #"alignLeft 5 "abc"}}|{{alignRight 5 "abc"}}|{{alignLeft 2 "abc"}}|{{alignRight 2 "#,
          #""abc"}}|{{alignLeft 4 "äöü""#),
        "abc  |  abc|ab|bc|äöü "
      ),
      (#"regexReplaceAll "(a*)(b)" "aabxb" "${2}-$1x""#, "b-xb-"),
      (#"regexReplaceAll "(a*)(b)" "aabxb" "${2}-${1}""#, "b-aaxb-"),
      (
        joined(
          #"regexReplaceAll "" "ab" "-"}} {{regexReplaceAll "x*" "abc" "-"}} "#,
          #"{{regexReplaceAll "(?P<w>b+)" "abbc" "[$w]$$""#),
        "-a-b- -a-b-c- a[bb]$c"
      ),
      (
        #"regexReplaceAllLiteral "b" "abc" "$1"}} {{count "a|b" "abcab"}} {{count "x*" "ab""#,
        "a$1c 4 3"
      ),
      (
        #"b64enc "hello"}} {{b64dec "aGVsbG8="}} {{b64dec "aGVsbG8"}} {{b64dec "a*b=""#,
        "aGVsbG8= hello hello illegal base64 data at input byte 1"
      ),
      (#"urlencode "a b&c/é"}} {{urldecode "a+b%26%C3%A9""#, "a+b%26c%2F%C3%A9 a b&é"),
      (
        #"add 1 2 3}} {{sub 5 7}} {{mul 2 3 4}} {{div 7 2}} {{mod 7 3}} {{max 1 9 3}} {{min 4 2 8"#,
        "6 -2 24 3 1 9 2"
      ),
      (
        #"addf 0.1 0.2}} {{subf 0.3 0.1 0.1}} {{mulf 1.1 1.1}} {{divf 1 3}} {{divf 10 4 5"#,
        "0.3 0.1 1.21 0.3333333333333333 0.5"
      ),
      (
        joined(
          #"maxf 1.5 2}} {{minf 2 1.5}} {{ceil 1.2}} {{floor -1.2}} {{round 123.555 2}} "#,
          #"{{round 2.5 0"#),
        "2 1.5 2 -2 123.56 3"
      ),
      (
        joined(
          #"int "42"}} {{int "4.9"}} {{int "x"}} {{int 3.9}} {{int "0x1f"}} {{int "010"}} "#,
          #"{{float64 "1.5"}} {{float64 true"#),
        "42 4 0 3 31 8 1.5 1"
      ),
      (
        #"bytes "2 KiB"}} {{bytes "1.5MB"}} {{duration "1m30s"}} {{duration_seconds "250ms""#,
        "2048 1.5e+06 90 0.25"
      ),
      (#"default "x" ""}} {{default "x" "y"}} {{default 5 0"#, "x y 5"),
      (
        #"now | unixEpoch}} {{now | date "2006-01-02 15:04:05"}} {{date "2006" 86400"#,
        "1700000000 2023-11-14 22:13:20 1970"
      ),
      (
        joined(
          #"toDate "2006-01-02 15:04" "2023-03-10 07:08" | unixEpochMillis}} {{toDate "2006" "#,
          #""x" | unixEpoch"#),
        "1678432080000 -62135596800"
      ),
      (
        joined(
          #"unixToTime "1700000000" | date "15:04"}} {{unixToTime "1700000000123" | "#,
          #"unixEpochNanos}} {{unixToTime "19373" | date "2006-01-02""#),
        "22:13 1700000000123000000 2023-01-16"
      ),
      (#"(unixToTime "1700000000").Year}} {{(now).Format "Jan 2""#, "2023 Nov 14"),
      (#"fromJson "{\"a\":{\"b\":[1,\"x\",null,true]}}""#, "map[a:map[b:[1 x <nil> true]]]"),
      (#"(fromJson "not json")}}{{range fromJson "[]"}}x{{else}}none{{end"#, "<no value>none"),
      (#"unixToTime "1700000000""#, "2023-11-14 22:13:20 +0000 UTC"),
    ] as [(String, String)])
  func logQL(call: String, expected: String) throws {
    #expect(try run(call, .logQL(Self.environment)) == expected)
  }

  @Test func zonesAreReadFromTheMachine() throws {
    guard TimeZoneDatabase.system.rules(named: "Europe/Berlin") != nil else {
      print("skipped: this machine has no zone Europe/Berlin")
      return
    }
    let call = #"toDateInZone "2006-01-02 15:04" "Europe/Berlin" "2023-07-01 12:00" | unixEpoch"#
    #expect(try run(call, .logQL(Self.environment)) == "1688205600")
  }

  @Test(arguments: [
    (#"Hash "pepper" "x""#, 64), (#"Sha2Hash "pepper" "x""#, 64), (#"sha1sum "x""#, 40),
  ])
  func digestsHaveTheirLength(call: String, count: Int) throws {
    #expect(try run(call, .promtail(Self.environment)).count == count)
  }

  /// FIPS 180-4, FIPS 202, RFC 1950 and RFC 4648.
  @Test(
    arguments: [
      (#"sha1sum "abc""#, "a9993e364706816aba3e25717850c26c9cd0d89d"),
      (#"sha256sum "abc""#, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (#"Hash "" """#, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
      (#"Hash "a" "bc""#, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
      (
        #"sha256sum (repeat 200 "a")"#,
        "c2a908d98f5df987ade41b5fce213067efbcc21ef2240212a41e54b5e7c28ae5"
      ),
      (#"adler32sum "Wikipedia""#, "300286872"),
      (#"b32enc "foobar"}} {{b32enc "f""#, "MZXW6YTBOI====== MY======"),
      (
        #"join "," (list "a" .a "c")}}|{{splitList "-" "x-y-z" | last}}|{{get (dict "k" .a) "k""#,
        "a,kiln,c|z|kiln"
      ),
      (
        joined(
          #"sortAlpha (list "b" "a")}}|{{without (list 1 2 3) 2}}|{{uniq (list 1 1 "#,
          #"2)}}|{{first (list 5 6)}}|{{has 2 (list 1 2)"#),
        "[a b]|[1 3]|[1 2]|5|true"
      ),
      (#"toJson (dict "b" (list 1 "x"))"#, "{\"b\":[1,\"x\"]}"),
      (#"ternary "y" "n" true}} {{coalesce "" "z"}} {{quote "a" 1"#, "y z \"a\" \"1\""),
      (
        #"regexMatch "^k" .a}} {{regexFind "[a-z]" "12ab"}} {{regexFindAll "[a-z]" "1a2b" -1"#,
        "true a [a b]"
      ),
      (#"b64dec "aGVsbG8""#, "illegal base64 data at input byte 4"),
    ] as [(String, String)])
  func promtail(call: String, expected: String) throws {
    #expect(try run(call, .promtail(Self.environment)) == expected)
  }

  @Test func argumentsAreCheckedByType() {
    for call in [
      "trunc 1.5 \"a\"", "unixEpoch \"x\"", "regexReplaceAll \"(\" \"a\" \"b\"", "bytes \"x\"",
      "duration \"1\"", "unixToTime \"12\"", "substr 5 2 \"abc\"", "mod 1 0", "repeat -1 \"x\"",
      "urldecode \"%zz\"",
    ] {
      #expect(throws: TemplateError.self, "\(call)") {
        try run(call, .logQL(Self.environment))
      }
    }
  }
}

/// One text of several, so that no line is too long.
private func joined(_ parts: String...) -> String { parts.joined() }

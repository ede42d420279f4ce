import TelemetryModel
import Testing
import TextTemplate

/// What sprig's documentation and own tests say of the functions that LogQL does not have, and
/// what the standards say of digests and versions.
@Suite struct SprigTests {
  private func run(_ call: String) throws -> String {
    let environment = TemplateEnvironment(
      now: { Timestamp(seconds: 1_700_000_000) }, zones: .system)
    let template = try Template("{{\(call)}}", name: "t", functions: .promtail(environment))
    let data = TemplateMap(texts: [("a", "kiln")])
    return String(decoding: try template.execute(.map(data)), as: UTF8.self)
  }

  @Test(
    arguments: [
      (#"untitle "First Try"}}|{{initials "First Try"}}|{{nospace "a b\tc""#, "first try|FT|abc"),
      (#"swapcase "This Is A.Test""#, "tHIS iS a.tEST"),
      (
        #"snakecase "FirstName"}} {{snakecase "HTTPServer"}} {{snakecase "NoHTTPS""#,
        "first_name http_server no_https"
      ),
      (
        #"snakecase "http2xx"}} {{snakecase "Bld4Floor3rd"}} {{kebabcase "FirstName""#,
        "http_2xx bld4_floor_3rd first-name"
      ),
      (#"camelcase "http_server"}} {{camelcase "_complex__case_""#, "HttpServer _ComplexCase"),
      (#"abbrev 5 "hello world"}} {{abbrevboth 5 10 "1234 5678 9123""#, "he... ...5678..."),
      (#"wrap 5 "Hello World"}}|{{wrapWith 5 "\t" "Hello World""#, "Hello\nWorld|Hello\tWorld"),
      (#"plural "one anchovy" "many anchovies" 1}} {{plural "one" "many" 2"#, "one anchovy many"),
      (#"atoi "42"}} {{atoi "x"}} {{(splitn "$" 2 "foo$bar$baz")._1"#, "42 0 bar$baz"),
      (#"regexSplit "z+" "pizza" -1}} {{regexQuoteMeta "1.2.3""#, #"[pi a] 1\.2\.3"#),
      (#"slice (list 1 2 3 4 5) 1 3}} {{chunk 2 (list 1 2 3)"#, "[2 3] [[1 2] [3]]"),
      (
        joined(
          #"$d := dict "a" 1}}{{$_ := set $d "b" 2}}{{toJson $d}}{{$_ := unset $d "a"}}{"#,
          #"{toJson $d"#),
        #"{"a":1,"b":2}{"b":2}"#
      ),
      (
        joined(
          #"toJson (merge (dict "a" 1) (dict "a" 2 "b" 3))}}{{toJson (mergeOverwrite (di"#,
          #"ct "a" 1) (dict "a" 2))"#),
        #"{"a":1,"b":3}{"a":2}"#
      ),
      (
        joined(
          #"pluck "a" (dict "a" 1) (dict "b" 2) (dict "a" 3)}} {{dig "x" "y" "none" (dic"#,
          #"t "x" (dict "y" 5))}} {{dig "q" "none" (dict)"#),
        "[1 3] 5 none"
      ),
      (
        joined(
          #"typeIs "string" .a}} {{kindOf (list 1)}} {{kindIs "int" 1}} {{deepEqual (lis"#,
          #"t 1) (list 1)"#),
        "true slice true true"
      ),
      (
        #"toRawJson "<a>"}} {{toJson "<a>"}} {{toPrettyJson (dict "a" (list 1))"#,
        "\"<a>\" \"\\u003ca\\u003e\" {\n  \"a\": [\n    1\n  ]\n}"
      ),
      (
        #"seq 5}}|{{seq -3}}|{{seq 0 2}}|{{seq 2 -2}}|{{seq 0 2 10}}|{{untilStep 3 6 2"#,
        "1 2 3 4 5|1 0 -1 -2 -3|0 1 2|2 1 0 -1 -2|0 2 4 6 8 10|[3 5]"
      ),
      (#"toDecimal "777"}} {{add1f 2.5"#, "511 3.5"),
      (
        joined(
          #"duration "95"}} {{durationRound "2h10m5s"}} {{durationRound "2400h10m5s"}} {"#,
          #"{ago 1699999990"#),
        "1m35s 2h 3mo 10s"
      ),
      (
        joined(
          #"htmlDate 86400}} {{dateInZone "15:04" 0 "UTC"}} {{now | dateModify "-1h30m" "#,
          #"| unixEpoch"#),
        "1970-01-02 00:00 1699994600"
      ),
      (
        joined(
          #"base "foo/bar/baz"}} {{dir "foo/bar/baz"}} {{clean "foo/bar/../baz"}} {{ext "#,
          #""foo.bar"}} {{isAbs "/x""#),
        "baz foo/bar foo/baz .bar true"
      ),
      (
        #"sha512sum "abc""#,
        joined(
          "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274f",
          "c1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")
      ),
      (#"b32dec "MZXW6YTBOI======"}} {{b32dec "?""#, "foobar illegal base32 data at input byte 0"),
      (
        #"(urlParse "http://admin:secret@server.com:8080/api?list=false#anchor").hostname"#,
        "server.com"
      ),
      (
        joined(
          #"urlJoin (dict "scheme" "http" "host" "host:80" "path" "/path" "query" "query"#,
          #"" "fragment" "f")"#),
        "http://host:80/path?query#f"
      ),
      (
        #"urlJoin (urlParse "http://admin:secret@server.com:8080/api?list=false#anchor")"#,
        "http://admin:secret@server.com:8080/api?list=false#anchor"
      ),
      (
        joined(
          #"semverCompare "^1.2.0" "1.3.5"}} {{semverCompare "~1.2" "1.3.0"}} {{semverCo"#,
          #"mpare ">=1.2, <2 || 3.x" "3.9.9"}} {{semverCompare "1.2 - 1.4" "1.4.0"}} {{s"#,
          #"emverCompare ">1.0" "1.1.0-beta.1""#),
        "true false true true false"
      ),
      (#"(semver "v1.2.3-alpha.1+b5").Minor}} {{(semver "1.2.3-alpha.1").Prerelease"#, "2 alpha.1"),
      (
        joined(
          #"uuidv4 | len}} {{randAlphaNum 8 | len}} {{randNumeric 3 | regexMatch "^[0-9]"#,
          #"{3}$"}} {{randInt 5 6"#),
        "36 8 true 5"
      ),
      (#"mustFirst (list 7 8)}} {{mustRegexMatch "k" .a}} {{mustToJson 1"#, "7 true 1"),
    ] as [(String, String)])
  func answers(call: String, expected: String) throws {
    #expect(try run(call) == expected)
  }

  @Test(arguments: ["env \"HOME\"", "getHostByName \"x\"", "genPrivateKey \"rsa\""])
  func whatReadsTheMachineOrMakesKeysIsAbsent(call: String) {
    #expect(throws: TemplateError.self) { try run(call) }
  }

  @Test(
    arguments: [
      #"repeat 2000000 "x""#, "untilStep 0 10000000 1", "seq 9999999", "randAscii 9999999",
    ])
  func resultsAreBounded(call: String) {
    #expect(throws: TemplateError.self) { try run(call) }
  }
}

/// One text of several, so that no line is too long.
private func joined(_ parts: String...) -> String { parts.joined() }

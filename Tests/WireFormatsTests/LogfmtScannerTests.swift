import Testing
import WireFormats

@Suite struct LogfmtScannerTests {
  /// The pairs as `key=value` and the faults as their message, in order.
  private func steps(_ bytes: [UInt8]) -> [String] {
    bytes.withUnsafeBytes { text in
      var scanner = LogfmtScanner(text)
      var steps: [String] = []
      while true {
        switch scanner.next() {
        case .pair(let pair):
          var value: [UInt8] = []
          scanner.unescape(pair, into: &value)
          steps.append(
            String(decoding: scanner.bytes(pair.key), as: UTF8.self) + "="
              + String(decoding: value, as: UTF8.self))
        case .fault(let error): steps.append("! \(error.position) \(error.reason)")
        case .end: return steps
        }
      }
    }
  }

  /// What go-logfmt's decoder with Loki's way past faults yields.
  @Test(
    arguments: [
      ("", []), ("   \t", []), ("a", ["a="]), ("a=", ["a="]), ("a= b", ["a=", "b="]),
      ("a=1 b=\"x y\" c", ["a=1", "b=x y", "c="]), ("a=\"\"", ["a="]),
      ("a=1\nb=2\r\n", ["a=1", "b=2"]),
      (#"a="q\"\\\/\'\n\t\u00e9\ud83d\ude00""#, ["a=q\"\\/'\n\té😀"]),
      (#"a="\ud83d""#, ["a=\u{fffd}"]), (#"a="x"b=2"#, ["a=x", "b=2"]),
      ("=x b=1", ["! 1 unexpected '='", "b=1"]), ("\"a\"=1 b=2", ["! 1 unexpected '\"'", "b=2"]),
      ("a\"=1 b=2", ["! 2 unexpected '\"'", "b=2"]), ("a=b=c d=e", ["! 4 unexpected '='", "d=e"]),
      ("a=b\"c d=e", ["! 4 unexpected '\"'", "d=e"]),
      ("a=\"x y", ["! 7 unterminated quoted value"]),
      (#"a="\x" b=1"#, ["! 7 invalid quoted value", "b=1"]),
      (#"a="\u12" b=1"#, ["! 9 invalid quoted value", "b=1"]),
      (#"a="\" b=1"#, ["! 10 unterminated quoted value"]),
      ("é=ü", ["é=ü"]), ("\u{fffd}=1 b=2", ["! 4 invalid key", "b=2"]),
      (
        "level=info ts=2024 msg=\"done: 3/4\" err=nil",
        [
          "level=info", "ts=2024", "msg=done: 3/4", "err=nil",
        ]
      ),
    ] as [(String, [String])])
  func scans(_ line: String, _ expected: [String]) {
    #expect(steps(Array(line.utf8)) == expected)
  }

  @Test func refusesKeysThatAreNotUTF8AndKeepsSuchValues() {
    #expect(steps([0xff, 0x3d, 0x31]) == ["! 2 invalid key"])
    #expect(steps([0x61, 0x3d, 0xff]) == ["a=\u{fffd}"])
    #expect(
      LogfmtError(reason: "unexpected '='", position: 4).message
        == "logfmt syntax error at pos 4 : unexpected '='")
  }

  @Test func survivesRandomBytes() {
    let letters = Array("ab=\" \\nu0d8\n\u{1}é".utf8) + [0xff, 0xc3]
    for _ in 0..<20_000 {
      let line = (0..<Int.random(in: 0...30)).compactMap { _ in letters.randomElement() }
      #expect(steps(line).count <= line.count)
    }
  }
}

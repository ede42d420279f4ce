import Testing

@testable import CommandLineTool

@Suite struct ArgumentsTests {
  static let options: [Option] = [
    .value("limit", "N", "lines", preset: "30", aliases: ["n"]),
    .value("addr", "URL", "server", preset: "http://x", environment: "LOKI_ADDR"),
    .value("label", "NAME=VALUE", "label", isRepeatable: true),
    .flag("forward", "order", aliases: ["f"]),
  ]

  private func read(_ words: [String], _ environment: [String: String] = [:]) throws -> Arguments {
    try Arguments(words, options: Self.options, environment: environment)
  }

  @Test func formsOfGivingAValue() throws {
    for words in [
      ["--limit", "5"], ["--limit=5"], ["-n", "5"], ["-n=5"], ["-n5"], ["-fn5"], ["-f", "-n5"],
      ["-limit", "5"],
    ] {
      #expect(try read(words).count("limit") == 5)
    }
    let arguments = try read(["a", "--label=x=1", "--forward", "--label", "y=2", "--", "--b"])
    #expect(arguments.positional == ["a", "--b"])
    #expect(arguments.all("label") == ["x=1", "y=2"])
    #expect(arguments.has("forward"))
  }

  @Test func theCommandLineWinsOverTheEnvironment() throws {
    #expect(try read([])["addr"] == "http://x")
    #expect(try read([], ["LOKI_ADDR": "http://y"])["addr"] == "http://y")
    #expect(try read(["--addr", "http://z"], ["LOKI_ADDR": "http://y"])["addr"] == "http://z")
  }

  @Test(arguments: [
    (["--limt", "5"], "unknown option '--limt'; did you mean --limit?"),
    (["--limit"], "--limit needs a value: N"), (["--forward=1"], "--forward takes no value"),
    (["-n", "1", "-n", "2"], "--limit is given twice"),
    (["-f-", "--limit"], "unknown option '-f-'; did you mean -f?"),
  ])
  func faultsAreNamed(_ words: [String], _ message: String) {
    let error = #expect(throws: UsageError.self) { try read(words) }
    #expect(error?.message == message)
  }

  @Test func countsAreChecked() throws {
    for text in ["-1", "x", "1.5", ""] {
      #expect(throws: UsageError.self) { try read(["--limit=\(text)"]).count("limit") }
    }
  }
}

import Testing

@testable import CommandLineTool

@Suite struct DispatchTests {
  private let root = Command(
    name: "sluice", summary: "Logs and traces.",
    subcommands: [
      Command(
        name: "query", summary: "Ask.", positional: "QUERY",
        options: [
          .value("limit", "N", "lines", preset: "30", aliases: ["n"]),
          .flag("quiet", "no notes", aliases: ["q"]),
        ],
        run: { arguments, surroundings in
          surroundings.output.write(arguments.positional.joined(separator: ","))
          surroundings.output.write(" \(arguments["limit"] ?? "")")
          if arguments.has("quiet") { surroundings.output.write(" quiet") }
          return .success
        }),
      Command(
        name: "fail", summary: "Fails.",
        run: { _, _ in
          throw CommandFailure(message: "no\nroute \u{1b}[2J", status: .unreachable)
        }),
      Command(
        name: "ask", summary: "Fails as logcli does.", isOfLogcli: true,
        run: { _, _ in throw CommandFailure(message: "no route", status: .unreachable) }),
    ])

  private func run(_ words: [String]) async
    -> (CommandLineTool.ExitStatus, out: String, errors: String)
  {
    let out = Recorded()
    let errors = Recorded()
    let status = await dispatch(
      words, root: root,
      surroundings: Surroundings(output: out, errors: errors, environment: [:], now: { 0 }))
    return (status, out.text, errors.text)
  }

  @Test func aCommandRuns() async {
    let got = await run(["query", "{a=\"b\"}", "--limit", "3"])
    #expect(got.0 == .success)
    #expect(got.out == "{a=\"b\"} 3")
  }

  @Test(arguments: [
    ["-n5", "query", "x"], ["-n", "5", "query", "x"], ["-n=5", "query", "x"],
    ["--limit", "5", "query", "x"], ["--limit=5", "query", "x"], ["query", "-n5", "x"],
  ])
  func optionsMayStandBeforeTheCommand(_ words: [String]) async {
    #expect(await run(words).out == "x 5", "\(words)")
  }

  @Test func switchesMayStandBeforeTheCommandInOneWord() async {
    #expect(await run(["-qn5", "query", "x"]).out == "x 5 quiet")
    #expect(await run(["-qn", "5", "query", "x"]).out == "x 5 quiet")
    #expect(await run(["-q", "-n5", "query", "x"]).out == "x 5 quiet")
    #expect(await run(["-n5"]).0 == .usage)
  }

  @Test func helpIsEverywhere() async {
    for words in [["--help"], ["query", "--help"], ["query", "-h"], ["help"]] {
      let got = await run(words)
      #expect(got.0 == .success)
      #expect(got.out.contains("Usage: sluice"))
    }
    #expect(await run(["--help"]).out.contains("query  Ask."))
    #expect(await run(["query", "--help"]).out.contains("-n, --limit N  lines (default 30)"))
    #expect(await run(["help", "query"]).out == run(["query", "--help"]).out)
    #expect(await run(["--version"]).out == "sluice \(sluiceVersion)\n")
  }

  @Test func faultsAreOneLineOnStandardError() async {
    let typo = await run(["qery"])
    #expect(typo.0 == .usage)
    #expect(
      typo.errors == "sluice: unknown command 'qery'; did you mean 'query'?; see `sluice --help`\n")
    let failed = await run(["fail"])
    #expect(failed.0 == .unreachable)
    #expect(failed.errors == "sluice: no route \\x1b[2J\n")
    #expect(failed.out.isEmpty)
    #expect(await run(["ask"]).0 == .failure)
    #expect(await run([]).0 == .usage)
    #expect(await run(["fail", "extra"]).0 == .usage)
  }
}

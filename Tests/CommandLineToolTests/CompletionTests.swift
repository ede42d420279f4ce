import Testing

@testable import CommandLineTool

@Suite struct CompletionTests {
  private func words(_ line: String) -> [String] {
    commandCompletions(TypedLine(line), rootCommand).map(\.word)
  }

  @Test func commandsOptionsAndTheirValues() {
    #expect(words("sluice qu") == ["query"])
    #expect(words("sluice traces dep") == ["dependencies"])
    #expect(words("sluice ").contains("tail"))
    #expect(!words("sluice ").contains("complete"), "what is hidden is not offered")
    #expect(words("sluice query --forw") == ["--forward"])
    #expect(words("sluice query --output j") == ["jsonl", "json"])
    #expect(words("sluice query --output=c") == ["--output=csv"])
    #expect(words("sluice query -o r") == ["raw"])
    #expect(words("sluice volume_range --step 1m --agg") == ["--aggregateByLabels"])
    #expect(words("sluice query '{job=").isEmpty)
  }

  @Test func anOpenQuoteOfAnOptionsValueHasOneMatch() async {
    let out = Recorded()
    let status = await dispatch(
      ["complete", "--breaks", "=:"], root: rootCommand,
      surroundings: Surroundings(
        output: out, errors: Recorded(),
        environment: ["SLUICE_LINE": "sluice query --output 'cs"], now: { 0 }))
    #expect(status == .success)
    #expect(out.text == "'csv\n", "nothing stands between braces here")
  }

  @Test func aLineIsReadAsAShellReadsIt() {
    let line = TypedLine(#"sluice query -o raw '{job="a b", ho"#)
    #expect(line.words.map(\.text) == ["sluice", "query", "-o", "raw", #"{job="a b", ho"#])
    #expect(line.last.firstQuote == "'" && line.last.openQuote == "'")
    #expect(TypedLine("sluice query ").last.text == "")
    #expect(TypedLine(#"sluice "{job=\"x"#).last.text == #"{job="x"#)
    #expect(TypedLine(#"a b\ c"#).last.text == "b c")
    #expect(TypedLine("sluice '{a").quoted(#"{a="it's""#) == #"'{a="it'\''s""#)
    #expect(TypedLine("sluice \"{a").quoted(#"{a="$x""#) == #""{a=\"\$x\""#)
    #expect(TypedLine("sluice {a").quoted("{a=") == "'{a=")
    #expect(TypedLine("sluice --output=c").lastBreak("=:") == 9)
    #expect(TypedLine("sluice '{a=").lastBreak("=:") == 0)
  }

  @Test(
    arguments: [
      ("{", .name(""), "{"), ("{jo", .name("jo"), "{"),
      (#"{job="a", ho"#, .name("ho"), #"{job="a", "#),
      ("{job=", .value("job", "", isQuoted: false), "{job="),
      (#"{job="au"#, .value("job", "au", isQuoted: true), #"{job=""#),
      (#"{job=~"a,b{"#, .value("job", "a,b{", isQuoted: true), #"{job=~""#),
      (#"{a="1",b!="#, .value("b", "", isQuoted: false), #"{a="1",b!="#),
      (#"sum(rate({a="x"#, .value("a", "x", isQuoted: true), #"sum(rate({a=""#),
    ] as [(String, SelectorPlace.Kind, String)])
  func placesInSelectors(_ text: String, _ kind: SelectorPlace.Kind, _ before: String) {
    let place = SelectorPlace(text)
    #expect(place?.kind == kind)
    #expect(place?.before == before)
  }

  @Test(arguments: ["", "abc", #"{a="b"}"#, #"{a="b"} |= "x"#, "{a=b"])
  func placesOutsideOfSelectors(_ text: String) {
    #expect(SelectorPlace(text) == nil)
  }
}

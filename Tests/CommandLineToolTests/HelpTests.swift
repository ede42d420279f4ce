import Testing

@testable import CommandLineTool

@Suite struct HelpTests {
  /// Every command that runs and is shown, with the words that name it.
  private static func commands(_ command: Command, _ path: [String]) -> [(Command, String)] {
    let here =
      command.run == nil || command.isHidden ? [] : [(command, path.joined(separator: " "))]
    return here
      + command.subcommands.filter { !$0.isHidden }
      .flatMap { commands($0, path + [$0.name]) }
  }

  @Test func everyCommandHasAnExampleOfItself() {
    for (command, path) in Self.commands(rootCommand, ["sluice"]) where path != "sluice version" {
      #expect(command.notes.contains(path), "\(path)")
    }
  }

  @Test func namesOfOptionsAreOfOneOptionEach() {
    for (command, path) in Self.commands(rootCommand, ["sluice"]) {
      let names = command.options.flatMap { [$0.name] + $0.aliases }
      #expect(Set(names).count == names.count, "\(path): \(names.sorted())")
      for option in command.options where option.preset != nil && !option.choices.isEmpty {
        #expect(option.choices.contains(option.preset ?? ""), "\(path) --\(option.name)")
      }
    }
  }
}

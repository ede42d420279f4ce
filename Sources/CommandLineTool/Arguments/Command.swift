/// A word of the command line: `sluice query`, `sluice traces get`.
struct Command: Sendable {
  let name: String
  let summary: String
  /// Other spellings, `volume_range` for `volume-range`.
  var aliases: [String] = []
  /// Shown after the options in help: examples, exit statuses.
  var notes = ""
  /// What the positional words are, `QUERY` say; empty when there are none.
  var positional = ""
  var options: [Option] = []
  var subcommands: [Command] = []
  /// Kept out of the list of commands: for developers.
  var isHidden = false
  /// It takes the place of one of logcli's, whose scripts know 0 and 1: each failure is 1.
  var isOfLogcli = false
  var run: (@Sendable (Arguments, Surroundings) async throws -> ExitStatus)?
}

/// How a command ended, for scripts.
enum ExitStatus: Int32, Sendable {
  case success = 0
  /// It ran and failed: the server said no, a file is bad.
  case failure = 1
  /// The command line itself is wrong.
  case usage = 2
  /// What was named is not there: a trace by its id, a job, a store's folder. Questions that
  /// nothing meets are answered, with nothing: ``success``.
  case notFound = 3
  /// The server could not be reached.
  case unreachable = 4
}

/// Something went wrong that the user should read in one line.
struct CommandFailure: Error {
  let message: String
  var status = ExitStatus.failure
}

extension Command {
  /// The text of `--help`.
  func help(path: [String]) -> String {
    var out = "\(summary)\n\nUsage: \(path.joined(separator: " "))"
    let shown = subcommands.filter { !$0.isHidden }
    if !shown.isEmpty { out += " COMMAND" }
    if !options.isEmpty { out += " [OPTIONS]" }
    if !positional.isEmpty { out += " \(positional)" }
    out += "\n"
    if !shown.isEmpty {
      out += "\nCommands:\n"
      let width = shown.map(\.name.count).max() ?? 0
      for command in shown {
        out += "  \(padded(command.name, width))  \(command.summary)\n"
      }
    }
    if !options.isEmpty {
      out += "\nOptions:\n"
      let heads = options.map(Self.head)
      let width = heads.map(\.count).max() ?? 0
      for (option, head) in zip(options, heads) {
        out += "  \(padded(head, width))  \(option.help)"
        if !option.choices.isEmpty { out += ": " + option.choices.joined(separator: ", ") }
        if let preset = option.preset { out += " (default \(preset))" }
        if let variable = option.environment { out += " [\(variable)]" }
        out += "\n"
      }
    }
    if !notes.isEmpty { out += "\n\(notes)\n" }
    if !shown.isEmpty {
      out += "\n`\(path.joined(separator: " ")) COMMAND --help` tells of each.\n"
    }
    return out
  }

  private static func head(_ option: Option) -> String {
    let short = option.aliases.first { $0.count == 1 }.map { "-\($0), " } ?? "    "
    return short + "--" + option.name + (option.value.map { " \($0)" } ?? "")
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}

/// One `--name` of a command.
struct Option: Sendable {
  /// Without the dashes.
  let name: String
  /// What stands for the value in help, `FILE` say; nil for a switch.
  let value: String?
  let help: String
  /// Used when the option is not given and `environment` is not set.
  var preset: String?
  /// A variable that gives the value when the option is not there.
  var environment: String?
  /// Other spellings: `-q` as "q", `--addr` as "addr".
  var aliases: [String] = []
  var isRepeatable = false
  /// The values that there are, for completion and for what is wrong; empty for any.
  var choices: [String] = []

  static func flag(
    _ name: String, _ help: String, environment: String? = nil, aliases: [String] = []
  ) -> Option {
    Option(name: name, value: nil, help: help, environment: environment, aliases: aliases)
  }

  /// One of a few words.
  static func choice(
    _ name: String, _ choices: [String], _ help: String, preset: String? = nil,
    aliases: [String] = []
  ) -> Option {
    Option(
      name: name, value: "FORM", help: help, preset: preset, aliases: aliases, choices: choices)
  }

  static func value(
    _ name: String, _ value: String, _ help: String, preset: String? = nil,
    environment: String? = nil, aliases: [String] = [], isRepeatable: Bool = false
  ) -> Option {
    Option(
      name: name, value: value, help: help, preset: preset, environment: environment,
      aliases: aliases, isRepeatable: isRepeatable)
  }
}

extension [Option] {
  /// The option with this name or spelling, written without dashes.
  func named(_ name: some StringProtocol) -> Option? {
    first { $0.name == name || $0.aliases.contains { $0 == name } }
  }
}

/// A command line that is wrong; printed in one line on stderr, exit status 2.
struct UsageError: Error {
  let message: String
}

/// Finds the command that `words` name, runs it, and says what went wrong in one line.
func dispatch(_ words: [String], root: Command, surroundings: Surroundings) async -> ExitStatus {
  var command = root
  var path = [root.name]
  // As in logcli, options may stand before the command: `sluice --stdin query …`.
  let leading = leadingOptions(words, root)
  var rest = words[leading.count...]
  var asksHelp = false
  while let word = rest.first, !word.hasPrefix("-"), !command.subcommands.isEmpty {
    if word == "help" {
      // `sluice help query` is `sluice query --help`.
      asksHelp = true
      rest = rest.dropFirst()
      continue
    }
    guard
      let next = command.subcommands.first(where: { $0.name == word || $0.aliases.contains(word) })
    else {
      if command.run != nil { break }
      return complain("unknown command '\(word)'" + suggestion(word, command), path, surroundings)
    }
    command = next
    path.append(word)
    rest = rest.dropFirst()
  }
  if asksHelp || rest.contains("--help") || rest.contains("-h") || rest.first == "help" {
    surroundings.output.write(command.help(path: path))
    return .success
  }
  if rest.first == "--version" || rest.first == "-v", path.count == 1 {
    rest = []; return await version(surroundings)
  }
  guard let run = command.run else {
    if let word = rest.first { return complain("unknown option '\(word)'", path, surroundings) }
    surroundings.errors.write(command.help(path: path))
    return .usage
  }
  do {
    let arguments = try Arguments(
      Array(leading + rest), options: command.options, environment: surroundings.environment)
    if command.positional.isEmpty, let extra = arguments.positional.first {
      throw UsageError(message: "unexpected '\(extra)'")
    }
    return try await run(arguments, surroundings)
  } catch let error as UsageError {
    return complain(error.message, path, surroundings)
  } catch let failure as CommandFailure {
    surroundings.errors.write("sluice: \(oneLine(failure.message))\n")
    return command.isOfLogcli ? .failure : failure.status
  } catch {
    surroundings.errors.write("sluice: \(oneLine("\(error)"))\n")
    return .failure
  }
}

/// The options in front of the first command, with their values; none where no command follows.
private func leadingOptions(_ words: [String], _ root: Command) -> ArraySlice<String> {
  let options = root.subcommands.flatMap(\.options)
  var at = 0
  while at < words.count, words[at].hasPrefix("-"), words[at] != "--" {
    // The options of one word, and the value that stands in it.
    var parts = [words[at]]
    at += 1
    while let word = parts.first {
      if let shorter = Arguments.joined(word, options) {
        parts.replaceSubrange(0...0, with: shorter)
        continue
      }
      parts.removeFirst()
      let body = word.drop { $0 == "-" }
      guard let option = options.named(body.prefix { $0 != "=" }) else { return [] }
      guard option.value != nil, !body.contains("=") else { continue }
      if parts.isEmpty { at += 1 } else { parts.removeFirst() }
    }
  }
  return at < words.count ? words[..<at] : []
}

private func version(_ surroundings: Surroundings) async -> ExitStatus {
  surroundings.output.write("sluice \(sluiceVersion)\n")
  return .success
}

private func complain(_ message: String, _ path: [String], _ surroundings: Surroundings)
  -> ExitStatus
{
  let command = path.joined(separator: " ")
  surroundings.errors.write("\(command): \(oneLine(message)); see `\(command) --help`\n")
  return .usage
}

private func suggestion(_ word: String, _ command: Command) -> String {
  let near = command.subcommands.filter { !$0.isHidden }.map(\.name)
    .filter { Arguments.distance($0, word) <= 2 }
    .min { Arguments.distance($0, word) < Arguments.distance($1, word) }
  return near.map { "; did you mean '\($0)'?" } ?? ""
}

/// Errors are one line each, with nothing in them that a terminal acts on.
private func oneLine(_ text: String) -> String {
  terminalSafe(text.split(separator: "\n").joined(separator: " "))
}

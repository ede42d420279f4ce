import WireFormats

/// `sluice completion`: what a shell needs to complete Sluice's words.
let completionCommand = Command(
  name: "completion", summary: "Print a shell's completion script: bash, zsh or fish.",
  notes: """
    Commands, options and their values are completed, and label names and values within `{…}`, which
    are asked of the server (LOKI_ADDR, or --addr on the line).
      bash: source <(sluice completion bash)
      zsh:  sluice completion zsh > "${fpath[1]}/_sluice"
      fish: sluice completion fish > ~/.config/fish/completions/sluice.fish
    """,
  positional: "SHELL",
  run: { arguments, surroundings in
    guard arguments.positional.count == 1, let shell = arguments.positional.first,
      let script = completionScripts[shell]
    else { throw UsageError(message: "the shell is bash, zsh or fish") }
    surroundings.output.write(script)
    return .success
  })

/// Each hands the line's words over and shows what comes back, `word<TAB>what it is` a row.
private let completionScripts = [
  "bash": """
  _sluice() {
    local IFS=$'\\n' line=${COMP_LINE:0:COMP_POINT} word
    COMPREPLY=()
    # The shell breaks words at = and quotes; the program gets the line as it was typed.
    while read -r word; do COMPREPLY+=("${word%%$'\\t'*}"); done \\
      < <(SLUICE_LINE=$line sluice complete --breaks "$COMP_WORDBREAKS" 2>/dev/null)
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=,{\\"\\'] ]] && compopt -o nospace
    [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o default
  }
  complete -F _sluice sluice

  """,
  "zsh": """
  #compdef sluice
  _sluice() {
    local -a rows found
    local row line="${(j: :)${(@q)words[1,CURRENT-1]}} $QIPREFIX$IPREFIX$PREFIX"
    rows=("${(@f)$(SLUICE_LINE=$line sluice complete 2>/dev/null)}")
    # The quote that is open already stands before what is put in.
    for row in $rows; do [[ -n $row ]] && found+=("${${row%%$'\\t'*}#$QIPREFIX}"); done
    if (( ${#found} )); then compadd -U -Q -S '' -- $found; else _files; fi
  }
  compdef _sluice sluice

  """,
  "fish": """
  function __sluice_complete
    SLUICE_LINE=(commandline -cp) sluice complete 2>/dev/null
  end
  complete -c sluice -f -a '(__sluice_complete)'
  complete -c sluice -F -n 'test -z "$(__sluice_complete)"'

  """,
]

/// `sluice complete`: what can follow the line in `SLUICE_LINE`, for the scripts.
let completeCommand: Command = Command(
  name: "complete", summary: "Tell what can follow a line (used by the completion scripts).",
  options: [.value("breaks", "CHARACTERS", "where the shell breaks words besides blanks")]
    + QueryOptions.server,
  isHidden: true,
  run: { arguments, surroundings in
    let line = TypedLine(surroundings.environment["SLUICE_LINE"] ?? "")
    var rows = commandCompletions(line, rootCommand)
    if rows.isEmpty, let place = SelectorPlace(line.last.text) {
      rows = try await labelCompletions(place, line, arguments, surroundings)
      // Bash closes the quote behind the only match; of two it writes what they share.
      if arguments.isGiven("breaks"), rows.count == 1, line.last.openQuote != nil {
        let word = rows[0].word
        rows.append(Completion(word: word + (word.hasSuffix("=") ? "~" : "}")))
      }
    }
    let cut = line.lastBreak(arguments["breaks"] ?? "")
    for row in rows {
      let word = line.quoted(row.word)
      let rest = String(word.dropFirst(cut))
      surroundings.output.write(row.what.isEmpty ? rest + "\n" : "\(rest)\t\(row.what)\n")
    }
    return .success
  })

/// One thing that can stand in the last word's place.
struct Completion: Equatable {
  var word: String
  var what = ""
}

/// Commands, options and the values of options.
func commandCompletions(_ line: TypedLine, _ root: Command) -> [Completion] {
  var command = root
  var words = line.words.dropFirst().dropLast().map(\.text)[...]
  while let word = words.first, !word.hasPrefix("-"),
    let next = command.subcommands.first(where: { $0.name == word || $0.aliases.contains(word) })
  {
    command = next
    words = words.dropFirst()
  }
  let last = line.last.text
  if let before = words.last, before.hasPrefix("-"), !before.contains("="),
    let option = command.options.named(before.drop { $0 == "-" }), option.value != nil
  {
    return option.choices.filter { $0.hasPrefix(last) }.map { Completion(word: $0) }
  }
  if last.hasPrefix("-") {
    if let equal = last.firstIndex(of: "=") {
      let head = last[...equal]
      let value = last[last.index(after: equal)...]
      return (command.options.named(last[..<equal].drop { $0 == "-" })?.choices ?? [])
        .filter { $0.hasPrefix(value) }.map { Completion(word: head + $0) }
    }
    return
      (command.options.map { Completion(word: "--\($0.name)", what: $0.help) }
      + [Completion(word: "--help", what: "tells of the command")])
      .filter { $0.word.hasPrefix(last) }
  }
  return command.subcommands.filter { !$0.isHidden && $0.name.hasPrefix(last) }
    .map { Completion(word: $0.name, what: $0.summary) }
}

/// Asks the server what can stand in a selector.
private func labelCompletions(
  _ place: SelectorPlace, _ line: TypedLine, _ arguments: Arguments, _ surroundings: Surroundings
) async throws -> [Completion] {
  // What the user gave on the line counts before what the environment has.
  var options: [String] = ["--timeout", "2s"]
  let words = line.words.map(\.text)
  for (index, word) in words.enumerated() where word.hasPrefix("--") {
    let name = String(word.dropFirst(2).prefix { $0 != "=" })
    guard QueryOptions.server.contains(where: { $0.name == name && $0.value != nil }),
      name != "timeout"
    else { continue }
    options +=
      word.contains("=") ? [word] : index + 1 < words.count ? [word, words[index + 1]] : []
  }
  let asked = try Arguments(
    options, options: QueryOptions.server, environment: surroundings.environment)
  let connection = try ServerConnection(asked)
  let now = surroundings.now()
  let range = [("start", "\(now - 6 * 3_600_000_000_000)"), ("end", "\(now)")]
  func names(_ path: String) async throws -> [String] {
    (try await connection.json(path, range)["data"]?.arrayValue ?? []).compactMap(\.stringValue)
  }
  switch place.kind {
  case .name(let begun):
    return try await names("/loki/api/v1/labels").filter { $0.hasPrefix(begun) }
      .map { Completion(word: place.before + $0 + "=") }
  case .value(let name, let begun, let isQuoted):
    return try await names("/loki/api/v1/label/\(percentEncoded(name))/values")
      .filter { $0.hasPrefix(begun) }.prefix(500)
      .map { Completion(word: place.before + (isQuoted ? "" : "\"") + escaped($0) + "\"") }
  }
}

/// A value between the quotes of LogQL.
private func escaped(_ value: String) -> String {
  value.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined()
}

/// What the user gave to one command, checked against its options.
struct Arguments: Sendable {
  /// Words that belong to no option, in order.
  let positional: [String]
  private let given: [String: [String]]
  private let options: [Option]
  private let environment: [String: String]

  /// Reads the words after the command's name. `--name value`, `--name=value`, `-n value`, `-n5`,
  /// `-qn5` and `--` (the rest is positional) are understood.
  ///
  /// - Throws: ``UsageError`` on an unknown option, a missing or an unwanted value.
  init(_ words: [String], options: [Option], environment: [String: String]) throws(UsageError) {
    var positional: [String] = []
    var given: [String: [String]] = [:]
    var index = 0
    var words = words
    while index < words.count {
      if let parts = Self.joined(words[index], options) {
        words.replaceSubrange(index...index, with: parts)
      }
      let word = words[index]
      index += 1
      if word == "--" {
        positional += words[index...]
        break
      }
      guard word.hasPrefix("-"), word != "-" else {
        positional.append(word)
        continue
      }
      let body = word.drop { $0 == "-" }
      let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let option = options.named(parts[0]) else {
        throw UsageError(message: Self.unknown(word, options))
      }
      if option.value == nil {
        guard parts.count == 1 else {
          throw UsageError(message: "--\(option.name) takes no value")
        }
        given[option.name, default: []].append("")
      } else if parts.count == 2 {
        given[option.name, default: []].append(String(parts[1]))
      } else {
        guard index < words.count else {
          throw UsageError(message: "--\(option.name) needs a value: \(option.value ?? "VALUE")")
        }
        given[option.name, default: []].append(words[index])
        index += 1
      }
      if !option.isRepeatable, let count = given[option.name]?.count, count > 1 {
        throw UsageError(message: "--\(option.name) is given twice")
      }
      if !option.choices.isEmpty, let value = given[option.name]?.last,
        !option.choices.contains(value)
      {
        let names = option.choices.joined(separator: ", ")
        throw UsageError(message: "--\(option.name) is one of \(names), not '\(value)'")
      }
    }
    self.positional = positional
    self.given = given
    self.options = options
    self.environment = environment
  }

  /// The first of several options of one letter in one word, and the rest: `-n5` is `-n` and `5`,
  /// `-qn5` is `-q` and `-n5`. nil for any other word, `-q-` among them.
  static func joined(_ word: String, _ options: [Option]) -> [String]? {
    guard word.hasPrefix("-"), !word.hasPrefix("--"), word.count > 2 else { return nil }
    let body = word.dropFirst()
    // Long names may have one dash, as in Go's programs.
    guard options.named(body.prefix { $0 != "=" }) == nil,
      let first = options.named(body.prefix(1))
    else { return nil }
    let rest = String(body.dropFirst())
    // A dash is no switch's letter, and must not make the word that ends the options.
    guard first.value != nil || !rest.hasPrefix("-") else { return nil }
    return ["-" + body.prefix(1), first.value == nil ? "-" + rest : rest]
  }

  /// Whether a switch is there, or the environment says so: `true`, `1`, `yes`.
  func has(_ name: String) -> Bool {
    if given[name] != nil { return true }
    guard let option = options.first(where: { $0.name == name }), option.value == nil,
      let variable = option.environment, let value = environment[variable]
    else { return false }
    return ["true", "1", "yes", "t"].contains(value.lowercased())
  }

  /// Whether the user gave it on the command line.
  func isGiven(_ name: String) -> Bool { given[name] != nil }

  /// The value given, else the environment's, else the preset.
  subscript(_ name: String) -> String? {
    if let value = given[name]?.last { return value }
    guard let option = options.first(where: { $0.name == name }) else { return nil }
    if let variable = option.environment, let value = environment[variable], !value.isEmpty {
      return value
    }
    return option.preset
  }

  func all(_ name: String) -> [String] { given[name] ?? [] }

  /// The value, or an error that names the missing option.
  func required(_ name: String) throws(UsageError) -> String {
    guard let value = self[name] else { throw UsageError(message: "--\(name) is missing") }
    return value
  }

  /// A whole number of at least `least`.
  func count(_ name: String, least: Int = 0) throws(UsageError) -> Int {
    let text = try required(name)
    guard let number = Int(text), number >= least else {
      throw UsageError(
        message: "--\(name): '\(text)' is no whole number of \(least) or more")
    }
    return number
  }

  private static func unknown(_ word: String, _ options: [Option]) -> String {
    let names = options.flatMap { [$0.name] + $0.aliases }.map {
      $0.count == 1 ? "-\($0)" : "--\($0)"
    }
    let near = names.filter { distance($0, word) <= 3 }.min {
      distance($0, word) < distance($1, word)
    }
    return "unknown option '\(word)'" + (near.map { "; did you mean \($0)?" } ?? "; see --help")
  }

  /// Edits between two words (Levenshtein).
  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a)
    let b = Array(b)
    var row = Array(0...b.count)
    for i in 0..<a.count {
      var previous = row[0]
      row[0] = i + 1
      for j in 0..<b.count {
        let here = row[j + 1]
        row[j + 1] = min(row[j] + 1, here + 1, previous + (a[i] == b[j] ? 0 : 1))
        previous = here
      }
    }
    return row[b.count]
  }
}

import WireFormats

/// Puts values of the environment into a configuration's text, as Promtail's
/// `-config.expand-env` does.
///
/// `${NAME}` is the value of NAME or nothing, `${NAME:-default}` (also `:=`) the default where
/// NAME is unset or empty, `${NAME-default}` (also `=`) where it is unset, and `${NAME:?words}`
/// an error with these words. `$$` is a dollar sign. What is not a name in braces stays as it is
/// (`$1` and `${1}` of replacements), and so do comment lines.
package enum EnvironmentExpansion {
  /// The text with the values in it, and a remark for each variable that is unset and became
  /// nothing without having been given a default, where it stands first.
  ///
  /// Throws ``ConfigurationError`` for a brace that is not closed or another operator.
  package static func expand(_ text: String, file: String, environment: [String: String])
    throws(ConfigurationError) -> (text: String, remarks: [ConfigurationError])
  {
    guard text.utf8.contains(UInt8(ascii: "$")) else { return (text, []) }
    var out: [UInt8] = []
    var remarks: [ConfigurationError] = []
    var told: Set<String> = []
    var number = 0
    for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      if number > 1 { out.append(UInt8(ascii: "\n")) }
      let bytes = Array(line)
      if bytes.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "#") {
        out.append(contentsOf: bytes)
      } else {
        var expansion = LineExpansion(
          line: bytes, number: number, file: file, environment: environment)
        out.append(contentsOf: try expansion.run())
        for unset in expansion.unset where told.insert(unset.name).inserted {
          remarks.append(unset.remark)
        }
      }
    }
    return (String(decoding: out, as: UTF8.self), remarks)
  }
}

private struct LineExpansion {
  let line: [UInt8]
  let number: Int
  let file: String
  let environment: [String: String]
  var at = 0
  /// Variables without value and default that were put in.
  private(set) var unset: [(name: String, remark: ConfigurationError)] = []

  init(line: [UInt8], number: Int, file: String, environment: [String: String]) {
    self.line = line
    self.number = number
    self.file = file
    self.environment = environment
  }

  mutating func run() throws(ConfigurationError) -> [UInt8] {
    var out: [UInt8] = []
    while at < line.count {
      let byte = line[at]
      let next = at + 1 < line.count ? line[at + 1] : 0
      if byte == UInt8(ascii: "$"), next == UInt8(ascii: "$") {
        out.append(byte)
        at += 2
      } else if byte == UInt8(ascii: "$"), next == UInt8(ascii: "{"), hasName(at + 2) {
        out.append(contentsOf: try reference().utf8)
      } else {
        out.append(byte)
        at += 1
      }
    }
    return out
  }

  private func hasName(_ index: Int) -> Bool {
    guard index < line.count else { return false }
    return isNameByte(line[index]) && !(48...57).contains(line[index])
  }

  private func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private func failure(_ message: String, at index: Int) -> ConfigurationError {
    ConfigurationError(
      file: file, mark: YAMLMark(line: number, column: index + 1), message: message)
  }

  /// Reads `${…}` at the position and gives its value; defaults may hold references themselves.
  private mutating func reference() throws(ConfigurationError) -> String {
    let start = at
    at += 2
    let nameStart = at
    while at < line.count, isNameByte(line[at]) { at += 1 }
    let name = String(decoding: line[nameStart..<at], as: UTF8.self)
    let operatorStart = at
    while at < line.count, ":-=?".utf8.contains(line[at]), at - operatorStart < 2 {
      at += 1
      if line[at - 1] != UInt8(ascii: ":") { break }
    }
    let operation = String(decoding: line[operatorStart..<at], as: UTF8.self)
    let unsetBefore = unset.count
    let word = try word(from: start)
    let value = environment[name]
    switch operation {
    case "":
      guard word.isEmpty else { break }
      if value == nil { unset.append((name, becomesNothing(name, start))) }
      return value ?? ""
    case ":-", ":=", "-", "=":
      guard let value, operation.count == 1 || !value.isEmpty else { return word }
      // The default is not taken, nor what stands in it.
      unset.removeSubrange(unsetBefore...)
      return value
    case ":?", "?":
      guard let value, operation.count == 1 || !value.isEmpty else {
        throw missing(name, word, start)
      }
      unset.removeSubrange(unsetBefore...)
      return value
    default: break
    }
    throw failure(
      "`${\(name)…}` has an operator that is not supported; use ${\(name):-default},"
        + " or $$ for a dollar sign", at: start)
  }

  private func becomesNothing(_ name: String, _ start: Int) -> ConfigurationError {
    failure(
      "environment variable \(name) is not set: nothing stands in its place; "
        + "`${\(name):-}` says that this is meant", at: start)
  }

  private func missing(_ name: String, _ word: String, _ start: Int) -> ConfigurationError {
    failure(
      "environment variable \(name) is needed" + (word.isEmpty ? "" : ": \(word)"), at: start)
  }

  /// Everything up to the closing brace, references inside resolved.
  private mutating func word(from start: Int) throws(ConfigurationError) -> String {
    var word: [UInt8] = []
    while at < line.count {
      if line[at] == UInt8(ascii: "}") {
        at += 1
        return String(decoding: word, as: UTF8.self)
      }
      if line[at] == UInt8(ascii: "$"), at + 1 < line.count, line[at + 1] == UInt8(ascii: "{"),
        hasName(at + 2)
      {
        word.append(contentsOf: try reference().utf8)
      } else {
        word.append(line[at])
        at += 1
      }
    }
    throw failure("`${` has no closing `}` in this line", at: start)
  }
}

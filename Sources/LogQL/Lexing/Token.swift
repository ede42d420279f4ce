import TelemetryModel

/// One word of a query.
struct Token {
  enum Kind: Hashable {
    case end
    case identifier
    case string
    case number
    case duration
    /// A size: `10MB`.
    case bytes
    /// `[5m]`.
    case range
    /// `--strict`, `--keep-empty`.
    case flag
    /// An operator, a bracket or a reserved word.
    case symbol
    /// A function's name in front of `(`, `by (` or `without (`.
    case function
  }

  var kind: Kind
  /// As written; symbols and functions in lower case, nothing for strings.
  var text = ""
  /// What a string holds after unescaping.
  var bytes: [UInt8] = []
  /// Of durations and ranges.
  var span = TimeSpan.zero
  /// Of sizes.
  var size: UInt64 = 0
  var line: Int
  var column: Int

  func `is`(_ symbol: String) -> Bool { kind == .symbol && text == symbol }
  func isFunction(_ name: String) -> Bool { kind == .function && text == name }

  /// The name that Loki's messages have for it.
  var shown: String {
    switch kind {
    case .end: "$end"
    case .identifier: "IDENTIFIER"
    case .string: "STRING"
    case .number: "NUMBER"
    case .duration: "DURATION"
    case .bytes: "BYTES"
    case .range: "RANGE"
    case .flag: "FUNCTION_FLAG"
    case .symbol: text
    case .function:
      switch text {
      case "ip", "label_replace": text
      case "bytes", "duration", "duration_seconds": text.uppercased() + "_CONV"
      default: text.uppercased()
      }
    }
  }

  static let symbols: Set<String> = [
    ",", ".", "{", "}", "=", "!=", "=~", "!~", "!>", "|=", "|~", "|>", "|", "(", ")", "[", "]",
    "+", "-", "*", "/", "%", "^", "==", ">", ">=", "<", "<=",
    "unwrap", "by", "without", "bool", "offset", "on", "ignoring", "group_left", "group_right",
    "or", "and", "unless", "json", "regexp", "logfmt", "unpack", "pattern", "label_format",
    "line_format", "decolorize", "drop", "keep",
  ]

  static let functions: Set<String> = Set(
    RangeFunction.allCases.map(\.rawValue) + VectorFunction.allCases.map(\.rawValue)
      + ["vector", "label_replace", "bytes", "duration", "duration_seconds", "ip"])
}

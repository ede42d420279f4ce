import TelemetryModel

/// A piece of a query's text.
enum TraceQLToken: Hashable {
  /// An operator or a bracket, as it is written.
  case symbol(String)
  /// A word: a keyword, an intrinsic, a function or a name of no meaning.
  case word(String)
  case field(TraceField)
  case string(String)
  case int(Int64)
  case float(Double)
  case duration(TimeSpan)
  case end

  /// How errors name it.
  var description: String {
    switch self {
    case .symbol(let text), .word(let text): text
    case .field(let field): field.text
    case .string(let text): "\"" + text + "\""
    case .int(let value): "\(value)"
    case .float(let value): "\(value)"
    case .duration(let value): value.goDescription
    case .end: "the end of the query"
    }
  }
}

/// A token and where it begins.
struct TraceQLPlacedToken {
  var token: TraceQLToken
  /// Both from 1; columns count Unicode scalars.
  var line: Int
  var column: Int
}

import TelemetryModel

/// A piece of a template's text.
struct TemplateToken {
  enum Kind: Equatable {
    case error
    case end
    case text
    case leftDelimiter
    case rightDelimiter
    case space
    case leftParenthesis
    case rightParenthesis
    case pipe
    case assign
    case declare
    /// Another printable character, as a comma.
    case character
    case bool
    case number
    case characterConstant
    case string
    case rawString
    case identifier
    /// With its point.
    case field
    /// With its `$`.
    case variable
    case dot
    case keyword
  }

  var kind: Kind
  /// As written; of an error the message.
  var text: String
  /// From 1.
  var line: Int
  /// Bytes before it.
  var position: Int

  static let keywords: Set<String> = [
    "block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template",
    "with",
  ]

  /// As error messages name it.
  var description: String {
    switch kind {
    case .end: "EOF"
    case .error: text
    case .keyword, .dot: "<\(text)>"
    default: text.count > 10 ? quoted(String(text.prefix(10))) + "..." : quoted(text)
    }
  }

  func isKeyword(_ word: String) -> Bool { kind == .keyword && text == word }
}

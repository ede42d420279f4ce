/// Why a text is no TraceQL query, or one that cannot be answered.
///
/// The one error of this module; the message is meant for the one who asked.
package struct TraceQLError: Error, Hashable {
  package enum Kind: Sendable {
    /// The text is not of the grammar.
    case syntax
    /// The text is a query whose types do not fit, or with an invalid regular expression.
    case types
  }

  package let kind: Kind
  package let message: String

  package init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  static func types(_ message: String) -> TraceQLError { TraceQLError(.types, message) }
}

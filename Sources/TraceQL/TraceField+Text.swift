package import TelemetryModel

extension TraceField {
  /// The field that `text` alone names, as in the path of a request for its values.
  ///
  /// - Throws: ``TraceQLError`` when it names none.
  package init(_ text: String) throws(TraceQLError) {
    var lexer = try TraceQLLexer(text)
    var parser = TraceQLParser(tokens: try lexer.tokens())
    guard let field = parser.fieldIfAny(), parser.current == .end else {
      throw parser.unexpected("expecting an attribute")
    }
    self = field
  }
}

/// Lengths of time as queries write them.
package enum TraceQLDuration {
  /// In Go's units or Prometheus's, days, weeks and years among them; nil for other texts.
  package static func parse(_ text: String) -> TimeSpan? { TraceQLLexer.duration(text) }
}

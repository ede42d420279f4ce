package import TelemetryModel

/// Parses LogQL's whole grammar; every message is Loki's.
package enum LogQL {
  /// The longest query that is read, in bytes.
  package static let queryBytesMax = 131_072

  /// A checked query.
  ///
  /// Templates and `ip()` operands are not looked into: the pipeline that is made of the stages
  /// does that.
  ///
  /// With `allowsAnyStreams`, selectors may match streams without any label of theirs; with
  /// `allowsNumbers`, an aggregation may be over a number, which can be shown but not evaluated.
  package static func parse(
    _ text: String, allowsAnyStreams: Bool = false, allowsNumbers: Bool = false
  ) throws(LogQLError) -> Expression {
    var parser = try parser(for: text)
    let expression = try parser.wholeExpression()
    if !allowsAnyStreams { try expression.validate(allowsNumbers: allowsNumbers) }
    return expression
  }

  /// `{…}` alone, as `match[]` and the `query` of the label endpoints take it; what matches
  /// everything is allowed here.
  package static func parseMatchers(_ text: String) throws(LogQLError) -> [LabelMatcher] {
    var parser = try parser(for: text)
    guard case .log(let selection) = try parser.wholeExpression(), selection.stages.isEmpty else {
      throw LogQLError("only label matchers are supported")
    }
    return selection.matchers
  }

  private static func parser(for text: String) throws(LogQLError) -> Parser {
    guard text.utf8.count < queryBytesMax else {
      throw LogQLError("input size too long (\(text.utf8.count) > \(queryBytesMax))")
    }
    guard !text.isEmpty else { throw LogQLError("syntax error: unexpected $end") }
    return try Parser(text)
  }
}

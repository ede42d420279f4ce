/// Why a query was refused, in Loki's words.
package struct LogQLError: Error, Hashable {
  /// What is wrong, without the place: `syntax error: unexpected $end`.
  package var reason: String
  /// From 1; 0 where Loki's scanner no longer knows the line (after a range or a two-character
  /// operator).
  package var line = 0
  /// From 1; 0 together with `line` 0 when the error belongs to no place.
  package var column = 0

  package init(_ reason: String, line: Int = 0, column: Int = 0) {
    self.reason = reason
    self.line = line
    self.column = column
  }

  /// The text Loki answers with status 400.
  package var message: String {
    line == 0 && column == 0
      ? "parse error : \(reason)" : "parse error at line \(line), col \(column): \(reason)"
  }
}

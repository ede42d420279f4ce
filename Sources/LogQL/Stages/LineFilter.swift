/// How a line filter compares; the raw value is how it is written.
package enum LineFilterOperation: String, Sendable, Hashable, CaseIterable {
  case contains = "|="
  case notContains = "!="
  case matches = "|~"
  case notMatches = "!~"
  case hasPattern = "|>"
  case lacksPattern = "!>"

  /// Whether a line passes when none of the operands is found.
  package var isNegative: Bool {
    self == .notContains || self == .notMatches || self == .lacksPattern
  }
}

/// What a line filter looks for.
package enum LineFilterOperand: Sendable, Hashable {
  /// Text, a regular expression (RE2) or a pattern, as the operation says. Bytes, since Go's
  /// escapes may write what is no UTF-8.
  case text([UInt8])
  /// `ip("10.0.0.0/8")`: an address, a range `a-b` or a prefix; with `|=` and `!=` only.
  case address(String)
}

/// `|= "a" or "b"`: passes lines that have one of the operands, or with a negative operation,
/// lines that have none.
package struct LineFilter: Sendable, Hashable {
  package var operation: LineFilterOperation
  /// Never empty.
  package var operands: [LineFilterOperand]

  package init(_ operation: LineFilterOperation, _ operands: [LineFilterOperand]) {
    self.operation = operation
    self.operands = operands
  }
}

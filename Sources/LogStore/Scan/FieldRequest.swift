package import Regex

/// A value that a stage of a query would take from each row's line, as it was stored.
package enum FieldRequest: Hashable, Sendable {
  /// What `| json x="a.b"` makes of the line: the value at the path, keys as they are written.
  case json(path: [String])
  /// The label that `| json` makes under this name, nested keys joined by `_`, before it is
  /// compared with the stream's labels.
  case jsonLabel(String)
  /// The label that `| logfmt` makes under this name.
  case logfmt(key: String)
  /// A row's structured metadata.
  case metadata(name: String)
}

/// A comparison of a field, as a label filter behind its stage would decide.
package struct FieldCondition: Sendable {
  package enum Comparison: Sendable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
  }

  package enum Test: Sendable {
    /// Equal, a field that is absent counting as no bytes.
    case equals([UInt8])
    case differs([UInt8])
    /// The whole value matches, absent ones counting as no bytes.
    case matches(Regex)
    case matchesNot(Regex)
    /// A number compares so; never holds for an absent field. Rows whose text is no number are
    /// left to the visitor.
    case number(Comparison, Double)
  }

  /// Index into the scan's fields.
  package var field: Int
  /// The label that the field becomes. Of a row whose stream or metadata has a label of this name
  /// that one is looked at instead: the row is left to the visitor.
  package var label: String
  package var test: Test

  package init(field: Int, label: String, _ test: Test) {
    self.field = field
    self.label = label
    self.test = test
  }
}

extension FieldCondition.Comparison {
  @inline(__always)
  func holds(_ a: Double, _ b: Double) -> Bool {
    switch self {
    case .equal: a == b
    case .notEqual: a != b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    }
  }
}

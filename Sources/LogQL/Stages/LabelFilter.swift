package import TelemetryModel

/// How a label filter compares numbers; the raw value is how it is printed.
package enum NumericComparison: String, Sendable, Hashable, CaseIterable {
  case equal = "=="
  case notEqual = "!="
  case greater = ">"
  case greaterOrEqual = ">="
  case less = "<"
  case lessOrEqual = "<="
}

/// A condition over a row's labels.
package indirect enum LabelFilter: Sendable, Hashable {
  /// `level="x"`; a missing label counts as empty; regexes match the whole value.
  case string(LabelMatcher)
  /// `status >= 500`: the label's value is read as a float.
  case number(label: String, NumericComparison, Double)
  /// `took > 1.5s`: the value is read as Go's `time.ParseDuration` does.
  case duration(label: String, NumericComparison, TimeSpan)
  /// `size > 10MB`: the value is read as bytes with a unit.
  case bytes(label: String, NumericComparison, UInt64)
  /// `addr = ip("…")`, `addr != ip("…")`: checked when the pipeline is made.
  case address(label: String, isEqual: Bool, String)
  case and(LabelFilter, LabelFilter)
  case or(LabelFilter, LabelFilter)
}

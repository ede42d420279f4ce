import Regex
import TelemetryModel

extension Expression {
  /// Loki's checks after parsing: selectors that select something, sorts without grouping.
  func validate(allowsNumbers: Bool) throws(LogQLError) {
    switch self {
    case .log(let selection): try selection.validate()
    case .rangeAggregation(let aggregation): try aggregation.range.selection.validate()
    case .vectorAggregation(let aggregation):
      let isSort = aggregation.function == .sort || aggregation.function == .sortDescending
      if isSort, let grouping = aggregation.grouping, !grouping.labels.isEmpty {
        throw LogQLError("sort and sort_desc doesn't allow grouping by ")
      }
      // A number has no selector, which Loki reports as one that selects nothing.
      if !allowsNumbers, case .literal = aggregation.operand {
        throw LogSelection.selectsNothing
      }
      try aggregation.operand.validate(allowsNumbers: allowsNumbers)
    case .binary(let operation):
      try operation.left.validate(allowsNumbers: allowsNumbers)
      try operation.right.validate(allowsNumbers: allowsNumbers)
    case .labelReplace(let replace): try replace.operand.validate(allowsNumbers: allowsNumbers)
    case .literal, .vector: break
    }
  }
}

extension LogSelection {
  static let selectsNothing = LogQLError(
    "queries require at least one regexp or equality matcher that does not have an "
      + "empty-compatible value. For instance, app=~\".*\" does not meet this requirement, "
      + "but app=~\".+\" will")

  fileprivate func validate() throws(LogQLError) {
    for matcher in matchers where try !matcher.matchesEmpty() { return }
    throw LogSelection.selectsNothing
  }
}

extension LabelMatcher {
  /// Whether a stream without the label passes.
  fileprivate func matchesEmpty() throws(LogQLError) -> Bool {
    switch operation {
    case .equal: return value.isEmpty
    case .notEqual: return !value.isEmpty
    case .regex, .notRegex:
      do {
        let matches = try Regex(value).matches([UInt8](), .whole)
        return operation == .regex ? matches : !matches
      } catch {
        throw LogQLError(error.message)
      }
    }
  }
}

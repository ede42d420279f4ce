import LogQL
import TelemetryModel

/// A filter of a delete over a row's labels and structured metadata.
indirect enum RowLabelFilter: Sendable {
  case matcher(CompiledMatcher)
  case all(RowLabelFilter, RowLabelFilter)
  case any(RowLabelFilter, RowLabelFilter)

  /// Throws ``LogStoreError/Code/badQuery`` for comparisons of numbers and addresses.
  init(_ filter: LabelFilter) throws(LogStoreError) {
    switch filter {
    case .string(let matcher): self = .matcher(try CompiledMatcher(matcher))
    case .and(let a, let b): self = .all(try RowLabelFilter(a), try RowLabelFilter(b))
    case .or(let a, let b): self = .any(try RowLabelFilter(a), try RowLabelFilter(b))
    case .number, .duration, .bytes, .address:
      throw LogStoreError(
        .badQuery, "a delete request compares labels and structured metadata with texts alone")
    }
  }

  func holds(_ labels: Labels, _ metadata: [Label]) -> Bool {
    switch self {
    case .matcher(let matcher):
      let value =
        labels[matcher.name] ?? metadata.first { $0.name == matcher.name }?.value ?? ""
      return matcher.matches(value)
    case .all(let a, let b): return a.holds(labels, metadata) && b.holds(labels, metadata)
    case .any(let a, let b): return a.holds(labels, metadata) || b.holds(labels, metadata)
    }
  }
}

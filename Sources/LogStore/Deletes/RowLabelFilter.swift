import LogQL
import TelemetryModel

/// A filter of a delete over a row's labels and structured metadata.
indirect enum RowLabelFilter: Sendable {
  case matcher(CompiledMatcher)
  case all(RowLabelFilter, RowLabelFilter)
  case any(RowLabelFilter, RowLabelFilter)

  /// nil for comparisons of numbers and addresses. Throws ``LogStoreError/Code/badQuery`` for an
  /// expression that does not compile.
  init?(_ filter: LabelFilter) throws(LogStoreError) {
    switch filter {
    case .string(let matcher): self = .matcher(try CompiledMatcher(matcher))
    case .and(let a, let b):
      guard let left = try RowLabelFilter(a), let right = try RowLabelFilter(b) else { return nil }
      self = .all(left, right)
    case .or(let a, let b):
      guard let left = try RowLabelFilter(a), let right = try RowLabelFilter(b) else { return nil }
      self = .any(left, right)
    case .number, .duration, .bytes, .address: return nil
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

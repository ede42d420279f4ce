package import TelemetryModel

/// What a store's index says about streams without reading rows.
package struct IndexStatistics: Hashable, Sendable {
  package var streams = 0
  /// Blocks; what Loki calls chunks.
  package var chunks = 0
  package var entries = 0
  /// Of lines, before compression.
  package var bytes = 0

  package init() {}
}

/// The streams of a store, as the label endpoints need them.
package protocol LogStreamIndex: Sendable {
  /// The label sets of streams with rows in `range` that match one of the lists; no list at all
  /// means every stream. Distinct, in any order.
  func streamLabels(
    tenants: [TenantID], matchers: [[LabelMatcher]], range: Range<Timestamp>
  ) throws -> [Labels]

  /// What segments hold. Rows that still are in the head alone don't count, as in Loki, whose
  /// index knows flushed chunks only.
  func indexStatistics(
    tenants: [TenantID], matchers: [LabelMatcher], range: Range<Timestamp>
  ) throws -> IndexStatistics
}

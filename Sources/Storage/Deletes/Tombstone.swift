package import TelemetryModel

/// A request to delete rows: they are hidden at once, and gone once compaction has written their
/// segments anew without them.
///
/// It holds for rows that were in the store when it was made; ones that come later stay.
package struct Tombstone: Hashable, Sendable {
  /// Rises with each request of a store and is never used again. Segments whose
  /// ``SegmentRecord/deletesThrough`` is as great or greater hold none of the rows.
  package var number: UInt64
  /// Whose rows.
  package var tenant: String
  /// Which rows: text in the language of the store.
  package var query: String
  /// Times of the rows, both ends included.
  package var range: ClosedRange<Timestamp>
  package var created: Timestamp
  /// No file in use holds any of the rows.
  package var isProcessed: Bool

  package init(
    number: UInt64, tenant: String, query: String, range: ClosedRange<Timestamp>,
    created: Timestamp, isProcessed: Bool = false
  ) {
    self.number = number
    self.tenant = tenant
    self.query = query
    self.range = range
    self.created = created
    self.isProcessed = isProcessed
  }

  /// Whether a segment can hold rows of it, by what the catalog knows.
  func mayTouch(_ record: SegmentRecord) -> Bool {
    !isProcessed && number > record.deletesThrough
      && range.lowerBound <= record.summary.newest && record.summary.oldest <= range.upperBound
      && (record.summary.tenant ?? tenant) == tenant
  }
}

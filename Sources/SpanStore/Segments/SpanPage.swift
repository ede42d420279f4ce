import Storage

/// The types of pages in a segment of spans.
enum SpanPage {
  /// Rows of one tenant as columns: ``SpanBlock``.
  static let block: UInt16 = 3
  /// The different texts of one column: ``TextDictionary``.
  static let dictionary: UInt16 = 4
  /// All tenants' tables and block lists: ``SpanIndex``. One, after the others.
  static let index: UInt16 = 5
  /// Blocks and index of version 1, which no release wrote and nothing reads any more.
  static let version1: ClosedRange<UInt16> = 1...2

  /// Throws for a segment of version 1, saying what to do with it.
  static func checkVersion(of segment: Segment) throws(SpanStoreError) {
    let types = Set(segment.pages.map(\.type))
    guard !types.contains(index), !types.isDisjoint(with: version1) else { return }
    throw SpanStoreError(
      .failed,
      """
      \(segment.path) holds spans in format version 1, which was never released and cannot be \
      read: export them with the sluice that wrote them, or move the file elsewhere and start again
      """)
  }
}

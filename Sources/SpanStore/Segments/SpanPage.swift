/// The types of pages in a segment of spans.
enum SpanPage {
  /// Rows of one tenant: ``SpanBlock``.
  static let block: UInt16 = 1
  /// All tenants' dictionaries and block lists: ``SpanIndex``. One, after the blocks.
  static let index: UInt16 = 2
}

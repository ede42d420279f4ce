/// The types of pages in a segment of spans. Types 1 and 2 were those of version 1, which no
/// release wrote.
enum SpanPage {
  /// Rows of one tenant as columns: ``SpanBlock``.
  static let block: UInt16 = 3
  /// The different texts of one column: ``TextDictionary``.
  static let dictionary: UInt16 = 4
  /// All tenants' tables and block lists: ``SpanIndex``. One, after the others.
  static let index: UInt16 = 5
}

import Bytes

/// A request read into rows of its own, ready to be put into a head.
struct SpanBatch: Sendable {
  let rows: SpanRows
  let dictionary: SpanDictionary

  /// - Throws: ``SpanStoreError`` with code `malformed`.
  init(_ request: [UInt8]) throws(SpanStoreError) { try self.init(request.span.bytes) }

  init(_ request: RawSpan) throws(SpanStoreError) {
    var rows = SpanRows()
    var dictionary = SpanDictionary()
    try SpanRequestReader.read(request, into: &dictionary, rows: &rows)
    self.rows = rows
    self.dictionary = dictionary
  }
}

import Bytes
import Storage
import Synchronization
import TelemetryModel

/// One tenant's spans of one segment while a question is answered: its blocks and dictionaries,
/// each read once.
///
/// Used by one thread. What is damaged is counted and named by the storage, and reads as nil.
final class SegmentPart {
  let segment: Segment
  let index: SpanIndex
  private var dictionaries: [Int: TextDictionary] = [:]

  init(_ segment: Segment, _ index: SpanIndex) {
    self.segment = segment
    self.index = index
  }

  func block(_ entry: SpanIndex.Block) -> SpanBlock? {
    guard let page = try? segment.page(entry.page) else { return nil }
    return try? SpanBlock(page, self)
  }

  /// The dictionary of a column of blocks; nil for a plain column.
  func dictionary(_ column: Int) throws -> TextDictionary? {
    if let known = dictionaries[column] { return known }
    guard let page = index.dictionaryPages[column] else { return nil }
    let read = try TextDictionary(page: try segment.page(page))
    dictionaries[column] = read
    return read
  }
}

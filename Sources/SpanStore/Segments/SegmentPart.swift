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
  private let kept: DictionaryCache?

  /// `kept` are dictionaries that outlive this part.
  init(_ segment: Segment, _ index: SpanIndex, _ kept: DictionaryCache? = nil) {
    self.segment = segment
    self.index = index
    self.kept = kept
  }

  func block(_ entry: SpanIndex.Block) -> SpanBlock? {
    guard let page = try? segment.page(entry.page) else { return nil }
    return try? SpanBlock(page, self)
  }

  /// The dictionary of a column of blocks; nil for a plain column.
  func dictionary(_ column: Int) throws -> TextDictionary? {
    if let known = dictionaries[column] { return known }
    guard let page = index.dictionaryPages[column] else { return nil }
    let key = DictionaryCache.Key(segment: segment.id, page: page)
    if let known = kept?[key] {
      dictionaries[column] = known
      return known
    }
    let read = try TextDictionary(page: try segment.page(page))
    dictionaries[column] = read
    kept?.keep(read, key)
    return read
  }
}

/// Dictionaries that were asked for lately, by segment and page. Any thread may use it.
final class DictionaryCache: Sendable {
  struct Key: Hashable {
    var segment: UInt64
    var page: Int
  }

  static let bytesMax = 32 << 20

  private let entries = Mutex(LeastRecentlyUsed<Key, TextDictionary>(bytesMax: bytesMax))

  subscript(_ key: Key) -> TextDictionary? { entries.withLock { $0[key] } }

  func keep(_ dictionary: TextDictionary, _ key: Key) {
    entries.withLock { $0.keep(dictionary, key, byteCount: dictionary.byteCount) }
  }
}

import Synchronization
import TelemetryModel

/// Where a segment's pages come from: a file of the storage engine, or memory in tests. Pages
/// come checked: one whose checksum is wrong throws ``LogStoreError/Code/corrupt``.
protocol SegmentPages: Sendable {
  /// What messages call it, such as the file's path.
  var name: String { get }
  func page(_ number: Int) throws(LogStoreError) -> [UInt8]
}

/// An immutable segment that is open for questions.
///
/// Safe to use from several threads. A page that turns out to be damaged is set aside: it is not
/// read again, and each question that wanted it says so.
final class LogSegment: Sendable {
  let id: UInt64
  let index: SegmentIndex
  private let pages: any SegmentPages
  private let damaged = Mutex<[Int: String]>([:])

  init(id: UInt64, index: SegmentIndex, pages: any SegmentPages) {
    self.id = id
    self.index = index
    self.pages = pages
  }

  var name: String { pages.name }

  /// Blocks that were found damaged since the segment was opened.
  var damagedBlockCount: Int { damaged.withLock { $0.count } }

  /// The block of `entry` and the size of its page; throws when it is damaged.
  func block(_ entry: BlockEntry) throws(LogStoreError) -> (block: any LogBlock, byteCount: Int) {
    if let known = damaged.withLock({ $0[entry.page] }) { throw LogStoreError(.corrupt, known) }
    do throws(LogStoreError) {
      let page = try pages.page(entry.page)
      let block = try LogBlocks.open(page)
      guard block.runs.map(\.stream) == entry.runs.map(\.stream),
        block.runs.map(\.count) == entry.runs.map(\.rowCount)
      else { throw BlockReader.malformed("it holds other rows than the stream index says") }
      return (block, page.count)
    } catch {
      throw setAside(entry, error)
    }
  }

  /// Remembers that a block is damaged; the error that says so, with file and page.
  func setAside(_ entry: BlockEntry, _ error: LogStoreError) -> LogStoreError {
    guard error.code == .corrupt else { return error }
    let message =
      "\(pages.name), page \(entry.page): \(error.message); set aside, its "
      + "\(entry.rowCount) rows are missing from the answer"
    damaged.withLock { $0[entry.page] = message }
    return LogStoreError(.corrupt, message)
  }
}

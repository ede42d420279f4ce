import LinuxIO
import Synchronization

/// A segment as the catalog knows it.
package struct SegmentRecord: Hashable, Sendable {
  /// Rises with each segment of a store and is never used again.
  package var id: UInt64
  package var kind: StoreKind
  package var summary: SegmentSummary
  /// Bytes of the file.
  package var byteCount: Int
  /// Rows of deletes up to this one are not in it.
  package var deletesThrough: UInt64

  package init(
    id: UInt64, kind: StoreKind, summary: SegmentSummary, byteCount: Int,
    deletesThrough: UInt64 = 0
  ) {
    self.id = id
    self.kind = kind
    self.summary = summary
    self.byteCount = byteCount
    self.deletesThrough = deletesThrough
  }
}

/// One immutable file of rows. Stays readable as long as it is referred to, even when retention
/// has removed its name. Any thread may read.
package final class Segment: Sendable {
  package let record: SegmentRecord
  private let reader: SegmentReader
  private let badPages: Mutex<[Int: StorageError]>
  /// Until when pages that were found to be right are read in parts without another look.
  private let trusted = Mutex<[Int: MonotonicTime]>([:])
  private let index = Mutex<(any AnyObject & Sendable)?>(nil)
  /// Told once for each page that cannot be read.
  private let reportBadPage: @Sendable (Segment, Int, StorageError) -> Void

  init(
    _ record: SegmentRecord, _ reader: SegmentReader, badPages: [Int: StorageError],
    reportBadPage: @escaping @Sendable (Segment, Int, StorageError) -> Void
  ) {
    self.record = record
    self.reader = reader
    self.badPages = Mutex(badPages)
    self.reportBadPage = reportBadPage
  }

  package var id: UInt64 { record.id }
  package var path: String { reader.path }
  package var summary: SegmentSummary { record.summary }
  /// Records of the log up to here are in this and earlier segments, as far as its directory says.
  var releasesThrough: UInt64 { reader.directory.releasesThrough }
  /// By number.
  package var pages: [SegmentPage] { reader.directory.pages }

  /// Reads a page and checks it.
  ///
  /// Throws ``StorageError/Code/corrupt`` for one that is damaged: it is counted, named in the
  /// log and remembered, and everything else can be read as before.
  package func page(_ number: Int) throws(StorageError) -> [UInt8] {
    if let known = badPages.withLock({ $0[number] }) { throw known }
    do throws(StorageError) {
      let page = try reader.page(number)
      let until = MonotonicTime.now().adding(seconds: Self.trustedSeconds)
      trusted.withLock { $0[number] = until }
      return page
    } catch {
      trusted.withLock { $0[number] = nil }
      guard error.code == .corrupt else { throw error }
      let isNew = badPages.withLock { $0.updateValue(error, forKey: number) == nil }
      if isNew { reportBadPage(self, number, error) }
      throw error
    }
  }

  private static let trustedSeconds = 300.0

  /// Bytes of a page, which is checked as a whole when that was not done for five minutes.
  ///
  /// Throws as ``page(_:)`` does; a `range` that is not in the page counts as damage.
  package func part(of number: Int, _ range: Range<Int>) throws(StorageError) -> [UInt8] {
    if let until = trusted.withLock({ $0[number] }), MonotonicTime.now() < until {
      return try reader.part(of: number, range)
    }
    let page = try page(number)
    guard range.lowerBound >= 0, range.upperBound <= page.count else {
      throw .corrupt("there is no such part of page \(number)", path: path, offset: 0)
    }
    return Array(page[range])
  }

  /// The payload of the only or first page of a type.
  package func firstPage(ofType type: UInt16) throws(StorageError) -> [UInt8] {
    guard let number = pages.firstIndex(where: { $0.type == type }) else {
      throw .corrupt("it has no page of type \(type)", path: path, offset: 0)
    }
    return try page(number)
  }

  /// Whether a page was found that cannot be read.
  package var isDamaged: Bool { badPages.withLock { !$0.isEmpty } }

  /// The same file under a record that says more about it.
  func with(deletesThrough: UInt64) -> Segment {
    var record = record
    record.deletesThrough = deletesThrough
    let copy = Segment(
      record, reader, badPages: badPages.withLock { $0 }, reportBadPage: reportBadPage)
    let made = index.withLock { $0 }
    copy.index.withLock { $0 = made }
    return copy
  }

  /// What a store has decoded of the segment, made at the first call and kept with it.
  ///
  /// Two threads may make it at once; one of the two is kept. When `make` throws, nothing is.
  package func cached<Index: AnyObject & Sendable, Failure: Error>(
    _ make: (Segment) throws(Failure) -> Index
  ) throws(Failure) -> Index {
    if let known = index.withLock({ $0 }) as? Index { return known }
    let made = try make(self)
    index.withLock { $0 = made }
    return made
  }

  /// Reads every page and gives what is damaged.
  package func verify() -> [StorageError] {
    var faults: [StorageError] = []
    for number in pages.indices {
      do throws(StorageError) { _ = try page(number) } catch { faults.append(error) }
    }
    return faults
  }
}

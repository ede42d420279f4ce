import Synchronization
import TelemetryModel

@testable import LogStore

/// Pages of a segment that is kept in memory; a test can damage one.
final class MemoryPages: SegmentPages {
  let name = "memory"
  private let pages = Mutex<[[UInt8]]>([])
  /// Pages that were read as a whole, in this order.
  let readWhole = Mutex<[Int]>([])
  /// How many parts were read, and the number of the one that is torn.
  let parts = Mutex<(read: Int, torn: Int?)>((0, nil))

  func page(_ number: Int) throws(LogStoreError) -> [UInt8] {
    readWhole.withLock { $0.append(number) }
    return try kept(number)
  }

  private func kept(_ number: Int) throws(LogStoreError) -> [UInt8] {
    let page = pages.withLock { $0.indices.contains(number) ? $0[number] : nil }
    guard let page else { throw LogStoreError(.corrupt, "page \(number) is absent") }
    return page
  }

  func byteCount(of number: Int) throws(LogStoreError) -> Int { try kept(number).count }

  func part(of number: Int, _ range: Range<Int>) throws(LogStoreError) -> [UInt8] {
    let page = try kept(number)
    let isTorn = parts.withLock { parts in
      defer { parts.read += 1 }
      return parts.read == parts.torn
    }
    guard !isTorn else { throw LogStoreError(.corrupt, "a part is torn") }
    guard range.upperBound <= page.count else {
      throw LogStoreError(.corrupt, "page \(number) has no such part")
    }
    return Array(page[range])
  }

  func append(_ page: [UInt8]) -> Int {
    pages.withLock {
      $0.append(page)
      return $0.count - 1
    }
  }

  func change(_ number: Int, _ body: (inout [UInt8]) -> Void) {
    pages.withLock { body(&$0[number]) }
  }

  var count: Int { pages.withLock { $0.count } }

  /// A head written as a segment, its index encoded and decoded again.
  static func segment(of head: LogHead, table: StreamTable) throws -> LogSegment {
    let pages = MemoryPages()
    var builder = SegmentBuilder()
    let index = try builder.write(head.allStreams()) { (_, page) throws(LogStoreError) in
      pages.append(page)
    }
    return LogSegment(index: try SegmentIndex.decode(index.encode(), table), pages: pages)
  }
}

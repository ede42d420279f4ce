import Synchronization
import TelemetryModel

@testable import LogStore

/// Pages of a segment that is kept in memory; a test can damage one.
final class MemoryPages: SegmentPages {
  let name = "memory"
  private let pages = Mutex<[[UInt8]]>([])

  func page(_ number: Int) throws(LogStoreError) -> [UInt8] {
    let page = pages.withLock { $0.indices.contains(number) ? $0[number] : nil }
    guard let page else { throw LogStoreError(.corrupt, "page \(number) is absent") }
    return page
  }

  func byteCount(of number: Int) throws(LogStoreError) -> Int { try page(number).count }

  func part(of number: Int, _ range: Range<Int>) throws(LogStoreError) -> [UInt8] {
    let page = try page(number)
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

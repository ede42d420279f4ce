import Synchronization
import TelemetryModel
import WireFormats

@testable import LogStore

/// An engine without a disk: records in a list, segments in memory.
final class MemoryEngine: LogEngine {
  private struct State {
    var head: LogHead
    var segments: [LogSegment] = []
  }

  private let table = StreamTable()
  private let state: Mutex<State>
  let records = Mutex<[[UInt8]]>([])

  init() { state = Mutex(State(head: LogHead(table: table))) }

  func append(_ parts: [[UInt8]], apply: (LogHead) -> Void) async throws(LogStoreError) {
    records.withLock { $0.append(Array(parts.joined())) }
    apply(state.withLock { $0.head })
  }

  func snapshot() -> LogSnapshot {
    state.withLock { LogSnapshot(heads: [$0.head], segments: $0.segments) }
  }

  func flush() async throws(LogStoreError) {
    let head = state.withLock { $0.head }
    guard !head.isEmpty else { return }
    let pages = MemoryPages()
    var builder = SegmentBuilder()
    let index = try builder.write(head.allStreams()) { (_, page) throws(LogStoreError) in
      pages.append(page)
    }
    state.withLock {
      $0.segments.append(LogSegment(index: index, pages: pages))
      $0.head = LogHead(table: table)
    }
  }

  func close() async {}
}

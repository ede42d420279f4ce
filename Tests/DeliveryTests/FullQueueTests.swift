import Delivery
import Foundation
import LinuxIO
import LogSources
import Synchronization
import Testing

/// What a queue without room does, and what it says of it.
@Suite struct FullQueueTests {
  private final class Flag: Sendable {
    private let flag = Atomic<Bool>(false)
    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
  }

  private static let source = SourceName(kind: "file", job: "j", name: "a.log")

  /// A queue of 20 KB in segments of four records or so, which drops the oldest.
  private static func rig() throws -> QueueRig {
    let rig = try QueueRig()
    rig.settings.bytesMax = 20_000
    rig.settings.segmentBytes = 2000
    rig.settings.pendingBytesMax = 600
    rig.settings.whenFull = .dropOldest
    return rig
  }

  /// Appends records of three lines each and waits until all of them are in the queue.
  private static func fill(
    _ queue: DiskQueue, _ signal: ThreadSignal, _ numbers: Range<Int>, profiles: Int = 1
  ) async throws {
    for number in numbers {
      var record = QueueRig.record(number, bodyBytes: 500)
      record.bodies[0].entries = 3
      for profile in 1..<max(1, profiles) {
        record.bodies.append(record.bodies[0])
        record.bodies[profile].profile = UInt64(profile)
      }
      try queue.append(
        record, signal: signal, shares: [SourceShare(source: source, lines: 3, bytes: 30)])
    }
    let expected = UInt64(3 * numbers.upperBound)
    for _ in 0..<2000 where (queue.sourceTotals[source]?.queuedLines ?? 0) < expected {
      try await Task.sleep(nanoseconds: 5_000_000)
    }
    #expect(queue.sourceTotals[source]?.queuedLines == expected)
  }

  /// Takes and acknowledges what there is now; counts lines.
  private static func drain(_ reader: inout QueueReader) throws -> UInt64 {
    var lines: UInt64 = 0
    while let (record, sequence) = try reader.take() {
      lines += UInt64(record.bodies[0].entries)
      reader.acknowledge(sequence)
    }
    return lines
  }

  /// Whether `body` returns within a minute; else its thread is left to itself.
  private static func returns(_ body: @escaping @Sendable () -> Void) async throws -> Bool {
    let flag = Flag()
    try LinuxThread.startDetached(name: "returns") {
      body()
      flag.set()
    }
    for _ in 0..<6000 where !flag.isSet { try await Task.sleep(nanoseconds: 10_000_000) }
    return flag.isSet
  }

  /// The server is away, and more waits than the queue may hold.
  @Test(arguments: [200, 60_000], [QueueFullPolicy.dropOldest, .block])
  func whatIsLargerThanTheQueueDoesNotHoldUpItsEnd(
    bodyBytes: Int, policy: QueueFullPolicy
  ) async throws {
    let rig = try Self.rig()
    rig.settings.whenFull = policy
    rig.settings.pendingBytesMax = 8 << 20
    let queue = try rig.open(["a", "idle"])
    let signal = rig.signal
    try queue.append(QueueRig.record(0), signal: signal)
    // One destination has everything there is, the other one is stuck with the first record.
    var stuck = QueueReader(queue, key: "a")
    for _ in 0..<1000 {
      if try stuck.take() != nil { break }
      try await Task.sleep(nanoseconds: 5_000_000)
    }
    var idle = QueueReader(queue, key: "idle")
    _ = try Self.drain(&idle)
    for number in 1...100 {
      try queue.append(QueueRig.record(number, bodyBytes: bodyBytes), signal: signal)
    }
    if policy == .dropOldest {
      for _ in 0..<6000 where queue.counters.appendedEntries < 101 {
        try await Task.sleep(nanoseconds: 10_000_000)
      }
      #expect(queue.counters.appendedEntries == 101)
      #expect(queue.bytes < 20_000 || bodyBytes > 20_000)
    }
    #expect(try await Self.returns { queue.close() })
  }

  /// What was dropped is what did not come, for each destination by itself.
  @Test func lostLinesAreThoseThatDidNotCome() async throws {
    let rig = try Self.rig()
    let queue = try rig.open(["quick", "slow"])
    try await Self.fill(queue, rig.signal, 0..<10, profiles: 2)
    var quick = QueueReader(queue, key: "quick")
    let first = try Self.drain(&quick)
    #expect(first == 30)
    try await Self.fill(queue, rig.signal, 10..<100, profiles: 2)
    var slow = QueueReader(queue, key: "slow")
    for (key, came) in [
      ("quick", first + (try Self.drain(&quick))), ("slow", try Self.drain(&slow)),
    ] {
      let lost = queue.counters.dropped[key] ?? 0
      #expect(came + lost == 300, "\(key): \(came) came, \(lost) lost")
      let account = queue.account(of: key)
      #expect(account.queued == 300 && account.handled == 300)
    }
    #expect(queue.counters.appendedEntries == 300)
    #expect(queue.counters.droppedEntries == queue.counters.dropped["slow"])
    let totals = try #require(queue.sourceTotals[Self.source])
    #expect(totals.lostLines == queue.counters.dropped["slow"])
    #expect(totals.acknowledgedLines + totals.lostLines == 300)
    queue.close()
  }

  /// What is on its way while its segment is dropped arrives, and is not lost.
  @Test func whatIsOnItsWayIsNotLost() async throws {
    let rig = try Self.rig()
    let queue = try rig.open()
    try await Self.fill(queue, rig.signal, 0..<2)
    var reader = QueueReader(queue, key: "a")
    let (_, sequence) = try #require(try reader.take())
    try await Self.fill(queue, rig.signal, 2..<100)
    #expect(queue.counters.droppedEntries > 0)
    var account = queue.account(of: "a")
    #expect(account.handled == queue.counters.dropped["a"])
    reader.acknowledge(sequence)
    let came = 3 + (try Self.drain(&reader))
    #expect(came + (queue.counters.dropped["a"] ?? 0) == 300)
    account = queue.account(of: "a")
    #expect(account.queued == 300 && account.handled == 300)
    let totals = try #require(queue.sourceTotals[Self.source])
    #expect(totals.acknowledgedLines == came)
    #expect(totals.lostLines == 300 - came)
    queue.close()
  }

  /// Records that cannot be read are no acknowledged ones.
  @Test func damagedRecordsHaveAnAccountOfTheirOwn() async throws {
    let rig = try Self.rig()
    rig.settings.bytesMax = 1 << 20
    let queue = try rig.open()
    try await Self.fill(queue, rig.signal, 0..<10)
    let path = "\(rig.folder)/\(try #require(rig.segments.dropFirst().first))"
    var bytes = try #require(FileManager.default.contents(atPath: path))
    bytes[bytes.count - 40] ^= 1
    try bytes.write(to: URL(filePath: path))
    var reader = QueueReader(queue, key: "a")
    let came = try Self.drain(&reader)
    #expect(came < 30 && came >= 18)
    let totals = try #require(queue.sourceTotals[Self.source])
    #expect(totals.acknowledgedLines == came)
    queue.close()
  }
}

import Delivery
import Foundation
import LinuxIO
import LogSources
import TelemetryModel
import TestSupport
import Testing

/// A queue in a folder of its own.
final class QueueRig {
  let folder = NSTemporaryDirectory() + "sluice-queue-" + UUID().uuidString
  let signal: ThreadSignal
  var settings: DiskQueueSettings

  init() throws {
    signal = try ThreadSignal()
    settings = DiskQueueSettings(folder: folder)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func open(
    _ destinations: [String] = ["a"], fileSystem: any FileSystem = RealFileSystem()
  ) throws -> DiskQueue {
    try DiskQueue(settings, destinations: destinations, fileSystem: fileSystem)
  }

  /// A record with one body and a position, both made of `number`.
  static func record(_ number: Int, bodyBytes: Int = 100) -> QueueRecord {
    var record = QueueRecord()
    record.positions = [
      SourcePosition(key: "file:\(number % 5)", value: Array("at \(number)".utf8))
    ]
    var bytes = Array("body \(number) ".utf8)
    while bytes.count < bodyBytes { bytes.append(UInt8(truncatingIfNeeded: bytes.count &* 31)) }
    record.bodies = [
      QueuedBody(profile: 0, tenant: "t", entries: 1, lineBytes: 10, bytes: bytes)
    ]
    return record
  }

  static func number(_ record: QueueRecord) -> Int {
    let text = String(decoding: record.bodies[0].bytes.prefix(20), as: UTF8.self)
    return Int(text.split(separator: " ")[1]) ?? -1
  }

  /// Takes and acknowledges up to `count` records, waiting for each.
  static func take(_ reader: inout QueueReader, _ count: Int, acknowledging: Bool = true)
    async throws -> [Int]
  {
    var numbers: [Int] = []
    while numbers.count < count {
      guard let (record, sequence) = try reader.take() else {
        guard await reader.wait() else { return numbers }
        continue
      }
      numbers.append(number(record))
      if acknowledging { reader.acknowledge(sequence) }
    }
    return numbers
  }

  var segments: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      .filter { $0.hasSuffix(".queue") }.sorted()
  }
}

/// Counts over threads.
final class AppendCount: Sendable {
  let count = Counter()
}

@Suite struct DiskQueueTests {
  /// Not while a record waits, not while it is written, and not before it is acknowledged.
  @Test func isSettledOnlyOnceAllIsAcknowledged() async throws {
    for _ in 0..<50 {
      let rig = try QueueRig()
      let queue = try rig.open()
      #expect(queue.isSettled)
      try queue.append(QueueRig.record(1), signal: rig.signal)
      var looks = 0
      while queue.backlog(of: "a") == 0 {
        #expect(!queue.isSettled, "after \(looks) looks")
        looks += 1
      }
      #expect(!queue.isSettled)
      var reader = QueueReader(queue, key: "a")
      #expect(try await QueueRig.take(&reader, 1) == [1])
      #expect(try await becomes { queue.isSettled })
      queue.close()
    }
  }

  @Test func recordsComeInOrderAndWhatIsAcknowledgedDoesNotComeAgain() async throws {
    let rig = try QueueRig()
    var queue = try rig.open()
    for number in 0..<20 { try queue.append(QueueRig.record(number), signal: rig.signal) }
    var reader = QueueReader(queue, key: "a")
    #expect(try await QueueRig.take(&reader, 12) == Array(0..<12))
    queue.close()
    queue = try rig.open()
    #expect(queue.positions["file:4"] == Array("at 19".utf8))
    reader = QueueReader(queue, key: "a")
    #expect(try await QueueRig.take(&reader, 8) == Array(12..<20))
    #expect(queue.isSettled)
    queue.close()
    #expect(rig.segments.count <= 2)
  }

  @Test func eachDestinationHasItsOwnPlace() async throws {
    let rig = try QueueRig()
    rig.settings.segmentBytes = 1000
    let queue = try rig.open(["a", "b"])
    for number in 0..<50 { try queue.append(QueueRig.record(number), signal: rig.signal) }
    var a = QueueReader(queue, key: "a")
    var b = QueueReader(queue, key: "b")
    #expect(try await QueueRig.take(&a, 50) == Array(0..<50))
    #expect(queue.backlog(of: "a") == 0)
    #expect(queue.backlog(of: "b") >= 50)
    #expect(try await QueueRig.take(&b, 50) == Array(0..<50))
    queue.close()
  }

  @Test func aSecondProcessIsRefused() throws {
    let rig = try QueueRig()
    let queue = try rig.open()
    #expect(throws: DeliveryError.self) { try rig.open() }
    queue.close()
    try rig.open().close()
  }

  @Test func aFullQueueHoldsAppendingBackUntilRoomIsMade() async throws {
    let rig = try QueueRig()
    rig.settings.bytesMax = 20_000
    rig.settings.segmentBytes = 4000
    rig.settings.pendingBytesMax = 2000
    let queue = try rig.open()
    let signal = rig.signal
    let appender = try LinuxThread.start(name: "append") {
      for number in 0..<200 {
        try? queue.append(QueueRig.record(number, bodyBytes: 500), signal: signal)
      }
    }
    while !queue.isFull { try await Task.sleep(nanoseconds: 5_000_000) }
    try await Task.sleep(nanoseconds: 50_000_000)
    #expect(queue.bytes <= 20_000)
    var reader = QueueReader(queue, key: "a")
    #expect(try await QueueRig.take(&reader, 200) == Array(0..<200))
    appender.join()
    #expect(queue.counters.droppedEntries == 0)
    queue.close()
  }

  @Test func closingAFullQueueSetsAppendersFree() async throws {
    let rig = try QueueRig()
    rig.settings.bytesMax = 5000
    rig.settings.pendingBytesMax = 1000
    let queue = try rig.open()
    let signal = rig.signal
    let appended = AppendCount()
    let appender = try LinuxThread.start(name: "append") {
      for number in 0..<200 {
        guard (try? queue.append(QueueRig.record(number, bodyBytes: 500), signal: signal)) != nil
        else { return }
        appended.count.add()
      }
    }
    while !queue.isFull { try await Task.sleep(nanoseconds: 5_000_000) }
    queue.close()
    appender.join()
    #expect(appended.count.value < 200)
  }

  @Test(arguments: [QueueFullPolicy.dropOldest, .dropNewest])
  func aFullQueueDropsAsConfiguredAndCounts(policy: QueueFullPolicy) async throws {
    let rig = try QueueRig()
    rig.settings.bytesMax = 20_000
    rig.settings.segmentBytes = 2000
    rig.settings.pendingBytesMax = 600
    rig.settings.whenFull = policy
    let queue = try rig.open()
    for number in 0..<200 {
      try queue.append(QueueRig.record(number, bodyBytes: 500), signal: rig.signal)
    }
    // The last ones are still being written. Of the oldest, what is dropped was appended before.
    #expect(
      try await becomes {
        let counters = queue.counters
        return policy == .dropOldest
          ? counters.appendedEntries == 200
          : counters.appendedEntries + counters.droppedEntries == 200
      })
    var reader = QueueReader(queue, key: "a")
    let kept = 200 - Int(queue.counters.droppedEntries)
    #expect(kept < 100 && kept > 10)
    let taken = try await QueueRig.take(&reader, kept)
    if policy == .dropOldest {
      #expect(taken == Array((200 - kept)..<200))
    } else {
      // Records are dropped as they are written, several at once: a single one may still fit
      // where two did not.
      #expect(taken.prefix(kept - 2) == ArraySlice(0..<(kept - 2)))
      #expect(zip(taken, taken.dropFirst()).allSatisfy { $0 < $1 } && taken.last! < kept + 4)
    }
    // New bodies are dropped before their positions are written.
    #expect(try await becomes { queue.positions["file:4"] == Array("at 199".utf8) })
    queue.close()
  }

  @Test func aFlippedByteCostsTheRecordThatItIsIn() async throws {
    let rig = try QueueRig()
    var queue = try rig.open()
    for number in 0..<10 { try queue.append(QueueRig.record(number), signal: rig.signal) }
    queue.close()
    let path = "\(rig.folder)/\(try #require(rig.segments.first))"
    let whole = try #require(FileManager.default.contents(atPath: path))
    for index in stride(from: 8, to: whole.count, by: 37) {
      var damaged = whole
      damaged[index] ^= 0x20
      try damaged.write(to: URL(filePath: path))
      try? FileManager.default.removeItem(atPath: "\(rig.folder)/acknowledged")
      queue = try rig.open()
      var reader = QueueReader(queue, key: "a")
      var numbers: [Int] = []
      while let (record, _) = try reader.take() { numbers.append(QueueRig.number(record)) }
      #expect(numbers.count >= 9, "byte \(index)")
      #expect(numbers == numbers.sorted())
      queue.close()
      for name in rig.segments.dropFirst() {
        try FileManager.default.removeItem(atPath: "\(rig.folder)/\(name)")
      }
    }
  }

  @Test func aTornTailIsLeftOut() async throws {
    let rig = try QueueRig()
    var queue = try rig.open()
    for number in 0..<10 { try queue.append(QueueRig.record(number), signal: rig.signal) }
    queue.close()
    let path = "\(rig.folder)/\(try #require(rig.segments.first))"
    let whole = try #require(FileManager.default.contents(atPath: path))
    for cut in stride(from: 1, to: 400, by: 23) {
      try whole.dropLast(cut).write(to: URL(filePath: path))
      try? FileManager.default.removeItem(atPath: "\(rig.folder)/acknowledged")
      queue = try rig.open()
      var reader = QueueReader(queue, key: "a")
      var numbers: [Int] = []
      while let (record, _) = try reader.take() { numbers.append(QueueRig.number(record)) }
      #expect(numbers == Array(0..<numbers.count))
      #expect(numbers.count >= 6)
      let last = numbers.count - 1
      #expect(queue.positions["file:\(last % 5)"] == Array("at \(last)".utf8))
      queue.close()
    }
  }

  @Test func damagedAndRandomBytesAreNoRecord() {
    let bytes = QueueRig.record(1).encoded()
    for index in bytes.indices {
      #expect(throws: (any Error).self) { try QueueRecord(encoded: Array(bytes[..<index])) }
    }
  }
}

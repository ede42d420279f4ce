import Delivery
import LinuxIO
import LogSources
import TestSupport
import Testing

/// A numbered source in front of a queue, and a destination behind it, over power cuts and faults.
///
/// Each time that a number is read it becomes another line, as the time of reading makes it. The
/// destination may get a line again, but never two lines of one number, and never loses one.
private final class ExactlyOnceModel {
  let signal: ThreadSignal
  private(set) var received: [Int: Set<String>] = [:]
  private var reads = 0

  init() throws { signal = try ThreadSignal() }

  /// Reads up to `count` numbers from where the queue's position is, one or two to a record.
  func feed(_ queue: DiskQueue, through last: Int) {
    var next = position(queue) + 1
    while next <= last {
      var record = QueueRecord()
      for number in next...min(last, next + reads % 2) {
        reads += 1
        record.bodies.append(
          QueuedBody(
            profile: 0, tenant: "", entries: 1, lineBytes: 1,
            bytes: Array("\(number) read \(reads)".utf8)))
        next = number + 1
      }
      record.positions = [SourcePosition(key: "file:1", value: Array("\(next - 1)".utf8))]
      guard (try? queue.append(record, signal: signal)) != nil else { return }
    }
  }

  func position(_ queue: DiskQueue) -> Int {
    queue.positions["file:1"].flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? -1
  }

  /// Takes what there is, and acknowledges every second record.
  func take(_ reader: inout QueueReader) {
    while let (record, sequence) = try? reader.take() {
      for body in record.bodies {
        let text = String(decoding: body.bytes, as: UTF8.self)
        guard let number = text.split(separator: " ").first.flatMap({ Int($0) }) else { continue }
        received[number, default: []].insert(text)
      }
      if sequence.isMultiple(of: 2) { reader.acknowledge(sequence) }
    }
  }

  func check(through last: Int) -> String? {
    for number in 0...last {
      guard let lines = received[number] else { return "\(number) is missing" }
      guard lines.count == 1 else { return "\(number) came as \(lines.sorted())" }
    }
    return nil
  }
}

@Suite struct QueueCrashTests {
  private static func settings() -> DiskQueueSettings {
    var settings = DiskQueueSettings(folder: "/queue")
    settings.segmentBytes = 400
    settings.retrySeconds = 0.002
    return settings
  }

  private static func pause() { (try? ThreadSignal())?.wait(milliseconds: 1) }

  @Test func everyLineComesOnceOverPowerCuts() throws {
    var cuts = 0
    for seed in UInt64(0)..<60 {
      let model = try ExactlyOnceModel()
      var disk = CrashingFileSystem()
      var last = -1
      for round in 0..<8 {
        if round < 7 { disk.cutPower(atCall: 3 + Int(seed * 7 + UInt64(round) * 11) % 60) }
        last += 10
        if let queue = try? DiskQueue(Self.settings(), destinations: ["a"], fileSystem: disk) {
          var reader = QueueReader(queue, key: "a")
          model.feed(queue, through: last)
          // The last round is to bring all, however late the queue's thread gets its turns.
          let turns = round < 7 ? 200 : 20_000
          for _ in 0..<turns where !disk.isOff && model.position(queue) < last {
            model.take(&reader)
            Self.pause()
          }
          model.take(&reader)
          queue.close()
        }
        if round < 7 {
          cuts += disk.isOff ? 1 : 0
          disk = disk.afterPowerCut(seed: seed &* 31 &+ UInt64(round))
        }
      }
      if let fault = model.check(through: last) { Issue.record("seed \(seed): \(fault)") }
    }
    #expect(cuts > 60, "the power has to fail while the queue works")
  }

  @Test(arguments: FaultyFileSystem.Fault.allCases)
  func everyLineComesOnceOverAFaultOfAnyCall(fault: FaultyFileSystem.Fault) throws {
    for call in 1...60 {
      let faulty = FaultyFileSystem(CrashingFileSystem())
      let model = try ExactlyOnceModel()
      faulty.fail(call: call, with: fault, lasting: call.isMultiple(of: 3))
      var last = -1
      for _ in 0..<2 {
        last += 12
        var opened: DiskQueue?
        for _ in 0..<3 where opened == nil {
          opened = try? DiskQueue(Self.settings(), destinations: ["a"], fileSystem: faulty)
          if opened == nil { faulty.mend() }
        }
        let queue = try #require(opened, "call \(call)")
        var reader = QueueReader(queue, key: "a")
        model.feed(queue, through: last)
        for turn in 0..<20_000 where model.position(queue) < last {
          model.take(&reader)
          if turn == 5 { faulty.mend() }
          Self.pause()
        }
        model.take(&reader)
        queue.close()
      }
      if let wrong = model.check(through: last) { Issue.record("call \(call): \(wrong)") }
    }
  }
}

import Delivery
import Foundation
import LinuxIO
import TestSupport
import Testing

/// Which refused bodies stay in their folder.
@Suite struct RejectedBatchesTests {
  private let folder = NSTemporaryDirectory() + "sluice-rejected-" + UUID().uuidString

  private var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  /// The first byte of each body that is there, and whether each has its reason beside it.
  private func bodies() throws -> [UInt8] {
    var found: [UInt8] = []
    for name in names where name.hasSuffix(".push") {
      found.append(try #require(FileManager.default.contents(atPath: "\(folder)/\(name)")?.first))
      #expect(names.contains(name.dropLast(5) + ".json"), "\(name) has no reason")
    }
    #expect(names.count == 2 * found.count)
    return found.sorted()
  }

  private func batches(_ clock: ManualClock) -> RejectedBatches {
    RejectedBatches(
      folder: folder, bytesMax: 10_000, fileSystem: RealFileSystem(), clock: clock)
  }

  private func body(_ mark: UInt8) -> [UInt8] { [UInt8](repeating: mark, count: 2500) }

  private let refusal = RejectedBatches.Refusal(
    destination: "d", url: "u", tenant: "", status: 400, message: "no", entries: 1)

  @Test func theOldestGoFirstWithTheirReasons() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let clock = ManualClock()
    let first = batches(clock)
    for (mark, sequence, place) in [(1, 98, 0), (2, 99, 2), (3, 99, 10), (4, 100, 0), (5, 101, 0)] {
      let removed = try first.add(
        body(UInt8(mark)), sequence: UInt64(sequence), place: place, refusal)
      #expect(removed == (mark > 3 ? 1 : 0))
    }
    #expect(try bodies() == [3, 4, 5])
  }

  @Test func aQueueThatBeginsAnewOverwritesNothing() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let clock = ManualClock()
    try batches(clock).add(body(1), sequence: 1, place: 0, refusal)
    try batches(clock).add(body(2), sequence: 2, place: 0, refusal)
    clock.advance(seconds: 5)
    let second = batches(clock)
    try second.add(body(3), sequence: 1, place: 0, refusal)
    #expect(try bodies() == [1, 2, 3])
    // The same body again, as after a fault of the disk, is one body.
    try second.add(body(3), sequence: 1, place: 0, refusal)
    #expect(try bodies() == [1, 2, 3])
    try second.add(body(4), sequence: 2, place: 0, refusal)
    #expect(try bodies() == [2, 3, 4])
  }

  /// Names of earlier versions have no padding and no time.
  @Test func filesOfEarlierVersionsAreOlder() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (mark, number) in [(UInt8(1), "99-0"), (2, "100-0"), (3, "9-1")] {
      for ending in ["push", "json"] {
        try Data(ending == "push" ? body(mark) : [10])
          .write(to: URL(filePath: "\(folder)/\(number).\(ending)"))
      }
    }
    let batches = batches(ManualClock())
    try batches.add(body(4), sequence: 1, place: 0, refusal)
    #expect(try bodies() == [1, 2, 4])
    try batches.add(body(5), sequence: 2, place: 0, refusal)
    #expect(try bodies() == [2, 4, 5])
  }
}

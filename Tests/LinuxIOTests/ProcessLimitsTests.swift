import Foundation
import LinuxIO
import Testing

@Suite struct ProcessLimitsTests {
  /// Pages of memory that are the process's own.
  private static func ownPages() throws -> Int {
    let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    let numbers = text.split(separator: " ").compactMap { Int($0) }
    return numbers[1] - numbers[2]
  }

  /// What is freed between things that stay is given back; a little of it is not worth the while.
  @Test func givesBackWhatWasFreed() throws {
    var blocks = (0..<200_000).map { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 700) }
    var kept: [[UInt8]] = []
    for index in stride(from: 0, to: blocks.count, by: 40) { kept.append(blocks[index]) }
    blocks = []
    #expect(!ProcessLimits.giveBackFreed(above: 1 << 40))
    let before = try Self.ownPages()
    #expect(ProcessLimits.giveBackFreed(above: 1 << 20))
    let after = try Self.ownPages()
    // Of 140 MB; tests beside this one take and give back, too.
    #expect(before - after > 70_000_000 / 4096)
    #expect(kept[7][0] == UInt8(truncatingIfNeeded: 280))
  }
}

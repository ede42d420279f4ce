import Foundation
import LinuxIO
import Testing

@Suite struct ProcessLimitsTests {
  /// The kernel tells what holds: the soft limit and the hard one.
  private static func openFiles() throws -> [String] {
    let text = try String(contentsOfFile: "/proc/self/limits", encoding: .utf8)
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("Max open files") })
    return line.split(separator: " ").dropFirst(3).prefix(2).map(String.init)
  }

  @Test func theSoftLimitOfOpenFilesIsRaisedToTheHardOne() throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
    limit.rlim_cur = limit.rlim_max - 1
    setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
    #expect(try Self.openFiles()[0] == "\(limit.rlim_cur)")
    #expect(ProcessLimits.raiseOpenFiles() == Int(clamping: limit.rlim_max))
    let after = try Self.openFiles()
    #expect(after[0] == after[1])
  }

  /// Pages of memory that are the process's own.
  private static func ownPages() throws -> Int {
    let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    let numbers = text.split(separator: " ").compactMap { Int($0) }
    return numbers[1] - numbers[2]
  }

  /// What is freed between things that stay is given back; a little of it is not worth the while.
  @Test func givesBackWhatWasFreed() throws {
    // Tests beside this one take and give back, too: of several tries one goes undisturbed.
    var given: [Int] = []
    for _ in 0..<5 where given.last ?? 0 <= 70_000_000 / 4096 {
      var blocks = (0..<200_000).map {
        [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 700)
      }
      var kept: [[UInt8]] = []
      for index in stride(from: 0, to: blocks.count, by: 40) { kept.append(blocks[index]) }
      blocks = []
      #expect(!ProcessLimits.giveBackFreed(above: 1 << 40))
      let before = try Self.ownPages()
      let isGiven = ProcessLimits.giveBackFreed(above: 1 << 20)
      let after = try Self.ownPages()
      given.append(isGiven ? before - after : 0)
      #expect(kept[7][0] == UInt8(truncatingIfNeeded: 280))
    }
    // Of 140 MB.
    #expect(given.last ?? 0 > 70_000_000 / 4096, "\(given) pages")
  }
}

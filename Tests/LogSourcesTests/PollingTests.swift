import Foundation
import LinuxIO
import LogSources
import Synchronization
import TestSupport
import Testing

/// How often files are looked at where the kernel tells of changes, and what it forgets to tell.
@Suite struct PollingTests {
  /// How often names were looked at.
  private final class Looks: Sendable {
    let count = Atomic<Int>(0)
  }

  private final class Watched {
    let folder = TemporaryFolder()
    private let fileSystem = InterposedFileSystem()
    private let looks = Looks()
    let clock = ManualClock()
    let sink = CollectingSink()
    let mailbox = FileMailbox()
    let tailer: FileTailer
    let discovery: FileDiscovery

    init() throws {
      var number: Int64 = 0
      tailer = FileTailer(
        job: "job", settings: FileTailSettings(), fileSystem: fileSystem, clock: clock,
        takeNumber: {
          number += 1
          return number
        })
      discovery = FileDiscovery(
        jobs: [
          FileDiscovery.Job(
            targets: [try FilePatterns(include: folder("*.log"))], mailbox: mailbox)
        ], fileSystem: RealFileSystem(), rescanSeconds: 1000)
      tailer.exchange(mailbox)
      fileSystem.interpose { [looks] call, _ in
        if call == .look { looks.count.add(1, ordering: .relaxed) }
        return nil
      }
    }

    /// How often names were looked at since the last time.
    func takeLooks() -> Int { looks.count.exchange(0, ordering: .relaxed) }

    func append(_ text: String, to name: String) {
      let path = folder(name)
      let old = FileManager.default.contents(atPath: path) ?? Data()
      guard let handle = FileHandle(forWritingAtPath: path) else {
        _ = FileManager.default.createFile(atPath: path, contents: old + Data(text.utf8))
        return
      }
      handle.seekToEndOfFile()
      handle.write(Data(text.utf8))
      try? handle.close()
    }

    /// What the kernel has to tell is taken.
    func listen() { for _ in 0..<10 { _ = discovery.step(waitMilliseconds: 20) } }

    func turn(afterSeconds seconds: Double) {
      clock.advance(seconds: seconds)
      tailer.exchange(mailbox)
      while tailer.readRound(sink, afterChunk: { true }) {}
      tailer.lookAround(sink) { true }
      while tailer.readRound(sink, afterChunk: { true }) {}
    }
  }

  @Test func filesAtRestCostNothing() throws {
    let watched = try Watched()
    for index in 0..<20 { watched.append(numbered(0..<5, "file\(index)"), to: "\(index).log") }
    watched.listen()
    watched.turn(afterSeconds: 1)
    #expect(watched.sink.lines.count == 100)
    watched.turn(afterSeconds: 1)
    _ = watched.takeLooks()
    for _ in 0..<8 { watched.turn(afterSeconds: 1) }
    #expect(watched.takeLooks() == 0)
    watched.append("told\n", to: "3.log")
    watched.listen()
    watched.turn(afterSeconds: 0)
    #expect(watched.sink.lines.last == "told")
    #expect(watched.takeLooks() == 1)
    // Each is polled once in ten seconds.
    for _ in 0..<10 { watched.turn(afterSeconds: 1) }
    #expect((19...21).contains(watched.takeLooks()))
  }

  @Test func whatTheKernelDoesNotTellIsFound() throws {
    let watched = try Watched()
    watched.append(numbered(0..<5), to: "a.log")
    watched.append(numbered(5..<10), to: "b.log")
    watched.listen()
    for _ in 0..<3 { watched.turn(afterSeconds: 1) }
    #expect(watched.sink.lines.count == 10)
    // Nobody listens to the kernel from here on.
    watched.append("one\n", to: "a.log")
    for _ in 0..<10 { watched.turn(afterSeconds: 1) }
    #expect(watched.sink.lines.last == "one")
    // From then on it is looked at every time.
    for index in 0..<3 {
      watched.append("line \(index)\n", to: "a.log")
      watched.turn(afterSeconds: 1)
      #expect(watched.sink.lines.last == "line \(index)")
    }
  }
}

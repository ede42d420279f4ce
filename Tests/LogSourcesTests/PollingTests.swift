import Foundation
import LinuxIO
import LogSources
import Synchronization
import TestSupport
import Testing

/// Counts how often names are looked at.
private final class CountingFileSystem: FileSystem {
  private let base = RealFileSystem()
  private let looks = Atomic<Int>(0)

  func takeLooks() -> Int { looks.exchange(0, ordering: .relaxed) }

  func status(_ path: String) throws(SystemError) -> FileStatus? {
    looks.add(1, ordering: .relaxed)
    return try base.status(path)
  }
  func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> any File {
    try base.open(path, mode)
  }
  func createFolder(_ path: String) throws(SystemError) { try base.createFolder(path) }
  func list(_ path: String) throws(SystemError) -> [String] { try base.list(path) }
  func rename(_ path: String, to newPath: String) throws(SystemError) {
    try base.rename(path, to: newPath)
  }
  func remove(_ path: String) throws(SystemError) { try base.remove(path) }
  func removeFolder(_ path: String) throws(SystemError) { try base.removeFolder(path) }
  func link(_ path: String, to newPath: String) throws(SystemError) {
    try base.link(path, to: newPath)
  }
  func syncFolder(_ path: String) throws(SystemError) { try base.syncFolder(path) }
  func freeSpace(_ path: String) throws(SystemError) -> FreeSpace { try base.freeSpace(path) }
  func lockFile(_ path: String) throws(SystemError) -> LockOutcome { try base.lockFile(path) }
}

/// How often files are looked at where the kernel tells of changes, and what it forgets to tell.
@Suite struct PollingTests {
  private final class Watched {
    let folder = TemporaryFolder()
    let fileSystem = CountingFileSystem()
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
    }

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
    _ = watched.fileSystem.takeLooks()
    for _ in 0..<8 { watched.turn(afterSeconds: 1) }
    #expect(watched.fileSystem.takeLooks() == 0)
    watched.append("told\n", to: "3.log")
    watched.listen()
    watched.turn(afterSeconds: 0)
    #expect(watched.sink.lines.last == "told")
    #expect(watched.fileSystem.takeLooks() == 1)
    // Each is polled once in ten seconds.
    for _ in 0..<10 { watched.turn(afterSeconds: 1) }
    #expect((19...21).contains(watched.fileSystem.takeLooks()))
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

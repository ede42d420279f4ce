import Foundation
import LogSources
import TestSupport
import Testing

/// What is never read is counted, and what can be read is.
@Suite struct GapTests {
  /// The first files of a start fill the room; one of those that have none was renamed.
  @Test func filesOutsideThePatternAreLookedForOnceAllOthersHadRoom() {
    let rig = TailerRig("*.log")
    for index in 0..<20 { rig.write(numbered(0..<5, "file\(index)"), to: "\(index).log") }
    rig.write(numbered(0..<10), to: "x.log")
    for index in 0..<6 {
      rig.write(numbered(0..<10, "y\(index)"), to: "y\(index).log")
    }
    rig.pump()
    rig.sink.taken = []
    rig.write(numbered(10..<15), to: "x.log")
    rig.rename("x.log", to: "x.log.1")
    for index in 0..<6 {
      rig.write(numbered(10..<11, "y\(index)"), to: "y\(index).log")
      rig.rename("y\(index).log", to: "y\(index).log.1")
    }
    rig.arrivalsMax = 4
    rig.crash()
    for _ in 0..<10 { rig.pump() }
    let expected = numberedLines(10..<15) + (0..<6).flatMap { numberedLines(10..<11, "y\($0)") }
    #expect(rig.lines.sorted() == expected.sorted())
  }

  @Test func filesThatGoBeforeTheyHadRoomAreCounted() {
    let rig = TailerRig()
    rig.arrivalsMax = 4
    rig.crash()
    for index in 0..<10 {
      rig.write(numbered(0..<index + 1, "file\(index)"), to: "\(index).log")
      let time = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: Double(index - 20))]
      try? FileManager.default.setAttributes(time, ofItemAtPath: rig.folder("\(index).log"))
    }
    // Reading is held back while discovery goes on.
    rig.discovery.scan()
    rig.remove("0.log")
    rig.remove("6.log")
    rig.remove("8.log")
    rig.discovery.scan()
    rig.discovery.scan()
    for _ in 0..<4 { rig.pump() }
    let expected = [0, 1, 2, 3, 4, 5, 7, 9].flatMap { numberedLines(0..<$0 + 1, "file\($0)") }
    #expect(rig.lines.sorted() == expected.sorted())
    #expect(rig.tailer.counters.goneFiles == 2)
    let bytes = numbered(0..<7, "file6").utf8.count + numbered(0..<9, "file8").utf8.count
    #expect(rig.tailer.counters.goneBytes == UInt64(bytes))
  }

  /// It was larger than what was read of it when the last run ended.
  @Test func theRestOfAFileThatWentWhileNobodyReadIsCountedOnce() {
    let rig = TailerRig("*.log")
    rig.write(numbered(0..<10), to: "app.log")
    rig.sink.pausesAfterEach = true
    rig.pump()
    rig.sink.pausesAfterEach = false
    let read = rig.sink.taken.reduce(0) { $0 + Int($1.origin.length) }
    rig.remove("app.log")
    rig.crash()
    var (files, bytes): (UInt64, UInt64) = (0, 0)
    for round in 0..<80 {
      if round % 10 == 9 {
        files += rig.tailer.counters.goneFiles
        bytes += rig.tailer.counters.goneBytes
        rig.crash()
      }
      rig.pump()
      rig.clock.advance(seconds: 60)
    }
    #expect(files == 1)
    #expect(bytes == UInt64(numbered(0..<10).utf8.count - read))
    #expect(rig.stored.isEmpty, "it is forgotten although there were starts in between")
  }

  @Test func whatATruncationDestroyedIsCountedOnceAndACopyLeavesNothingToCount() {
    let rig = TailerRig()
    for name in ["a.log", "b.log"] { rig.write(numbered(0..<50, name), to: name) }
    rig.pump()
    // Larger than what is read, as a look finds.
    rig.sink.pausesAfterEach = true
    for name in ["a.log", "b.log"] { rig.write(numbered(50..<60, name), to: name) }
    rig.pump()
    rig.sink.pausesAfterEach = false
    let read = rig.sink.taken.filter { $0.name == "b.log" }.reduce(0) {
      $0 + Int($1.origin.length)
    }
    rig.copy("a.log", to: "a.log.1")
    for name in ["a.log", "b.log"] {
      rig.truncate(name)
      rig.write(numbered(60..<62, name), to: name)
    }
    // The copy is found a little later.
    rig.pump(scanning: false)
    #expect(rig.tailer.counters.destroyedBytes == 0)
    rig.clock.advance(seconds: 5)
    rig.pump()
    rig.pump()
    var destroyed = rig.tailer.counters.destroyedBytes
    rig.crash()
    for _ in 0..<5 {
      rig.clock.advance(seconds: 20)
      rig.pump()
    }
    destroyed += rig.tailer.counters.destroyedBytes
    rig.crash()
    for _ in 0..<5 {
      rig.clock.advance(seconds: 20)
      rig.pump()
    }
    destroyed += rig.tailer.counters.destroyedBytes
    #expect(destroyed == UInt64(numbered(0..<60, "b.log").utf8.count - read))
    let lines = rig.lines.filter { $0.hasPrefix("a.log") }
    #expect(lines.sorted() == numberedLines(0..<62, "a.log").sorted())
  }

  @Test func truncatedFilesAreForgottenAlthoughThereAreStarts() {
    let rig = TailerRig()
    rig.write(numbered(0..<50), to: "app.log")
    rig.pump()
    rig.truncate("app.log")
    rig.pump()
    #expect(rig.stored.count == 2)
    for _ in 0..<70 {
      rig.clock.advance(seconds: 60)
      rig.pump()
      rig.crash()
      rig.pump()
    }
    #expect(rig.stored.count == 1)
  }
}

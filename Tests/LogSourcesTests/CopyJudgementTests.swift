import Foundation
import LinuxIO
import LogSources
import Synchronization
import TestSupport
import Testing

/// Truncations at any moment of what the tailer does, and originals that are not open.
@Suite struct CopyJudgementTests {
  /// Does `body` just before the `index`-th call on a file of this name.
  private func interpose(
    _ rig: TailerRig, on name: String, before index: Int, _ body: @escaping @Sendable () -> Void
  ) {
    let path = rig.folder(name)
    let calls = Mutex(0)
    rig.files.interpose { call, called in
      guard call != .look, called == path else { return nil }
      let isIt = calls.withLock { count in
        count += 1
        return count - 1 == index
      }
      if isIt { body() }
      return nil
    }
  }

  private static func append(_ text: String, to path: String) {
    guard let handle = FileHandle(forWritingAtPath: path) else { return }
    handle.seekToEndOfFile()
    handle.write(Data(text.utf8))
    try? handle.close()
  }

  @Test(arguments: [3, 8, 100], [0, 3, 8, 300])
  func aTruncationAtAnyMomentAfterTheCopyLosesAndRepeatsNothing(before: Int, after: Int) {
    for index in 0..<16 {
      let rig = TailerRig()
      rig.write(numbered(0..<before), to: "app.log")
      rig.pump()
      rig.copy("app.log", to: "app.log.1")
      let path = rig.folder("app.log")
      interpose(rig, on: "app.log", before: index) {
        _ = Foundation.truncate(path, 0)
        Self.append(numbered(before..<before + after), to: path)
      }
      for _ in 0..<3 { rig.pump() }
      rig.files.interpose(nil)
      for _ in 0..<3 { rig.pump() }
      let wasTruncated = rig.tailer.counters.truncations > 0
      let all = numberedLines(0..<(wasTruncated ? before + after : before))
      #expect(rig.lines.sorted() == all.sorted(), "before call \(index)")
    }
  }

  @Test(arguments: [3, 8, 100], [0, 3, 8, 300])
  func aCopyAndATruncationAtAnyMomentLoseAndRepeatNothing(before: Int, after: Int) {
    for index in 0..<16 {
      let rig = TailerRig()
      rig.write(numbered(0..<before), to: "app.log")
      rig.pump()
      rig.write(numbered(before..<before + 5), to: "app.log")
      let (path, copy) = (rig.folder("app.log"), rig.folder("app.log.1"))
      interpose(rig, on: "app.log", before: index) {
        let data = FileManager.default.contents(atPath: path) ?? Data()
        _ = FileManager.default.createFile(atPath: copy, contents: data)
        _ = Foundation.truncate(path, 0)
        Self.append(numbered(before + 5..<before + 5 + after), to: path)
      }
      for _ in 0..<3 { rig.pump() }
      rig.files.interpose(nil)
      for _ in 0..<3 { rig.pump() }
      let wasTruncated = rig.tailer.counters.truncations > 0
      let all = numberedLines(0..<(wasTruncated ? before + 5 + after : before + 5))
      #expect(rig.lines.sorted() == all.sorted(), "before call \(index)")
    }
  }

  @Test(arguments: [0, 5, 100, 300])
  func aCopyOfARestingFileIsKnown(written: Int) {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.clock.advance(seconds: 601)
    rig.pump()
    #expect(rig.tailer.fileStatuses.map(\.state) == ["resting"])
    rig.copy("app.log", to: "app.log.1")
    rig.pump()
    #expect(rig.lines.count == 100)
    rig.truncate("app.log")
    rig.write(numbered(100..<100 + written), to: "app.log")
    rig.pump(scanning: false)
    rig.pump()
    rig.pump()
    #expect(rig.lines.sorted() == numberedLines(0..<100 + written).sorted())
    #expect(rig.tailer.counters.copiesTakenOver == 1)
  }

  @Test func aCopyOfARestingFileThatIsTruncatedBeforeTheCopyIsFoundIsKnown() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.clock.advance(seconds: 601)
    rig.pump()
    let path = rig.folder("app.log")
    rig.write(numbered(100..<104), to: "app.log")
    rig.copy("app.log", to: "app.log.1")
    // The scan finds the original with another size, and its opening fails.
    rig.truncate("app.log")
    rig.write(numbered(104..<120), to: "app.log")
    rig.files.interpose { call, called in
      call == .open && called == path ? SystemError(call: "open", path: path, code: 24) : nil
    }
    rig.pump()
    #expect(rig.lines.count == 100)
    rig.files.interpose(nil)
    for _ in 0..<3 { rig.pump() }
    #expect(rig.lines.sorted() == numberedLines(0..<120).sorted())
  }

  @Test func aRestingFileOfTheSameSizeIsReadAnew() {
    let rig = TailerRig()
    rig.write(numbered(100..<150), to: "app.log")
    rig.pump()
    rig.clock.advance(seconds: 601)
    rig.pump()
    rig.truncate("app.log")
    rig.write(numbered(200..<250), to: "app.log")
    for _ in 0..<2 { rig.pump() }
    #expect(rig.lines == numberedLines(100..<150) + numberedLines(200..<250))
  }

  /// At a start no descriptor is left for the original, and there is one for its copy.
  @Test func aCopyWaitsForAnOriginalThatCannotBeOpenedYet() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.copy("app.log", to: "app.log.1")
    rig.crash()
    let path = rig.folder("app.log")
    rig.files.interpose { call, called in
      call == .open && called == path ? SystemError(call: "open", path: path, code: 24) : nil
    }
    for _ in 0..<3 { rig.pump() }
    #expect(rig.lines.count == 100)
    rig.files.interpose(nil)
    rig.pump()
    rig.truncate("app.log")
    rig.write(numbered(100..<110), to: "app.log")
    for _ in 0..<3 { rig.pump() }
    #expect(rig.lines.sorted() == numberedLines(0..<110).sorted())
  }

  /// What stays shut for long is no reason to lose what can be read.
  @Test func aCopyDoesNotWaitForEverForWhatCannotBeOpened() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.copy("app.log", to: "app.log.1")
    rig.write(numbered(100..<110), to: "app.log.1")
    rig.crash()
    let path = rig.folder("app.log")
    rig.files.interpose { call, called in
      call == .open && called == path ? SystemError(call: "open", path: path, code: 13) : nil
    }
    rig.pump()
    #expect(rig.lines.count == 100)
    rig.clock.advance(seconds: 31)
    for _ in 0..<2 { rig.pump() }
    #expect(rig.lines.suffix(10) == numberedLines(100..<110)[...])
  }

  /// The agent comes when nothing was read of the file, between the copying and the truncation.
  @Test func aCopyOfAFileOfWhichNothingWasReadWaits() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.copy("app.log", to: "app.log.1")
    // As if it had been written to since the copying began.
    let later = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: 10)]
    try? FileManager.default.setAttributes(later, ofItemAtPath: rig.folder("app.log"))
    rig.pump()
    rig.truncate("app.log")
    rig.write(numbered(100..<110), to: "app.log")
    for _ in 0..<3 { rig.pump() }
    #expect(rig.lines.sorted() == numberedLines(0..<110).sorted())
  }

  /// Files that were rotated before anything was read come in the order of their writing.
  @Test func rotatedFilesOfAFreshStartComeFirst() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.rename("app.log", to: "app.log.1")
    let earlier = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: -10)]
    try? FileManager.default.setAttributes(earlier, ofItemAtPath: rig.folder("app.log.1"))
    rig.write(numbered(100..<200), to: "app.log")
    rig.pump()
    #expect(rig.lines == numberedLines(0..<200))
  }
}

/// Copies that are shorter than the place that was reached in the original.
@Suite struct ShortCopyTests {
  @Test(arguments: [2, 100, 5000], [1, 30, 700])
  func aCopyMadeBeforeTheLastReadsIsKnownAfterACrash(before: Int, meanwhile: Int) {
    let rig = TailerRig()
    rig.write(numbered(0..<before), to: "app.log")
    rig.pump()
    rig.copy("app.log", to: "later")
    rig.write(numbered(before..<before + meanwhile), to: "app.log")
    rig.pump()
    rig.truncate("app.log")
    rig.write(numbered(9000..<9010), to: "app.log")
    rig.crash()
    rig.pump()
    rig.crash()
    rig.rename("later", to: "app.log.1")
    for _ in 0..<3 { rig.pump() }
    let all = numberedLines(0..<before + meanwhile) + numberedLines(9000..<9010)
    #expect(rig.lines.sorted() == all.sorted())
  }

  /// The block that was held stands in the copy, of which nothing else is to be read.
  @Test func heldLinesAreReadFromAShortCopy() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.copy("app.log", to: "later")
    rig.write(numbered(100..<130), to: "app.log")
    rig.pump(storing: false)
    let held = rig.sink.taken[95..<100].map {
      FilePosition.HeldLine(start: $0.origin.start, length: $0.origin.length)
    }
    rig.store(held: [rig.sink.taken[0].origin.source: held])
    rig.truncate("app.log")
    rig.crash()
    rig.sink.taken = []
    rig.rename("later", to: "app.log.1")
    for _ in 0..<3 { rig.pump() }
    #expect(rig.lines == numberedLines(95..<100))
    rig.crash()
    for _ in 0..<3 { rig.pump() }
    #expect(rig.lines.count == 5)
  }
}

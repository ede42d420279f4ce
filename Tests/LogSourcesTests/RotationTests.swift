import LinuxIO
import LogSources
import TestSupport
import Testing

@Suite struct RotationTests {
  @Test func aRenamedFileIsReadToItsEndAndNotAgain() {
    let rig = TailerRig()
    rig.write(numbered(0..<50), to: "app.log")
    rig.pump()
    rig.write(numbered(50..<60), to: "app.log")
    rig.rename("app.log", to: "app.log.1")
    rig.write(numbered(60..<70), to: "app.log")
    // A program that has not reopened its log yet.
    rig.write(numbered(70..<75), to: "app.log.1")
    rig.pump()
    rig.pump()
    #expect(rig.lines.sorted() == numberedLines(0..<75).sorted())
    // Lines keep the name under which their file was first seen.
    #expect(Set(rig.sink.taken.map(\.name)) == ["app.log"])
    #expect(rig.tailer.counters.rotations >= 1)
  }

  @Test func aRenamedFileIsKnownAfterARestart() {
    let rig = TailerRig()
    rig.write(numbered(0..<50), to: "app.log")
    rig.pump()
    rig.write(numbered(50..<60), to: "app.log")
    rig.rename("app.log", to: "app.log.1")
    rig.write(numbered(60..<70), to: "app.log")
    rig.crash()
    rig.pump()
    #expect(rig.lines.sorted() == numberedLines(0..<70).sorted())
  }

  /// Rotated files come and go under the same names, and a file system gives the inode of one that
  /// is gone to the next one.
  @Test func aCopyWithTheNameAndTheInodeOfAnOlderOneIsKnownAsACopy() {
    let rig = TailerRig()
    rig.write(numbered(0..<50), to: "app.log.1")
    rig.write(numbered(50..<100), to: "app.log")
    rig.pump()
    #expect(rig.lines.sorted() == numberedLines(0..<100).sorted())
    rig.crash()
    rig.truncate("app.log.1")
    rig.write(numbered(50..<110), to: "app.log.1")
    rig.truncate("app.log")
    rig.write(numbered(110..<130), to: "app.log")
    for _ in 0..<3 { rig.pump() }
    #expect(rig.lines.sorted() == numberedLines(0..<130).sorted())
  }

  /// More files than are opened at once: the original comes after its copy, since the copy has the
  /// inode of a file that is known and older.
  @Test func aCopyWaitsForItsOriginalAmongManyFiles() {
    let rig = TailerRig()
    rig.write(numbered(0..<50), to: "app.log.1")
    for index in 0..<300 { rig.write("first of \(index)\n", to: "x\(index).log") }
    rig.write(numbered(50..<100), to: "app.log")
    for _ in 0..<4 { rig.pump() }
    #expect(rig.lines.count == 400)
    rig.crash()
    rig.truncate("app.log.1")
    rig.write(numbered(50..<110), to: "app.log.1")
    for index in 0..<300 { rig.write("second of \(index)\n", to: "x\(index).log") }
    rig.truncate("app.log")
    rig.write(numbered(110..<130), to: "app.log")
    for _ in 0..<4 { rig.pump() }
    let lines = rig.lines.filter { $0.hasPrefix("line") }
    #expect(lines.sorted() == numberedLines(0..<130).sorted())
    #expect(rig.lines.count == 730)
  }

  @Test func aFileRenamedOutOfThePatternWhileNobodyReadIsFoundInItsFolder() {
    let rig = TailerRig("*.log")
    rig.write(numbered(0..<50), to: "app.log")
    rig.pump()
    rig.write(numbered(50..<60), to: "app.log")
    rig.rename("app.log", to: "app.log.1")
    rig.crash()
    rig.pump()
    #expect(rig.lines == numberedLines(0..<60))
  }

  @Test func anotherFileWithTheInodeOfOneThatIsGoneIsNotReadOutsideThePattern() {
    let rig = TailerRig("*.log")
    rig.write(numbered(0..<50), to: "app.log")
    rig.pump()
    // What inode reuse looks like.
    rig.rename("app.log", to: "secret.txt")
    rig.truncate("secret.txt")
    rig.write(numbered(0..<80, "secret"), to: "secret.txt")
    rig.crash()
    rig.pump()
    rig.pump()
    #expect(rig.lines == numberedLines(0..<50))
  }

  @Test func anOpenFileThatIsRemovedIsReadToItsEnd() {
    let rig = TailerRig()
    rig.write(numbered(0..<5), to: "app.log")
    rig.pump()
    rig.write(numbered(5..<9) + "unfinished", to: "app.log")
    rig.remove("app.log")
    rig.pump(scanning: false)
    #expect(rig.lines == numberedLines(0..<9))
    rig.clock.advance(seconds: 31)
    rig.pump()
    #expect(rig.lines == numberedLines(0..<9) + ["unfinished"])
    rig.pump()
    #expect(rig.stored.isEmpty, "nothing is kept of a file that is gone")
  }

  @Test func theUnfinishedLineOfARotatedFileComesWhenItRests() {
    let rig = TailerRig()
    rig.write("whole\nhalf", to: "app.log")
    rig.pump()
    rig.rename("app.log", to: "app.log.1")
    rig.pump()
    #expect(rig.lines == ["whole"])
    rig.write(" and half\nlast", to: "app.log.1")
    rig.pump()
    #expect(rig.lines == ["whole", "half and half"])
    rig.clock.advance(seconds: 31)
    rig.pump()
    rig.pump()
    #expect(rig.lines == ["whole", "half and half", "last"])
    rig.crash()
    rig.pump()
    #expect(rig.lines.count == 3)
  }

  @Test func restingFilesAreClosedAndOpenedWhenTheyGrow() {
    let rig = TailerRig()
    rig.write(numbered(0..<5), to: "app.log")
    rig.pump()
    rig.clock.advance(seconds: 601)
    rig.pump()
    rig.pump()
    rig.write(numbered(5..<7), to: "app.log")
    rig.pump()
    #expect(rig.lines == numberedLines(0..<7))
  }

  @Test func aTruncatedFileIsReadFromItsStart() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.write(numbered(100..<110), to: "app.log")
    rig.pump()
    rig.truncate("app.log")
    rig.write(numbered(200..<205), to: "app.log")
    rig.pump()
    #expect(rig.lines == numberedLines(0..<110) + numberedLines(200..<205))
    #expect(rig.tailer.counters.truncations == 1)
  }

  @Test func aTruncatedFileThatHasGrownBeyondIsNoticed() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.truncate("app.log")
    rig.write(numbered(200..<500), to: "app.log")
    rig.pump()
    #expect(rig.lines == numberedLines(0..<100) + numberedLines(200..<500))
  }

  @Test func aTruncatedFileOfTheSameLengthAndStartIsNoticed() {
    let rig = TailerRig()
    let banner = String(repeating: "the same banner at every start\n", count: 60)
    rig.write(banner + numbered(10..<20), to: "app.log")
    rig.pump()
    rig.truncate("app.log")
    rig.write(banner + numbered(30..<40), to: "app.log")
    rig.pump()
    #expect(Array(rig.lines.suffix(10)) == numberedLines(30..<40))
  }
}

@Suite struct CopyTruncateTests {
  @Test func aCopyIsReadFromWhereTheOriginalWasCut() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.write(numbered(100..<120), to: "app.log")
    rig.copy("app.log", to: "app.log.1")
    rig.truncate("app.log")
    rig.write(numbered(120..<130), to: "app.log")
    rig.pump()
    rig.pump()
    #expect(rig.lines.sorted() == numberedLines(0..<130).sorted())
    #expect(rig.tailer.counters.copiesTakenOver == 1)
    #expect(Set(rig.sink.taken.map(\.name)) == ["app.log"])
  }

  @Test func aCopyMadeWhileNobodyReadIsKnown() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.write(numbered(100..<120), to: "app.log")
    rig.copy("app.log", to: "app.log.1")
    rig.truncate("app.log")
    rig.write(numbered(120..<400), to: "app.log")
    rig.crash()
    rig.pump()
    rig.pump()
    #expect(rig.lines.sorted() == numberedLines(0..<400).sorted())
  }

  @Test func aCopySeenBeforeTheTruncationWaits() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.copy("app.log", to: "app.log.1")
    rig.pump()
    #expect(rig.lines.count == 100)
    // The program goes on writing; a real copytruncate would lose what is not read in time.
    rig.write(numbered(100..<110), to: "app.log")
    rig.pump()
    rig.truncate("app.log")
    rig.write(numbered(110..<120), to: "app.log")
    rig.pump()
    rig.pump()
    #expect(rig.lines.sorted() == numberedLines(0..<120).sorted())
  }

  @Test func aCopyWithTheInodeOfAFileThatIsGoneIsKnown() {
    let rig = TailerRig()
    rig.write(numbered(0..<50, "older"), to: "app.log.1")
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.write(numbered(100..<120), to: "app.log")
    // What inode reuse looks like: the removed file's inode holds the copy.
    rig.truncate("app.log.1")
    rig.write(numbered(0..<120), to: "app.log.1")
    rig.rename("app.log.1", to: "app.log.2")
    rig.truncate("app.log")
    rig.write(numbered(120..<125), to: "app.log")
    rig.crash()
    rig.pump()
    rig.pump()
    #expect(
      rig.lines.sorted() == (numberedLines(0..<50, "older") + numberedLines(0..<125)).sorted())
  }

  @Test func aCrashWhileACopyWaitsDoesNotMakeItAnOriginal() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.copy("app.log", to: "app.log.1")
    rig.pump()
    rig.crash()
    rig.pump()
    rig.truncate("app.log")
    rig.write(numbered(100..<110), to: "app.log")
    rig.crash()
    rig.pump()
    rig.pump()
    #expect(rig.lines.sorted() == numberedLines(0..<110).sorted())
  }

  @Test(arguments: [0, 20, 300]) func aTruncationThatIsNotNoticedYetDoesNotMakeACopyAnOriginal(
    written: Int
  ) {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.write(numbered(100..<105), to: "app.log")
    rig.copy("app.log", to: "app.log.1")
    rig.truncate("app.log")
    rig.write(numbered(105..<105 + written), to: "app.log")
    rig.pump(noticing: false)
    rig.pump()
    rig.pump()
    #expect(rig.lines.sorted() == numberedLines(0..<105 + written).sorted())
  }

  @Test func aCopyThatIsStillBeingMadeWaits() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    let whole = numbered(0..<100)
    rig.write(String(whole.prefix(1500)), to: "app.log.1")
    rig.pump()
    #expect(rig.lines.count == 100)
    rig.write(String(whole.dropFirst(1500)), to: "app.log.1")
    rig.pump()
    rig.truncate("app.log")
    rig.pump()
    rig.pump()
    #expect(rig.lines.count == 100)
  }

  @Test func aCopyOfWhatWasReadAlreadyIsPassedOverWhenFoundAfterTheTruncation() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.pump()
    rig.copy("app.log", to: "app.log.1")
    rig.write(numbered(100..<130), to: "app.log")
    rig.pump(scanning: false)
    rig.truncate("app.log")
    rig.write(numbered(130..<140), to: "app.log")
    rig.pump(scanning: false)
    rig.pump()
    rig.pump()
    #expect(rig.lines.sorted() == numberedLines(0..<140).sorted())
  }

  @Test func rotationsOfCopiesAreFollowed() {
    let rig = TailerRig()
    var written = 0
    func write(_ count: Int) {
      rig.write(numbered(written..<written + count), to: "app.log")
      written += count
    }
    for round in 0..<6 {
      write(40)
      if round % 2 == 0 { rig.pump() }
      if round == 3 { rig.crash() }
      write(15)
      for index in (1..<4).reversed() { rig.rename("app.log.\(index)", to: "app.log.\(index + 1)") }
      rig.copy("app.log", to: "app.log.1")
      rig.truncate("app.log")
      if round % 3 == 0 { rig.crash() }
      write(5)
      rig.pump()
      rig.pump()
    }
    #expect(rig.lines.sorted() == numberedLines(0..<written).sorted())
  }

  @Test func anotherProgramsLogWithTheSameBannerIsReadWhenItSaysMore() {
    let rig = TailerRig()
    let banner = String(repeating: "a banner that both print first\n", count: 20)
    rig.write(banner, to: "app-a.log")
    rig.pump()
    rig.write(banner, to: "app-a2.log")
    rig.pump()
    rig.write(numbered(0..<3), to: "app-a2.log")
    rig.pump()
    rig.pump()
    #expect(rig.lines.count == 43)
  }
}

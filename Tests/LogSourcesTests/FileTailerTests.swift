import Bytes
import LinuxIO
import LogSources
import Testing

@Suite struct FileTailerTests {
  @Test func handsOnWholeLinesOnce() {
    let rig = TailerRig()
    rig.write("one\ntwo\r\n\nthr", to: "a.log")
    rig.pump()
    #expect(rig.lines == ["one", "two", ""])
    rig.pump()
    #expect(rig.lines == ["one", "two", ""])
    rig.write("ee\nfour", to: "a.log")
    rig.pump()
    #expect(rig.lines == ["one", "two", "", "three"])
    rig.write("\n", to: "a.log")
    rig.pump()
    #expect(rig.lines.last == "four")
    #expect(rig.sink.taken.map(\.origin.start) == [0, 4, 9, 10, 16])
    #expect(rig.tailer.counters.readLines == 5)
  }

  @Test func aChunkSmallerThanALineStillGivesTheLine() {
    var settings = FileTailSettings()
    settings.chunkBytes = 64
    let rig = TailerRig(settings: settings)
    let long = String(repeating: "abcdefghij", count: 500)
    rig.write("a\n\(long)\nb\n", to: "a.log")
    rig.pump()
    #expect(rig.lines == ["a", long, "b"])
  }

  @Test(arguments: [true, false]) func overlongLinesAreCutOrDropped(cuts: Bool) {
    var settings = FileTailSettings()
    settings.chunkBytes = 64
    settings.lineBytesMax = 100
    settings.cutsOverlongLines = cuts
    let rig = TailerRig(settings: settings)
    let long = String(repeating: "x", count: 1000)
    rig.write("a\n\(long)", to: "a.log")
    rig.pump()
    rig.crash()
    rig.write("\(long)\nb\n\(long)\nc\n", to: "a.log")
    rig.pump()
    let cut = String(repeating: "x", count: 100)
    #expect(rig.lines == (cuts ? ["a", cut, "b", cut, "c"] : ["a", "b", "c"]))
  }

  @Test func goesOnWhereItWasStoredAfterACrash() {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "a.log")
    rig.pump()
    rig.write(numbered(100..<200), to: "a.log")
    rig.pump(storing: false)
    rig.sink.taken = []
    rig.crash()
    rig.pump()
    #expect(rig.lines == numberedLines(100..<200))
  }

  @Test func heldLinesAreReadAgainAfterACrashAndOthersAreNot() {
    let rig = TailerRig()
    rig.write(numbered(0..<10), to: "a.log")
    rig.pump(storing: false)
    let held = [2, 3, 7].map { index in
      let origin = rig.sink.taken[index].origin
      return FilePosition.HeldLine(start: origin.start, length: origin.length)
    }
    rig.store(held: [rig.sink.taken[0].origin.source: held])
    rig.sink.taken = []
    rig.crash()
    rig.write(numbered(10..<11), to: "a.log")
    rig.pump()
    let all = numberedLines(0..<11)
    #expect(rig.lines == [all[2], all[3], all[7], all[10]])
  }

  @Test func aTakerMayPauseAfterAnyLine() {
    let rig = TailerRig()
    rig.write(numbered(0..<20), to: "a.log")
    rig.sink.pausesAfterEach = true
    for _ in 0..<10 {
      rig.pump()
      rig.crash()
    }
    #expect(rig.lines.count >= 10)
    #expect(rig.lines == Array(numberedLines(0..<20).prefix(rig.lines.count)))
    rig.sink.pausesAfterEach = false
    rig.pump()
    #expect(rig.lines == numberedLines(0..<20))
  }

  @Test func excludedAndCompressedFilesAreLeftAlone() {
    let rig = TailerRig("*", exclude: "*.{tmp,bak}")
    rig.write("1\n", to: "a.log")
    rig.write("2\n", to: "b.tmp")
    rig.write("3\n", to: "c.gz")
    rig.pump()
    #expect(rig.lines == ["1"])
  }

  @Test func aReusedInodeWithOtherContentStartsAtItsBeginning() {
    let rig = TailerRig()
    rig.write(numbered(0..<50), to: "a.log")
    rig.pump()
    // What inode reuse looks like: the same device and inode, other bytes, and no shorter.
    rig.truncate("a.log")
    rig.write(numbered(1000..<1100, "other"), to: "a.log")
    rig.sink.taken = []
    rig.crash()
    rig.pump()
    #expect(rig.lines == numberedLines(1000..<1100, "other"))
  }

  @Test func offsetsOfPromtailAreTakenOver() {
    let rig = TailerRig()
    rig.write("one\ntwo\nthree\n", to: "a.log")
    rig.write("short\n", to: "b.log")
    rig.tailer.importOffsets([
      ByteText(rig.folder("a.log")): 8, ByteText(rig.folder("b.log")): 1000,
    ])
    rig.pump()
    #expect(rig.lines.sorted() == ["short", "three"])
  }

  /// A file that is truncated before anything was read at the place that was taken over.
  @Test(arguments: [0, 5, 400])
  func aTruncationOfAFileThatPromtailReadIsNoticed(written: Int) {
    let rig = TailerRig()
    rig.write(numbered(0..<100), to: "app.log")
    rig.tailer.importOffsets([ByteText(rig.folder("app.log")): Int64(numbered(0..<90).utf8.count)])
    rig.pump()
    #expect(rig.lines == numberedLines(90..<100))
    rig.sink.taken = []
    let all = TailerRig()
    all.write(numbered(0..<100), to: "app.log")
    all.tailer.importOffsets([ByteText(all.folder("app.log")): Int64(numbered(0..<100).utf8.count)])
    all.pump()
    all.copy("app.log", to: "app.log.1")
    all.truncate("app.log")
    all.write(numbered(100..<100 + written), to: "app.log")
    for _ in 0..<3 { all.pump() }
    #expect(all.lines.sorted() == numberedLines(100..<100 + written).sorted())
    #expect(all.tailer.counters.truncations == 1)
  }

  @Test func twoNamesOfOneFileAreReadOnce() throws {
    let rig = TailerRig()
    rig.write("1\n", to: "a.log")
    try RealFileSystem().link(rig.folder("a.log"), to: rig.folder("b.log"))
    try makeLink(rig.folder("c.log"), to: rig.folder("a.log"))
    rig.pump()
    rig.pump()
    #expect(rig.lines == ["1"])
  }
}

import Foundation
import LogSources
import Testing

/// Lines that the pipeline held when a run ended.
@Suite struct HeldLineTests {
  /// A file of 20 lines of which the last five are held, after a crash.
  private func rig(_ include: String = "*.log*") -> TailerRig {
    let rig = TailerRig(include)
    rig.write(numbered(0..<20), to: "app.log")
    rig.pump(storing: false)
    let held = rig.sink.taken.suffix(5).map {
      FilePosition.HeldLine(start: $0.origin.start, length: $0.origin.length)
    }
    rig.store(held: [rig.sink.taken[0].origin.source: held])
    rig.sink.taken = []
    rig.crash()
    return rig
  }

  @Test func aCommitBeforeTheFirstScanKeepsThem() {
    let rig = rig()
    rig.store()
    rig.crash()
    rig.pump()
    #expect(rig.lines == numberedLines(15..<20))
  }

  @Test func aCommitBeforeTheFileIsFoundKeepsThem() {
    let rig = rig()
    let elsewhere = TemporaryFolder()
    _ = Foundation.rename(rig.folder("app.log"), elsewhere("app.log"))
    rig.pump()
    rig.crash()
    rig.pump()
    _ = Foundation.rename(elsewhere("app.log"), rig.folder("app.log"))
    rig.pump()
    #expect(rig.lines == numberedLines(15..<20))
    // Nobody holds them now.
    rig.crash()
    rig.pump()
    #expect(rig.lines.count == 5)
  }

  @Test func theyAreReadFromACopyThatWasMadeMeanwhile() {
    let rig = rig()
    rig.write(numbered(20..<25), to: "app.log")
    rig.copy("app.log", to: "app.log.1")
    rig.truncate("app.log")
    rig.write(numbered(25..<30), to: "app.log")
    for _ in 0..<3 { rig.pump() }
    #expect(rig.lines.sorted() == numberedLines(15..<30).sorted())
    let copied = rig.sink.taken.filter { numberedLines(15..<25).contains($0.line) }
    #expect(copied.map(\.line) == numberedLines(15..<25))
    #expect(Set(copied.map(\.origin.source)).count == 1)
  }

  @Test func theyAreReadFromACopyAlthoughItComesAfterSeveralStarts() {
    let rig = rig()
    rig.copy("app.log", to: "later")
    rig.truncate("app.log")
    rig.write(numbered(25..<30), to: "app.log")
    for _ in 0..<2 {
      rig.pump()
      rig.crash()
    }
    rig.rename("later", to: "app.log.1")
    for _ in 0..<3 { rig.pump() }
    #expect(rig.lines.sorted() == (numberedLines(15..<20) + numberedLines(25..<30)).sorted())
  }
}

import Bytes
@testable import Agent
import Delivery
import LinuxIO
import LogSources
@testable import Pipeline
import TelemetryModel
import TestSupport
import Testing

/// Accounts of sources that come and go.
@Suite struct SourceTallyTests {
  private func pass(_ tally: SourceTally, _ source: Int64, at start: Int64, merged: Int = 0) {
    let origin = LineOrigin(source: source, start: start, length: 1)
    let labels = LabelSet(.none)
    let rest = OutputRest()
    rest.earlierOrigins = [LineOrigin](repeating: origin, count: merged)
    // The output only borrows them.
    withExtendedLifetime((labels, rest)) {
      [UInt8]("line".utf8).withUnsafeBytes {
        tally.passed(
          PipelineOutput(
            labelSet: Unmanaged.passUnretained(labels), timestamp: .zero, distantTime: nil,
            line: $0, origin: origin, isPlain: merged == 0,
            rest: Unmanaged.passUnretained(rest)))
      }
    }
  }

  /// Files rotate under three names for long: what is told of each name is what was counted, and
  /// nothing is kept of files that are forgotten.
  @Test func forgottenSourcesAreCountedUnderTheirNamesAlone() {
    let tally = SourceTally()
    var random = RandomSource(seed: 3)
    var expected: [SourceName: SourceLedger.Account] = [:]
    var shares: [SourceName: (lines: UInt64, bytes: UInt64)] = [:]
    var live: [Int64] = []
    for number in Int64(1)...1000 {
      let name = SourceName(kind: "file", job: "j", name: "\(number % 3)")
      tally.name(number, name)
      live.append(number)
      for _ in 0..<5 {
        let source = live[Int(random.next() % UInt64(live.count))]
        let name = SourceName(kind: "file", job: "j", name: "\(source % 3)")
        var account = expected[name] ?? SourceLedger.Account()
        tally.read(source, bytes: 4)
        account.counts.readLines += 1
        account.counts.readBytes += 4
        if random.next() % 3 == 0 {
          tally.leftOut(source)
          account.counts.leftOutLines += 1
        } else {
          pass(tally, source, at: Int64(random.next() % 1_000_000), merged: 1)
          account.counts.passedLines += 1
          account.counts.passedBytes += 4
          account.counts.mergedLines += 1
          shares[name, default: (0, 0)].lines += 1
          shares[name]?.bytes += 4
        }
        expected[name] = account
      }
      if live.count > 4 {
        let gone = live.remove(at: Int(random.next() % 3))
        tally.fold(gone, addedLines: 2, droppedLines: 1)
        expected[SourceName(kind: "file", job: "j", name: "\(gone % 3)")]?.droppedLines += 1
        expected[SourceName(kind: "file", job: "j", name: "\(gone % 3)")]?.addedLines += 2
      }
      if number % 50 == 0 {
        for share in tally.takeShares() {
          shares[share.source]?.lines -= share.lines
          shares[share.source]?.bytes -= share.bytes
        }
        #expect(shares.values.allSatisfy { $0.lines == 0 && $0.bytes == 0 })
        #expect(tally.takeShares().isEmpty)
      }
    }
    for account in SourceLedger.accounts(tally, []) {
      let other = expected[account.key]
      #expect(account.value.droppedLines == other?.droppedLines)
      #expect(account.value.addedLines == other?.addedLines)
      #expect(account.value.counts.readLines == other?.counts.readLines)
      #expect(account.value.counts.readBytes == other?.counts.readBytes)
      #expect(account.value.counts.passedLines == other?.counts.passedLines)
      #expect(account.value.counts.passedBytes == other?.counts.passedBytes)
      #expect(account.value.counts.mergedLines == other?.counts.mergedLines)
      #expect(account.value.counts.leftOutLines == other?.counts.leftOutLines)
    }
    #expect(tally.counts.count <= 5 && tally.past.count == 3)
  }

  /// Of several files that had one name the newest has it.
  @Test func thePositionsFileTellsOfTheNewestFileOfAName() {
    var queue: [String: [UInt8]] = [:]
    for (number, offset) in [(9, 900), (10, 1000), (12, 50), (11, 70), (100, 30)] {
      var position = FilePosition(
        path: "/var/log/a.log", job: "j",
        identity: FileIdentity(device: 1, inode: UInt64(number)))
      position.offset = Int64(offset)
      position.isTruncated = number == 100
      queue["file:\(number)"] = position.encoded()
    }
    #expect(PositionsFile.values(queue) == ["/var/log/a.log": "50"])
  }

  @Test func aFailureIsToldOnceAMinuteAndItsEndOnce() {
    var failure = RepeatedFailure()
    var told: [Int] = []
    func fail(_ second: Int) {
      let now = MonotonicTime(nanoseconds: UInt64(second) * 1_000_000_000)
      if failure.failed(now: now) { told.append(second) }
    }
    var ends = [failure.ended()]
    for second in 0..<130 { fail(second) }
    ends += [failure.ended(), failure.ended()]
    // One that comes and goes is not told more often.
    fail(140)
    ends.append(failure.ended())
    fail(180)
    ends.append(failure.ended())
    #expect(told == [0, 60, 120, 180])
    #expect(ends == [false, true, false, false, true])
  }
}

import LinuxIO
@testable import Storage
import TestSupport
import Testing

/// The reading of torn and damaged log files, record by record.
@Suite struct WALScannerTests {
  private struct Read {
    var sequences: [UInt64] = []
    var recovery: WALRecovery
  }

  /// Opens the log in `wal` and closes it again.
  private func read(_ disk: CrashingFileSystem, add: Int = 0) async throws -> Read {
    var sequences: [UInt64] = []
    let (log, recovery) = try WriteAheadLog.open(
      folder: "wal", setAsideFolder: "set-aside", fileSystem: disk, configuration: Self.small,
      releasedThrough: 0
    ) { sequences.append($0.sequence) }
    for number in 0..<add { _ = try await log.append(kind: 1, parts: [[UInt8(number)]]) }
    log.close()
    return Read(sequences: sequences, recovery: recovery)
  }

  private static let small: WriteAheadLog.Configuration = {
    var configuration = WriteAheadLog.Configuration()
    configuration.fileBytes = 1024
    return configuration
  }()

  /// Records 1 to 3 were acknowledged, 4 to 6 are one commit, of which 5 did not reach the disk.
  private func torn() throws -> (disk: CrashingFileSystem, path: String) {
    let disk = CrashingFileSystem()
    try disk.createFolder("wal")
    let path = "wal/0000000000000001.wal"
    let header = WALFormat.Header(firstSequence: 1, durableThrough: 0, salt: 7)
    var bytes = header.encoded() + header.encoded()
    for sequence in 1...UInt64(6) {
      let start = bytes.count
      WALFormat.append(
        kind: 1, sequence: sequence, durable: sequence < 4 ? sequence - 1 : 3,
        parts: [[UInt8(sequence)]], salt: 7, to: &bytes)
      if sequence == 5 { for at in (start + 4)..<bytes.count { bytes[at] = 0 } }
    }
    try disk.open(path, .create).write(bytes + [UInt8](repeating: 0, count: 200), at: 0)
    return (disk, path)
  }

  @Test func aTornCommitIsNeverToldAsDamage() async throws {
    let (disk, path) = try torn()
    let first = try await read(disk, add: 2)
    #expect(first.sequences == [1, 2, 3, 4, 6])
    #expect(first.recovery.findings.map(\.kind) == [.tornTail])
    #expect(first.recovery.findings.first?.offset == Int64(288))
    #expect(disk.content("set-aside/0000000000000001.wal.gap-288")?.count == 40, "nothing is lost")
    // Now the next file says that all before it was durable; also after any power cut.
    for disk in [disk.copy()] + (0..<20).map({ disk.copy().afterPowerCut(seed: $0) }) {
      let second = try await read(disk)
      #expect(second.sequences == [1, 2, 3, 4, 6, 7, 8])
      #expect(second.recovery.findings == [])
    }
    // A record that was durable is another matter.
    disk.flip(path, at: 128 + 40 + 33)
    let third = try await read(disk)
    #expect(third.sequences == [1, 3, 4, 6, 7, 8])
    #expect(third.recovery.findings.map(\.kind) == [.corrupt])
    #expect(third.recovery.findings.first?.offset == Int64(168))
    // So is the mark.
    disk.flip(path, at: 128 + 40 + 33)
    disk.flip(path, at: 288 + 8)
    #expect(try await read(disk).recovery.findings.map(\.kind) == [.corrupt])
  }

  /// Records that cross the steps in which a file is read, and gaps that do.
  @Test func readsFilesOfManySteps() async throws {
    let disk = CrashingFileSystem()
    try disk.createFolder("wal")
    let header = WALFormat.Header(firstSequence: 1, durableThrough: 0, salt: 1)
    var bytes = header.encoded() + header.encoded()
    var starts: [Int] = []
    for sequence in 1...UInt64(9) {
      starts.append(bytes.count)
      WALFormat.append(
        kind: 1, sequence: sequence, durable: sequence - 1,
        parts: [[UInt8](repeating: UInt8(sequence), count: 700_001)], salt: 1, to: &bytes)
    }
    let path = "wal/0000000000000001.wal"
    try disk.open(path, .create).write(bytes, at: 0)
    #expect(try await read(disk.copy()).sequences == Array(1...9))
    for (index, start) in starts.enumerated() {
      let damaged = disk.copy()
      damaged.flip(path, at: start + 12)
      let read = try await read(damaged)
      #expect(read.sequences == Array(1...9).filter { $0 != UInt64(index + 1) })
      let kind: StorageFinding.Kind = index < 8 ? .corrupt : .tornTail
      #expect(read.recovery.findings.map(\.kind) == [kind])
      #expect(read.recovery.findings.first?.offset == Int64(start))
    }
  }

  @Test func theWindowHoldsOneStepAtMost() throws {
    let disk = CrashingFileSystem()
    let file = try disk.open("a", .create)
    try file.truncate(to: 5 << 20)
    try file.write([1], at: 3 << 20)
    var window = WALWindow(path: "a", file: file, size: 5 << 20)
    #expect(try window.firstNonZero(from: 8) == 3 << 20)
    #expect(try window.firstNonZero(from: (3 << 20) + 1) == nil)
    #expect(try window.endOfNonZero(from: 64) == (3 << 20) + 1)
    #expect(try window.endOfNonZero(from: 4 << 20) == 4 << 20)
    #expect(try window.reach(5 << 20, 1) == false)
    #expect(try window.reach((5 << 20) - 8, 8))
  }
}

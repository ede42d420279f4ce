import Bytes
import LogSources
import TestSupport
import Testing

@Suite struct FilePositionTests {
  static func sample(_ seed: UInt64) -> FilePosition {
    var random = RandomSource(seed: seed)
    var position = FilePosition(
      path: "/var/log/ä \(seed).log", job: seed % 3 == 0 ? "" : "job \(seed)",
      identity: FileIdentity(device: random.next(), inode: random.next()))
    position.offset = Int64(random.next() >> 20)
    let bytes = (0..<1024).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    position.head = bytes.withUnsafeBytes { FileFingerprint($0) }
    position.tail = bytes[..<256].withUnsafeBytes { FileFingerprint($0) }
    position.isTruncated = seed % 2 == 0
    position.isInsideOverlongLine = seed % 5 == 0
    position.held = (0..<Int(seed % 7)).map {
      FilePosition.HeldLine(start: Int64($0 * 100), length: Int32($0 + 1))
    }
    return position
  }

  @Test func comesBackAsItWasStored() throws {
    for seed in UInt64(1)...50 {
      let position = Self.sample(seed)
      #expect(try FilePosition(encoded: position.encoded()) == position)
    }
  }

  @Test func damagedBytesThrowOrGiveSomethingElseButNeverTrap() {
    let bytes = Self.sample(20).encoded()
    for index in bytes.indices {
      #expect(throws: ByteError.self) { try FilePosition(encoded: Array(bytes[..<index])) }
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << bit
        _ = try? FilePosition(encoded: damaged)
      }
    }
    #expect(throws: ByteError.self) { try FilePosition(encoded: bytes + [0]) }
  }
}

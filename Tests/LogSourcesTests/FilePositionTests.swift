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
    position.size = position.offset + Int64(seed)
    position.goneSinceSeconds = seed % 4 == 0 ? 0 : 1_795_219_200 + Int64(seed)
    for index in 0..<Int64(seed % 9) {
      position.places.add(FilePlaces.Place(offset: 300 + index * 9000, tail: position.tail))
    }
    return position
  }

  @Test func comesBackAsItWasStored() throws {
    for seed in UInt64(1)...50 {
      let position = Self.sample(seed)
      #expect(try FilePosition(encoded: position.encoded()) == position)
    }
  }

  /// Lines of a block and others between them take little room.
  @Test func linesThatFollowOneAnotherAreStoredAsRuns() throws {
    var position = Self.sample(2)
    position.held = []
    let empty = position.encoded().count
    var random = RandomSource(seed: 1)
    var at: Int64 = 5
    for _ in 0..<20_000 {
      let length = Int32(random.next() % 100)
      position.held.append(FilePosition.HeldLine(start: at, length: length))
      at += Int64(length)
      if random.next() % 1000 == 0 { at += 7 }
    }
    let bytes = position.encoded()
    #expect(try FilePosition(encoded: bytes) == position)
    #expect(bytes.count - empty < 20_500)
  }

  @Test func whatIsStoredCanBeReadHoweverManyLinesAreHeld() throws {
    var position = Self.sample(2)
    position.held = (0..<150_000).map {
      FilePosition.HeldLine(start: Int64($0) * 7, length: 3)
    }
    let stored = try FilePosition(encoded: position.encoded())
    #expect(stored.held == Array(position.held.prefix(FilePosition.heldLinesMax)))
  }

  /// Positions as version 1 wrote them, byte by byte.
  @Test func version1IsReadStill() throws {
    var bytes: [UInt8] = [1, 2, 5, 9, 0xac, 0x02]
    bytes += [10] + [1, 2, 3, 4, 5, 6, 7, 8]
    bytes += [20] + [8, 7, 6, 5, 4, 3, 2, 1]
    bytes += [6] + Array("/a.log".utf8) + [1] + Array("j".utf8)
    bytes += [2, 30, 10, 0x90, 0x01, 4]
    let position = try FilePosition(encoded: bytes)
    #expect(position.identity == FileIdentity(device: 5, inode: 9))
    #expect((position.offset, position.size) == (300, 300))
    #expect(position.isTruncated && !position.isInsideOverlongLine)
    #expect((position.path, position.job) == ("/a.log", "j"))
    #expect((position.head.length, position.tail.length) == (10, 20))
    #expect(position.tail.hash == 0x0102_0304_0506_0708)
    #expect(
      position.held == [
        FilePosition.HeldLine(start: 30, length: 10), FilePosition.HeldLine(start: 144, length: 4),
      ])
    #expect(position.places.all.isEmpty && position.goneSinceSeconds == 0)
  }

  /// Positions as version 2 writes them, byte by byte: they are to stay readable.
  @Test func version2IsAsItsDescriptionSays() throws {
    var bytes: [UInt8] = [2, 1, 5, 9, 0xac, 0x02]
    bytes += [10] + [1, 2, 3, 4, 5, 6, 7, 8]
    bytes += [20] + [8, 7, 6, 5, 4, 3, 2, 1]
    bytes += [6] + Array("/a.log".utf8) + [1] + Array("j".utf8)
    bytes += [0x90, 0x03, 77, 1, 100, 3] + [1, 1, 1, 1, 2, 2, 2, 2]
    bytes += [3, 30, 2, 10, 4, 0x90, 0x01, 1, 4]
    let position = try FilePosition(encoded: bytes)
    #expect(position.encoded() == bytes)
    #expect((position.offset, position.size, position.goneSinceSeconds) == (300, 400, 77))
    #expect(position.places.all.map(\.offset) == [100])
    #expect(position.held.map(\.start) == [30, 40, 144])
    #expect(position.held.map(\.length) == [10, 4, 4])
  }

  /// For any length that a copy may have there is a place that is not much farther from the end.
  @Test func placesStandTheCloserTheNearerTheyAreToTheEnd() {
    for seed in UInt64(1)...20 {
      var random = RandomSource(seed: seed)
      var places = FilePlaces()
      var offset: Int64 = 0
      var steps: Int64 = 0
      for _ in 0..<3000 {
        let step = Int64(random.next() % 10_000) + 1
        steps = max(steps, step)
        offset += step
        places.add(FilePlaces.Place(offset: offset, tail: .none))
      }
      let offsets = places.all.map(\.offset)
      #expect(offsets.last == offset && offsets.count <= 20)
      for (place, next) in zip(offsets, offsets.dropFirst()) {
        #expect(offset - place <= 4 * (offset - next) + max(1024, 2 * steps))
      }
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

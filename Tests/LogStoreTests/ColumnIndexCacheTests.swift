import TelemetryModel
import Testing

@testable import LogStore

@Suite struct ColumnIndexCacheTests {
  private static func columns(_ bytes: Int) throws -> SegmentColumns {
    var strings = SegmentStrings()
    let text = [UInt8](repeating: 0x61, count: bytes)
    let number = text.withUnsafeBytes { strings.number($0, .value) }
    #expect(number == 0)
    return try SegmentColumns(SegmentColumns.encode(strings, SegmentShapes(), []))
  }

  /// What was wanted last stays, within the limit; the rest is read again when it is wanted.
  @Test func theLeastRecentlyWantedGoFirst() throws {
    let cache = ColumnIndexCache(byteCountMax: 35_000)
    let slots = (0..<5).map { _ in ColumnIndexCache.Slot() }
    var reads = Array(repeating: 0, count: slots.count)
    func want(_ number: Int) throws {
      let found = try cache.columns(slots[number]) { () throws(LogStoreError) in
        reads[number] += 1
        guard let made = try? Self.columns(10_000 + number) else {
          throw LogStoreError(.system, "not made")
        }
        return made
      }
      #expect(found.stringBytes.count == 10_000 + number, "another segment's index came")
      #expect(cache.byteCount <= cache.byteCountMax)
    }
    for number in [0, 1, 2, 0, 1, 2] { try want(number) }
    #expect(reads == [1, 1, 1, 0, 0])
    try want(0)
    try want(3)
    #expect(reads == [1, 1, 1, 1, 0])
    for number in [0, 2, 3] { try want(number) }
    #expect(reads == [1, 1, 1, 1, 0], "1 was wanted the longest ago")
    try want(1)
    #expect(reads == [1, 2, 1, 1, 0])
  }

  /// What the cache has given up is not read again while somebody holds it.
  @Test func whatIsHeldIsThere() throws {
    let cache = ColumnIndexCache(byteCountMax: 12_000)
    let slots = (0..<3).map { _ in ColumnIndexCache.Slot() }
    var reads = 0
    func want(_ slot: ColumnIndexCache.Slot) throws -> SegmentColumns {
      try cache.columns(slot) { () throws(LogStoreError) in
        reads += 1
        guard let made = try? Self.columns(10_000) else {
          throw LogStoreError(.system, "not made")
        }
        return made
      }
    }
    let held = try slots.map(want)
    #expect(reads == 3)
    for (slot, columns) in zip(slots, held) { #expect(try want(slot) === columns) }
    #expect(reads == 3)
    #expect(cache.byteCount <= cache.byteCountMax)
  }

  @Test func whatIsTooLargeIsNotKept() throws {
    let cache = ColumnIndexCache(byteCountMax: 1000)
    let slot = ColumnIndexCache.Slot()
    var reads = 0
    for _ in 0..<2 {
      let found = try cache.columns(slot) { () throws(LogStoreError) in
        reads += 1
        guard let made = try? Self.columns(5000) else { throw LogStoreError(.system, "not made") }
        return made
      }
      #expect(found.stringCount == 1)
    }
    #expect(cache.byteCount == 0)
    #expect(reads == 2)
  }

  @Test func segmentsThatAreGoneTakeNoRoom() throws {
    let cache = ColumnIndexCache(byteCountMax: 1_000_000)
    func read() throws(LogStoreError) -> SegmentColumns {
      guard let made = try? Self.columns(5000) else { throw LogStoreError(.system, "not made") }
      return made
    }
    for _ in 0..<100 { _ = try cache.columns(ColumnIndexCache.Slot(), read) }
    #expect(cache.byteCount < 15_000)
  }
}

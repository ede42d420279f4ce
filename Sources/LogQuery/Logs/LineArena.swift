/// The line of an entry: a part of bytes that many lines share.
package struct EntryLine: Sendable {
  private let shared: [UInt8]
  private let start: UInt32
  package let count: Int

  /// `range` is within `shared`, which has less than 4 GB.
  package init(_ shared: [UInt8], _ range: Range<Int>) {
    self.shared = shared
    start = UInt32(range.lowerBound)
    count = range.count
  }

  package var bytes: [UInt8] { withBytes { Array($0) } }

  /// Lends the bytes.
  package func withBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value
  {
    try shared.withUnsafeBytes {
      try body(UnsafeRawBufferPointer(rebasing: $0[Int(start)..<(Int(start) + count)]))
    }
  }
}

/// Lines by slots, in chunks; what is left of lines that were replaced is thrown out when it is
/// more than what is kept.
struct LineArena: Sendable {
  private struct Place: BitwiseCopyable {
    var chunk: UInt32
    var start: UInt32
    var count: Int
  }

  private var chunks: [[UInt8]] = []
  private var places: [Place] = []
  /// Bytes of the lines that are kept, and of those that were replaced.
  private(set) var byteCount = 0
  private var deadByteCount = 0
  private static let chunkByteCount = 1 << 20

  /// Keeps a line in the next slot.
  mutating func append(_ line: UnsafeRawBufferPointer) { places.append(keep(line)) }

  mutating func replace(_ slot: Int, with line: UnsafeRawBufferPointer) {
    byteCount -= places[slot].count
    deadByteCount += places[slot].count
    places[slot] = keep(line)
    if deadByteCount > byteCount + Self.chunkByteCount { cleanUp() }
  }

  func line(_ slot: Int) -> EntryLine {
    let place = places[slot]
    return EntryLine(
      chunks[Int(place.chunk)], Int(place.start)..<(Int(place.start) + place.count))
  }

  private mutating func keep(_ line: UnsafeRawBufferPointer) -> Place {
    byteCount += line.count
    if chunks.last.map({ $0.capacity - $0.count < line.count }) ?? true {
      var chunk: [UInt8] = []
      chunk.reserveCapacity(max(Self.chunkByteCount, line.count))
      chunks.append(chunk)
    }
    let last = chunks.count - 1
    let start = UInt32(chunks[last].count)
    chunks[last].append(contentsOf: line)
    return Place(chunk: UInt32(last), start: start, count: line.count)
  }

  private mutating func cleanUp() {
    var kept = LineArena()
    kept.places.reserveCapacity(places.count)
    for slot in places.indices { line(slot).withBytes { kept.append($0) } }
    self = kept
  }
}

import Bytes
import Compression

/// The byte streams of a block, each to be inflated alone: planes of numbers, codes, texts.
///
///     streams: varint | each: inflated length: varint, and where it is not small:
///       kind: 1 byte, kept length: varint | small streams together: length, bytes | the others
///
/// Streams below 384 bytes are small, and compressed as one.
struct ByteStreamWriter {
  static let smallMax = 384

  private var directory: [UInt8] = []
  private var small: [UInt8] = []
  private var large: [UInt8] = []
  private(set) var count = 0

  /// Adds a stream and gives its number.
  mutating func add(_ bytes: [UInt8]) -> Int {
    directory.appendVarint(UInt64(bytes.count))
    if bytes.count < Self.smallMax {
      small.append(contentsOf: bytes)
    } else {
      let packed = Zstd.compress(bytes)
      // Random bytes are not worth the frame around them.
      let isPacked = packed.count + packed.count / 64 < bytes.count
      directory.append(isPacked ? 1 : 0)
      directory.appendVarint(UInt64(isPacked ? packed.count : bytes.count))
      large.append(contentsOf: isPacked ? packed : bytes)
    }
    count += 1
    return count - 1
  }

  /// Adds the `width` lowest bytes of values as that many streams.
  mutating func add(planes width: Int, of values: [UInt64]) {
    for plane in 0..<width {
      let shift = UInt64(plane * 8)
      let bytes = [UInt8](unsafeUninitializedCapacity: values.count) { out, filled in
        for index in values.indices {
          out[index] = UInt8(truncatingIfNeeded: values[index] >> shift)
        }
        filled = values.count
      }
      _ = add(bytes)
    }
  }

  func append(to out: inout [UInt8]) {
    var head: [UInt8] = []
    head.appendVarint(UInt64(count))
    head.append(contentsOf: directory)
    out.appendVarint(UInt64(head.count))
    CompressedBytes.append(head, to: &out)
    out.appendVarint(UInt64(small.count))
    CompressedBytes.append(small, to: &out)
    out.append(contentsOf: large)
  }
}

/// The streams of a block that is read. Used by one thread.
struct ByteStreamReader {
  private struct Entry {
    var byteCount: Int
    /// Nil for a small one.
    var kind: UInt8?
    var range: Range<Int>
  }

  private let page: PageBytes
  private let small: [UInt8]
  private var entries: [Entry] = []
  private(set) var inflatedCount = 0
  /// Bytes of the page that were read from its file.
  private(set) var readCount: Int

  static let byteCountMax = 1 << 30
  static let countMax = 1 << 20

  /// Reads the directory at the reader's place in the beginning of `page`.
  init(_ page: PageBytes, _ reader: inout BlockReader) throws(LogStoreError) {
    self.page = page
    readCount = page.beginning.count
    let headCount = try reader.varint(max: Self.countMax * 8)
    let head = try CompressedBytes.read(count: headCount, &reader)
    let smallCount = try reader.varint(max: Self.byteCountMax)
    small = try CompressedBytes.read(count: smallCount, &reader)
    let base = reader.position
    let total = page.count - base
    var read: [Entry] = []
    let smallBytes = smallCount
    try head.withUnsafeBufferPointer { (head) throws(LogStoreError) in
      var inner = BlockReader(UnsafeRawBufferPointer(head))
      let count = try inner.varint(max: Self.countMax)
      guard count <= head.count else { throw BlockReader.malformed("too many streams") }
      var smallAt = 0
      var largeAt = 0
      for _ in 0..<count {
        let byteCount = try inner.varint(max: Self.byteCountMax)
        if byteCount < ByteStreamWriter.smallMax {
          guard byteCount <= smallBytes - smallAt else {
            throw BlockReader.malformed("small streams end early")
          }
          read.append(
            Entry(byteCount: byteCount, kind: nil, range: smallAt..<(smallAt + byteCount)))
          smallAt += byteCount
        } else {
          let kind = try inner.byte()
          let kept = try inner.varint(max: total - largeAt)
          read.append(
            Entry(
              byteCount: byteCount, kind: kind,
              range: (base + largeAt)..<(base + largeAt + kept)))
          largeAt += kept
        }
      }
    }
    entries = read
  }

  /// The bytes of a stream, which are `expected` many where that is said.
  mutating func bytes(_ number: Int, expected: Int? = nil) throws(LogStoreError) -> [UInt8] {
    guard entries.indices.contains(number) else {
      throw BlockReader.malformed("stream \(number) is absent")
    }
    return try planes(1, first: number, count: expected ?? entries[number].byteCount)
  }

  /// Values whose lowest bytes are the streams from `first` on.
  mutating func values(planes width: Int, first: Int, count: Int) throws(LogStoreError)
    -> [UInt64]
  {
    let planes = try planes(width, first: first, count: count)
    return [UInt64](unsafeUninitializedCapacity: count) { values, filled in
      BytePlanes.join(
        planes, width: width, into: UnsafeMutableBufferPointer(rebasing: values[..<count]))
      filled = count
    }
  }

  /// The `count` bytes of each of the streams from `first` on, one stream behind another.
  mutating func planes(_ width: Int, first: Int, count: Int) throws(LogStoreError) -> [UInt8] {
    guard width <= 8 else { throw BlockReader.malformed("numbers are \(width) bytes wide") }
    guard width > 0, count > 0 else { return [] }
    guard first >= 0, first <= entries.count - width else {
      throw BlockReader.malformed("stream \(first) is absent")
    }
    let own = entries[first..<(first + width)]
    guard own.allSatisfy({ $0.byteCount == count }) else {
      throw BlockReader.malformed("a stream has another length than its rows")
    }
    // Neighbours of one length lie side by side, whether they are small or not.
    let range = entries[first].range.lowerBound..<entries[first + width - 1].range.upperBound
    if entries[first].kind == nil { return Array(small[range]) }
    inflatedCount += count * own.count { $0.kind == 1 }
    return try page.withBytes(range, &readCount) { (kept) throws(LogStoreError) in
      var failure: LogStoreError?
      let planes = [UInt8](unsafeUninitializedCapacity: width * count) { out, filled in
        for (plane, entry) in own.enumerated() {
          let from = entry.range.lowerBound - range.lowerBound
          do throws(LogStoreError) {
            try Self.inflate(
              entry, UnsafeRawBufferPointer(rebasing: kept[from..<(from + entry.range.count)]),
              into: UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(out)[
                  (plane * count)..<((plane + 1) * count)]))
          } catch {
            failure = error
            return
          }
          filled = (plane + 1) * count
        }
      }
      if let failure { throw failure }
      return planes
    }
  }

  private static func inflate(
    _ entry: Entry, _ kept: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer
  ) throws(LogStoreError) {
    switch entry.kind {
    case 0:
      guard kept.count == out.count else {
        throw BlockReader.malformed("a stream has another length than stated")
      }
      out.copyMemory(from: kept)
    case 1:
      do throws(CompressionError) {
        try Zstd.decompress(kept, into: out)
      } catch { throw BlockReader.malformed("a stream does not inflate") }
    default:
      throw BlockReader.malformed("a stream has the unknown kind \(entry.kind ?? 0)")
    }
  }
}

/// Small numbers, such as places in a dictionary, as one or two streams.
enum CodeColumn {
  static func append(_ codes: [UInt16], limit: Int, to streams: inout ByteStreamWriter) {
    guard limit > 1 else { return }
    _ = streams.add(
      [UInt8](unsafeUninitializedCapacity: codes.count) { out, filled in
        for index in codes.indices { out[index] = UInt8(truncatingIfNeeded: codes[index]) }
        filled = codes.count
      })
    guard limit > 256 else { return }
    _ = streams.add(codes.map { UInt8($0 >> 8) })
  }

  /// How many streams codes below `limit` take.
  static func streamCount(limit: Int) -> Int { limit > 256 ? 2 : limit > 1 ? 1 : 0 }

  /// `count` codes, all of them below `limit`.
  static func read(
    _ streams: inout ByteStreamReader, first: Int, count: Int, limit: Int
  ) throws(LogStoreError) -> [UInt16] {
    guard limit > 0 || count == 0 else { throw BlockReader.malformed("a dictionary is empty") }
    guard limit > 1 else { return [UInt16](repeating: 0, count: count) }
    let low = try streams.bytes(first, expected: count)
    let high = limit > 256 ? try streams.bytes(first + 1, expected: count) : []
    var largest: UInt16 = 0
    let codes = [UInt16](unsafeUninitializedCapacity: count) { out, filled in
      low.withUnsafeBufferPointer { low in
        high.withUnsafeBufferPointer { high in
          if high.isEmpty {
            for index in 0..<count { out[index] = UInt16(low[index]) }
          } else {
            for index in 0..<count { out[index] = UInt16(low[index]) | UInt16(high[index]) << 8 }
          }
        }
      }
      for index in 0..<count { largest = max(largest, out[index]) }
      filled = count
    }
    guard Int(largest) < limit else {
      throw BlockReader.malformed("a code is beyond its dictionary")
    }
    return codes
  }
}

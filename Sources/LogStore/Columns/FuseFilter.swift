import Bytes

/// A binary fuse filter with 8-bit fingerprints (Graf and Lemire, "Binary Fuse Filters", 2022):
/// says of a hash whether it may be among those that the filter was made of. One in 256 that is
/// not is taken for one that is.
///
///     seed: 8 bytes | segment length as a power of two: 1 byte | segments: varint
///     | fingerprints: (segments + 2) segment lengths
struct FuseFilter {
  /// A column with more different runs of four bytes in a block has none in the filter.
  static let runsMax = 1 << 14

  private static let roundsMax = 64

  /// The hash of a whole value, in the form in which it is kept.
  static func key(_ column: UInt32, _ value: UnsafeRawBufferPointer) -> UInt64 {
    XXH3.hash(value, seed: UInt64(column) << 1)
  }

  /// The hash of four bytes of a text.
  static func key(_ column: UInt32, run: UInt32) -> UInt64 {
    mix(UInt64(run) << 32 | UInt64(column) << 1 | 1)
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var hash = value
    hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
    hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
    return hash ^ (hash >> 33)
  }

  private var seed: UInt64
  private var lengthBits: Int
  private var segmentCount: Int
  private var fingerprints: [UInt8]

  // MARK: making

  /// A filter of `hashes`, which may repeat; nil in the rare case that none is found.
  init?(_ hashes: [UInt64]) {
    // In order, so that the same rows make the same filter.
    var keys = hashes.sorted()
    var kept = 0
    for index in keys.indices where index == 0 || keys[index] != keys[kept - 1] {
      keys[kept] = keys[index]
      kept += 1
    }
    keys.removeLast(keys.count - kept)
    let size = max(2, keys.count)
    let logarithm = Double(size.bitWidth - size.leadingZeroBitCount) - 1
    // Sizes as in the paper, with the logarithm to base 2 rounded down.
    lengthBits = min(18, max(2, Int((logarithm * 0.693 / 1.2 + 2.25).rounded(.down))))
    let factor = max(1.125, 0.875 + 0.25 * 19.93 / max(1, logarithm))
    let capacity = Int(Double(size) * factor)
    let length = 1 << lengthBits
    segmentCount = max(1, (capacity + length - 1) / length - 2)
    seed = 0x9e37_79b9_7f4a_7c15
    fingerprints = []
    for round in 0..<Self.roundsMax {
      seed = Self.mix(seed &+ UInt64(round))
      if let made = fill(keys) {
        fingerprints = made
        return
      }
    }
    return nil
  }

  private func places(_ hash: UInt64) -> (Int, Int, Int) {
    let span = UInt64(segmentCount << lengthBits)
    let first = Int(hash.multipliedFullWidth(by: span).high)
    let mask = 1 << lengthBits - 1
    let second = (first + 1 << lengthBits) ^ (Int(truncatingIfNeeded: hash >> 18) & mask)
    let third = (first + 2 << lengthBits) ^ (Int(truncatingIfNeeded: hash) & mask)
    return (first, second, third)
  }

  private static func fingerprint(_ hash: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: hash ^ (hash >> 32))
  }

  /// The fingerprints, or nil when the keys cannot be taken off one after another.
  private func fill(_ keys: [UInt64]) -> [UInt8]? {
    let count = (segmentCount + 2) << lengthBits
    var counts = [UInt8](repeating: 0, count: count)
    var sums = [UInt64](repeating: 0, count: count)
    for key in keys {
      let hash = Self.mix(key ^ seed)
      let (a, b, c) = places(hash)
      guard counts[a] < 255, counts[b] < 255, counts[c] < 255 else { return nil }
      counts[a] += 1
      counts[b] += 1
      counts[c] += 1
      sums[a] ^= hash
      sums[b] ^= hash
      sums[c] ^= hash
    }
    var alone: [Int] = []
    for place in counts.indices where counts[place] == 1 { alone.append(place) }
    var order: [(UInt64, Int)] = []
    order.reserveCapacity(keys.count)
    func take(_ hash: UInt64, off place: Int) {
      counts[place] -= 1
      sums[place] ^= hash
      if counts[place] == 1 { alone.append(place) }
    }
    while let place = alone.popLast() {
      guard counts[place] == 1 else { continue }
      let hash = sums[place]
      order.append((hash, place))
      let (a, b, c) = places(hash)
      take(hash, off: a)
      take(hash, off: b)
      take(hash, off: c)
    }
    guard order.count == keys.count else { return nil }
    var made = [UInt8](repeating: 0, count: count)
    for (hash, place) in order.reversed() {
      let (a, b, c) = places(hash)
      made[place] = 0
      made[place] = Self.fingerprint(hash) ^ made[a] ^ made[b] ^ made[c]
    }
    return made
  }

  // MARK: asking

  /// Whether the key may be one of the filter's.
  func mayHold(_ key: UInt64) -> Bool {
    let hash = Self.mix(key ^ seed)
    let (a, b, c) = places(hash)
    return Self.fingerprint(hash) == fingerprints[a] ^ fingerprints[b] ^ fingerprints[c]
  }

  // MARK: bytes

  func append(to out: inout [UInt8]) {
    out.appendLittleEndian(seed)
    out.append(UInt8(lengthBits))
    out.appendVarint(UInt64(segmentCount))
    out.append(contentsOf: fingerprints)
  }

  init(_ reader: inout BlockReader) throws(LogStoreError) {
    var seed: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      seed |= UInt64(try reader.byte()) << shift
    }
    self.seed = seed
    lengthBits = Int(try reader.byte())
    guard lengthBits <= 18 else { throw BlockReader.malformed("a filter's segments are too long") }
    segmentCount = try reader.varint(max: 1 << 24)
    guard segmentCount > 0 else { throw BlockReader.malformed("a filter is empty") }
    fingerprints = Array(try reader.bytes((segmentCount + 2) << lengthBits))
  }
}

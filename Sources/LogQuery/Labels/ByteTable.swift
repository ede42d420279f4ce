import Bytes

/// Gives each distinct byte string a number, dense from 0.
///
/// Not for several threads. Hashing is seeded at random, so that no line can be written to make
/// it slow.
struct ByteTable {
  private let storage = ByteArena()
  private(set) var texts: [UnsafeRawBufferPointer] = []
  private var hashes: [UInt64] = []
  /// Numbers plus one, 0 for empty; its count is a power of two.
  private var slots = [Int32](repeating: 0, count: 64)
  private static let seed = UInt64.random(in: .min ... .max)

  var count: Int { texts.count }

  static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    XXH3.hash(bytes, seed: seed)
  }

  /// The number of `bytes`, nil when it has none yet.
  func find(_ bytes: UnsafeRawBufferPointer) -> Int? {
    find(bytes, ByteTable.hash(bytes))
  }

  private func find(_ bytes: UnsafeRawBufferPointer, _ hash: UInt64) -> Int? {
    let mask = slots.count - 1
    var at = Int(truncatingIfNeeded: hash) & mask
    while slots[at] != 0 {
      let number = Int(slots[at]) - 1
      if hashes[number] == hash, texts[number].equals(bytes) { return number }
      at = (at + 1) & mask
    }
    return nil
  }

  /// The number of `bytes`, a new one when it has none; the bytes are copied then.
  mutating func insert(_ bytes: UnsafeRawBufferPointer) -> (number: Int, isNew: Bool) {
    let hash = ByteTable.hash(bytes)
    if let number = find(bytes, hash) { return (number, false) }
    if (texts.count + 1) * 2 > slots.count { grow() }
    texts.append(storage.copy(bytes))
    hashes.append(hash)
    place(texts.count - 1)
    return (texts.count - 1, true)
  }

  /// Forgets every string but the first `kept`.
  mutating func truncate(to kept: Int) {
    let first = texts.prefix(kept).map { Array($0) }
    storage.reset()
    texts = []
    hashes = []
    slots = [Int32](repeating: 0, count: 64)
    for text in first { text.withUnsafeBytes { _ = insert($0) } }
  }

  private mutating func grow() {
    slots = [Int32](repeating: 0, count: slots.count * 2)
    for number in texts.indices { place(number) }
  }

  private mutating func place(_ number: Int) {
    let mask = slots.count - 1
    var at = Int(truncatingIfNeeded: hashes[number]) & mask
    while slots[at] != 0 { at = (at + 1) & mask }
    slots[at] = Int32(number + 1)
  }
}

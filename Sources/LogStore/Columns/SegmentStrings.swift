import Bytes

/// The strings that the blocks of a segment share: values, patterns and words that repeat.
///
/// A builder: each string has the number of its first occurrence. Look-ups hash bytes in place.
struct SegmentStrings {
  /// What a string is used as.
  struct Use: OptionSet {
    let rawValue: UInt8
    /// A whole value of a column.
    static let value = Use(rawValue: 1)
    /// A pattern of a column, with marks where numbers go.
    static let pattern = Use(rawValue: 2)
    /// A word of values that are words.
    static let word = Use(rawValue: 4)
  }

  /// No string is taken once there are this many bytes.
  static let byteCountMax = 8 << 20
  static let countMax = 1 << 20

  private(set) var bytes: [UInt8] = []
  private(set) var ends: [UInt32] = []
  private(set) var uses: [UInt8] = []
  private var table = ByteHashTable()

  var count: Int { ends.count }

  /// The number of `text`, which is added when it is new; nil when there is no room for it.
  mutating func number(_ text: UnsafeRawBufferPointer, _ use: Use) -> UInt32? {
    let hash = ByteHashTable.hash(text)
    let known = table.find(hash) { number in
      equals(Int(number), text)
    }
    if let known {
      uses[Int(known)] |= use.rawValue
      return known
    }
    guard bytes.count + text.count <= Self.byteCountMax, count < Self.countMax else { return nil }
    let number = UInt32(count)
    bytes.append(contentsOf: text)
    ends.append(UInt32(bytes.count))
    uses.append(use.rawValue)
    table.insert(hash, number)
    return number
  }

  private func equals(_ number: Int, _ text: UnsafeRawBufferPointer) -> Bool {
    let start = number == 0 ? 0 : Int(ends[number - 1])
    let count = Int(ends[number]) - start
    guard count == text.count else { return false }
    return bytes.withUnsafeBytes { bytes in
      for index in 0..<count where bytes[start + index] != text[index] { return false }
      return true
    }
  }
}

/// Hashes to numbers, in open addressing: what is behind a number is compared by the caller.
struct ByteHashTable {
  private var hashes: [UInt32] = []
  private var numbers: [UInt32] = []
  private var mask = 0
  private(set) var count = 0

  @inline(__always)
  static func hash(_ text: UnsafeRawBufferPointer) -> UInt64 {
    if text.count <= 16, text.count >= 8 {
      let low = text.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
      let high = text.loadUnaligned(fromByteOffset: text.count - 8, as: UInt64.self)
      return mix(low ^ 0x9e37_79b9_7f4a_7c15, high &+ UInt64(text.count))
    }
    if text.count < 8 {
      var word: UInt64 = 0
      for byte in text { word = word << 8 | UInt64(byte) }
      return mix(word ^ 0x9e37_79b9_7f4a_7c15, UInt64(text.count) &+ 0xd6e8_feb8_6659_fd93)
    }
    return XXH3.hash(text)
  }

  @inline(__always)
  private static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b ^ 0xa076_1d64_78bd_642f)
    let folded = product.low ^ product.high
    return folded ^ (folded >> 29)
  }

  @inline(__always)
  func find(_ hash: UInt64, _ isSame: (UInt32) -> Bool) -> UInt32? {
    guard count > 0 else { return nil }
    let tag = UInt32(truncatingIfNeeded: hash >> 32) | 1
    var at = Int(truncatingIfNeeded: hash) & mask
    while hashes[at] != 0 {
      if hashes[at] == tag, isSame(numbers[at]) { return numbers[at] }
      at = (at + 1) & mask
    }
    return nil
  }

  /// Adds a number that is not there yet.
  mutating func insert(_ hash: UInt64, _ number: UInt32) {
    if count * 2 >= hashes.count { grow() }
    place(UInt32(truncatingIfNeeded: hash >> 32) | 1, Int(truncatingIfNeeded: hash), number)
    low.append(UInt32(truncatingIfNeeded: hash))
    count += 1
  }

  /// The low half of each hash in the order of insertion, for growing.
  private var low: [UInt32] = []
  private var order: [(tag: UInt32, number: UInt32)] = []

  private mutating func place(_ tag: UInt32, _ start: Int, _ number: UInt32) {
    var at = start & mask
    while hashes[at] != 0 { at = (at + 1) & mask }
    hashes[at] = tag
    numbers[at] = number
    order.append((tag, number))
  }

  private mutating func grow() {
    let size = max(64, hashes.count * 2)
    hashes = Array(repeating: 0, count: size)
    numbers = Array(repeating: 0, count: size)
    mask = size - 1
    let known = order
    order.removeAll(keepingCapacity: true)
    for (index, entry) in known.enumerated() { place(entry.tag, Int(low[index]), entry.number) }
  }

  mutating func removeAll() {
    guard count > 0 else { return }
    for index in hashes.indices { hashes[index] = 0 }
    low.removeAll(keepingCapacity: true)
    order.removeAll(keepingCapacity: true)
    count = 0
  }
}

/// A set of stream ordinals, one bit each.
struct StreamSet {
  private var words: [UInt64]
  /// Ordinals lie below this.
  let capacity: Int

  init(capacity: Int) {
    self.capacity = capacity
    words = Array(repeating: 0, count: (capacity + 63) / 64)
  }

  var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
  var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

  func contains(_ ordinal: Int) -> Bool {
    ordinal < capacity && words[ordinal / 64] >> UInt64(ordinal % 64) & 1 == 1
  }

  mutating func insert(_ ordinal: Int) { words[ordinal / 64] |= 1 << UInt64(ordinal % 64) }

  mutating func remove(_ ordinal: Int) { words[ordinal / 64] &= ~(1 << UInt64(ordinal % 64)) }

  mutating func insert(_ ordinals: [UInt32]) { for ordinal in ordinals { insert(Int(ordinal)) } }

  mutating func formIntersection(_ other: StreamSet) {
    for index in words.indices { words[index] &= other.words[index] }
  }

  mutating func subtract(_ other: StreamSet) {
    for index in words.indices { words[index] &= ~other.words[index] }
  }

  /// The members in ascending order.
  func forEach(_ body: (Int) -> Void) {
    for (index, word) in words.enumerated() {
      var rest = word
      while rest != 0 {
        body(index * 64 + rest.trailingZeroBitCount)
        rest &= rest - 1
      }
    }
  }
}

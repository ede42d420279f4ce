/// Things by key, bounded by their size: what was not asked for the longest goes first.
struct LeastRecentlyUsed<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct Entry: Sendable {
    var value: Value
    var byteCount: Int
    var lastUse: UInt64
  }

  private let bytesMax: Int
  private var entries: [Key: Entry] = [:]
  private var byteCount = 0
  private var uses: UInt64 = 0

  init(bytesMax: Int) { self.bytesMax = bytesMax }

  subscript(_ key: Key) -> Value? {
    mutating get {
      uses += 1
      entries[key]?.lastUse = uses
      return entries[key]?.value
    }
  }

  /// Keeps a thing, unless it takes more than a quarter of all room.
  mutating func keep(_ value: Value, _ key: Key, byteCount size: Int) {
    guard size <= bytesMax / 4 else { return }
    forget(key)
    while byteCount + size > bytesMax,
      let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })?.key
    {
      forget(oldest)
    }
    uses += 1
    entries[key] = Entry(value: value, byteCount: size, lastUse: uses)
    byteCount += size
  }

  mutating func forget(where isOver: (Key) -> Bool) {
    for key in entries.keys.filter(isOver) { forget(key) }
  }

  private mutating func forget(_ key: Key) {
    guard let gone = entries.removeValue(forKey: key) else { return }
    byteCount -= gone.byteCount
  }
}

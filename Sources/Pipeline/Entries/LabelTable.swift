import Bytes

/// Gives each key of labels a small number: an open hash table over the keys' bytes.
///
/// The number of the key that was asked for last is found without hashing.
struct LabelTable {
  /// Keys, one after another, and where each ends.
  private var bytes: [UInt8] = []
  private var ends: [Int] = []
  /// Numbers of keys plus one at the places that their hashes say; 0 where there is none.
  private var places = [Int32](repeating: 0, count: 64)
  private var last = -1

  var count: Int { ends.count }

  /// The number of `key`, and whether it is new.
  mutating func number(of key: LabelKey) -> (number: Int, isNew: Bool) {
    key.withBytes { number(of: $0) }
  }

  private mutating func number(of key: UnsafeRawBufferPointer) -> (number: Int, isNew: Bool) {
    if last >= 0, isKey(last, key) { return (last, false) }
    let found = find(key)
    if found.number >= 0 {
      last = found.number
      return (found.number, false)
    }
    let number = ends.count
    bytes.append(contentsOf: key)
    ends.append(bytes.count)
    places[found.place] = Int32(number + 1)
    if ends.count * 2 > places.count { grow() }
    last = number
    return (number, true)
  }

  /// The number of a key, -1 when there is none, and the place that is or would be its own.
  private func find(_ key: UnsafeRawBufferPointer) -> (number: Int, place: Int) {
    places.withUnsafeBufferPointer { places in
      var place = Int(truncatingIfNeeded: XXH3.hash(key)) & Int.max & (places.count - 1)
      while places[place] != 0 {
        let number = Int(places[place]) - 1
        if isKey(number, key) { return (number, place) }
        place = (place + 1) & (places.count - 1)
      }
      return (-1, place)
    }
  }

  /// Forgets all keys.
  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    places = [Int32](repeating: 0, count: 64)
    last = -1
  }

  @inline(__always)
  private func isKey(_ number: Int, _ key: UnsafeRawBufferPointer) -> Bool {
    let start = number == 0 ? 0 : ends[number - 1]
    let count = ends[number] - start
    guard count == key.count else { return false }
    return bytes.withUnsafeBytes { all in
      UnsafeRawBufferPointer(rebasing: all[start..<(start + count)]).equals(key)
    }
  }

  private mutating func grow() {
    places = [Int32](repeating: 0, count: places.count * 2)
    var start = 0
    for (number, end) in ends.enumerated() {
      let hash = bytes.withUnsafeBytes {
        XXH3.hash(UnsafeRawBufferPointer(rebasing: $0[start..<end]))
      }
      var place = Int(truncatingIfNeeded: hash) & Int.max & (places.count - 1)
      while places[place] != 0 { place = (place + 1) & (places.count - 1) }
      places[place] = Int32(number + 1)
      start = end
    }
  }
}

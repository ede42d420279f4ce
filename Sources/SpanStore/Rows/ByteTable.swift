import Bytes

/// Different byte strings by number, in the order in which they came: 0, 1, ….
///
/// An open-addressing hash table over one buffer; no string is an object of its own.
struct ByteTable: Sendable {
  /// All strings, one after another.
  private(set) var bytes: [UInt8] = []
  /// Where each ends.
  private(set) var ends: [Int] = []
  private var slots: [UInt32] = []
  private var hashes: [UInt32] = []

  init() {}

  var count: Int { ends.count }
  /// Roughly the memory that it takes.
  var byteSize: Int { bytes.count + ends.count * 12 + slots.count * 4 }

  subscript(_ number: UInt32) -> Range<Int> {
    let number = Int(number)
    return (number == 0 ? 0 : ends[number - 1])..<ends[number]
  }

  func array(_ number: UInt32) -> [UInt8] { Array(bytes[self[number]]) }

  func string(_ number: UInt32) -> String { String(decoding: bytes[self[number]], as: UTF8.self) }

  /// The number of `text`, a new one when it is not there.
  mutating func number(of text: UnsafeRawBufferPointer) -> UInt32 {
    if ends.count * 2 >= slots.count { grow() }
    let hash = UInt32(truncatingIfNeeded: XXH3.hash(text))
    let slot = find(text, hash)
    if slots[slot] != .max { return slots[slot] }
    let new = UInt32(ends.count)
    slots[slot] = new
    hashes.append(hash)
    bytes.append(contentsOf: text)
    ends.append(bytes.count)
    return new
  }

  mutating func number(of text: [UInt8]) -> UInt32 {
    text.withUnsafeBytes { number(of: $0) }
  }

  /// The number of `text`, or nil when it is not there.
  func existingNumber(of text: UnsafeRawBufferPointer) -> UInt32? {
    guard !slots.isEmpty else { return nil }
    let found = slots[find(text, UInt32(truncatingIfNeeded: XXH3.hash(text)))]
    return found == .max ? nil : found
  }

  func existingNumber(of text: String) -> UInt32? {
    var text = text
    return text.withUTF8 { existingNumber(of: UnsafeRawBufferPointer($0)) }
  }

  /// Forgets the texts from number `count` on.
  mutating func truncate(to count: Int) {
    guard count < ends.count else { return }
    ends.removeLast(ends.count - count)
    hashes.removeLast(hashes.count - count)
    bytes.removeLast(bytes.count - (ends.last ?? 0))
    place(in: slots.count)
  }

  /// The slot of `text`, or the free one where it would stand.
  private func find(_ text: UnsafeRawBufferPointer, _ hash: UInt32) -> Int {
    let mask = slots.count - 1
    var slot = Int(hash) & mask
    while true {
      let number = slots[slot]
      if number == .max { return slot }
      if hashes[Int(number)] == hash, isEqual(number, text) { return slot }
      slot = (slot + 1) & mask
    }
  }

  private func isEqual(_ number: UInt32, _ text: UnsafeRawBufferPointer) -> Bool {
    let range = self[number]
    guard range.count == text.count else { return false }
    return bytes.withUnsafeBytes { ByteOrder.areEqual($0, range.lowerBound, text) }
  }

  private mutating func grow() {
    place(in: max(64, slots.count * 2))
  }

  private mutating func place(in size: Int) {
    slots = [UInt32](repeating: .max, count: size)
    for number in 0..<UInt32(ends.count) {
      var slot = Int(hashes[Int(number)]) & (size - 1)
      while slots[slot] != .max { slot = (slot + 1) & (size - 1) }
      slots[slot] = number
    }
  }
}

/// Compares bytes eight at a time.
enum ByteOrder {
  /// Whether the bytes of `a` from `start` are those of `b`; `a` must be long enough.
  @inline(__always)
  static func areEqual(
    _ a: UnsafeRawBufferPointer, _ start: Int, _ b: UnsafeRawBufferPointer
  ) -> Bool {
    var at = 0
    while at + 8 <= b.count {
      if a.loadUnaligned(fromByteOffset: start + at, as: UInt64.self)
        != b.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      {
        return false
      }
      at += 8
    }
    while at < b.count {
      if a[start + at] != b[at] { return false }
      at += 1
    }
    return true
  }
}

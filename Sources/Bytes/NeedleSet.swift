/// Byte strings that are all looked for in one walk over a text, however many there are.
///
/// Each is known by four of its bytes in a row, those that the fewest of the others have, too:
/// where a text has these, the rest is compared. Strings of less than four bytes are looked for one
/// by one.
package struct NeedleSet: Sendable {
  private struct Place {
    let needle: Int
    /// Where in the needle its four bytes are.
    let offset: Int
  }

  private static let gramCount = 4

  private let needles: [[UInt8]]
  private let short: [Int]
  private let places: [UInt32: [Place]]
  /// A bit for each hash of four bytes: whether `places` may have them.
  private let filter: [UInt64]

  package init(_ needles: [[UInt8]]) {
    self.needles = needles
    var sharing: [UInt32: Int] = [:]
    for needle in needles { Self.forEachGram(needle) { _, gram in sharing[gram, default: 0] += 1 } }
    var places: [UInt32: [Place]] = [:]
    var filter = [UInt64](repeating: 0, count: 1024)
    var short: [Int] = []
    for (index, needle) in needles.enumerated() {
      var best: (gram: UInt32, offset: Int, sharing: Int)?
      Self.forEachGram(needle) { offset, gram in
        let count = sharing[gram] ?? 0
        if count < best?.sharing ?? .max { best = (gram, offset, count) }
      }
      guard let best else {
        short.append(index)
        continue
      }
      places[best.gram, default: []].append(Place(needle: index, offset: best.offset))
      let bit = Self.bit(best.gram)
      filter[bit >> 6] |= 1 << UInt64(bit & 63)
    }
    self.places = places
    self.filter = filter
    self.short = short
  }

  /// Whether `body` says yes to the index of a string that occurs in `bytes`; it is asked until
  /// then, perhaps more than once for a string that occurs more than once.
  package func contains(in bytes: UnsafeRawBufferPointer, where body: (Int) -> Bool) -> Bool {
    for needle in short where ByteSearch.firstIndex(of: needles[needle], in: bytes) != nil {
      if body(needle) { return true }
    }
    guard !places.isEmpty, bytes.count >= Self.gramCount else { return false }
    return filter.withUnsafeBufferPointer { filter in
      for at in 0...(bytes.count - Self.gramCount) {
        // In bounds: the last four bytes begin at the last of these.
        let gram = bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)
        let bit = Self.bit(gram)
        guard filter[bit >> 6] & (1 << UInt64(bit & 63)) != 0, let places = places[gram] else {
          continue
        }
        for place in places where occurs(place, around: at, in: bytes) && body(place.needle) {
          return true
        }
      }
      return false
    }
  }

  private func occurs(_ place: Place, around at: Int, in bytes: UnsafeRawBufferPointer) -> Bool {
    let needle = needles[place.needle]
    let start = at - place.offset
    guard start >= 0, start + needle.count <= bytes.count else { return false }
    return needle.withUnsafeBytes {
      UnsafeRawBufferPointer(rebasing: bytes[start..<(start + needle.count)]).equals($0)
    }
  }

  private static func forEachGram(_ needle: [UInt8], _ body: (Int, UInt32) -> Void) {
    guard needle.count >= gramCount else { return }
    needle.withUnsafeBytes { bytes in
      for offset in 0...(bytes.count - gramCount) {
        body(offset, bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      }
    }
  }

  /// A hash of 16 bits.
  @inline(__always) private static func bit(_ gram: UInt32) -> Int {
    Int((gram &* 0x9E37_79B1) >> 16)
  }
}

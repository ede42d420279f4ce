/// Byte strings that are all looked for in one walk over a text, however many there are.
///
/// What is looked for are entries of one or more texts. Each entry is known by four bytes in a row
/// of one of its texts, those that the fewest of the others have, too: where these occur, that text
/// is compared. Entries whose texts are all shorter than four bytes are looked for one by one.
package struct NeedleSet: Sendable {
  private struct Place {
    let entry: Int
    let text: [UInt8]
    /// Where in the text its four bytes are.
    let offset: Int
  }

  private static let gramCount = 4
  /// Of a text, so many bytes are considered: long ones must not take long to make ready.
  private static let consideredMax = 64

  private let entryCount: Int
  private let short: [(entry: Int, text: [UInt8])]
  private let places: [UInt32: [Place]]
  /// A bit for each hash of four bytes: whether `places` may have them.
  private let filter: [UInt64]

  /// Takes 64 bytes of each text into account: some 10 µs for an entry.
  package init(_ entries: [[[UInt8]]]) {
    entryCount = entries.count
    var sharing: [UInt32: Int] = [:]
    for text in entries.joined() {
      Self.forEachGram(text) { _, gram in sharing[gram, default: 0] += 1 }
    }
    var places: [UInt32: [Place]] = [:]
    var filter = [UInt64](repeating: 0, count: 1024)
    var short: [(entry: Int, text: [UInt8])] = []
    for (entry, texts) in entries.enumerated() {
      var best: (gram: UInt32, offset: Int, text: [UInt8], sharing: Int)?
      for text in texts {
        Self.forEachGram(text) { offset, gram in
          let count = sharing[gram] ?? 0
          if count < best?.sharing ?? .max { best = (gram, offset, text, count) }
        }
      }
      guard let best else {
        short.append((entry, texts.first ?? []))
        continue
      }
      places[best.gram, default: []].append(
        Place(entry: entry, text: best.text, offset: best.offset))
      let bit = Self.bit(best.gram)
      filter[bit >> 6] |= 1 << UInt64(bit & 63)
    }
    self.places = places
    self.filter = filter
    self.short = short
  }

  /// Whether `body` says yes to the index of an entry of which one text occurs in `bytes`; it is
  /// asked once for each until then.
  package func contains(in bytes: UnsafeRawBufferPointer, where body: (Int) -> Bool) -> Bool {
    for (entry, text) in short where ByteSearch.firstIndex(of: text, in: bytes) != nil {
      if body(entry) { return true }
    }
    guard !places.isEmpty, bytes.count >= Self.gramCount else { return false }
    // A bit for each entry that was asked for.
    var asked: [UInt64] = []
    return filter.withUnsafeBufferPointer { filter in
      for at in 0...(bytes.count - Self.gramCount) {
        // In bounds: the last four bytes begin at the last of these.
        let gram = bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)
        let bit = Self.bit(gram)
        guard filter[bit >> 6] & (1 << UInt64(bit & 63)) != 0, let places = places[gram] else {
          continue
        }
        for place in places {
          let (word, mask) = (place.entry >> 6, 1 << UInt64(place.entry & 63) as UInt64)
          if !asked.isEmpty, asked[word] & mask != 0 { continue }
          guard occurs(place, around: at, in: bytes) else { continue }
          if body(place.entry) { return true }
          if asked.isEmpty { asked = [UInt64](repeating: 0, count: (entryCount + 63) >> 6) }
          asked[word] |= mask
        }
      }
      return false
    }
  }

  private func occurs(_ place: Place, around at: Int, in bytes: UnsafeRawBufferPointer) -> Bool {
    let start = at - place.offset
    guard start >= 0, start + place.text.count <= bytes.count else { return false }
    return place.text.withUnsafeBytes {
      UnsafeRawBufferPointer(rebasing: bytes[start..<(start + place.text.count)]).equals($0)
    }
  }

  private static func forEachGram(_ text: [UInt8], _ body: (Int, UInt32) -> Void) {
    text.withUnsafeBytes { bytes in
      let bytes = UnsafeRawBufferPointer(rebasing: bytes.prefix(consideredMax))
      guard bytes.count >= gramCount else { return }
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

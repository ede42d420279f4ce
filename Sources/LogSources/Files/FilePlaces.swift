/// Places of a file that were passed in reading, by which a copy is known that was made before the
/// last reads and is shorter than the place that was reached.
///
/// The nearer to the end, the closer they stand: for any length there is a place whose distance
/// from the end is at most about four times that of the length, so that a few do for large files.
package struct FilePlaces: Hashable, Sendable {
  package struct Place: Hashable, Sendable, BitwiseCopyable {
    /// Bytes before it.
    package var offset: Int64
    /// Of the bytes just before it.
    package var tail: FileFingerprint

    package init(offset: Int64, tail: FileFingerprint) {
      self.offset = offset
      self.tail = tail
    }
  }

  /// Places of one file, at most.
  static let countMax = 32
  /// Closer to the end than so many bytes there are two places at most.
  private static let nearBytes: Int64 = 1024
  private static let growth: Int64 = 4

  /// By their offsets.
  package private(set) var all: [Place] = []

  package init() {}

  /// Takes places as they were stored: offsets grow.
  init(stored: [Place]) { all = stored }

  /// Adds the place reached, and lets go of those that stand too close by now.
  package mutating func add(_ place: Place) {
    guard place.offset > all.last?.offset ?? -1 else { return }
    all.append(place)
    var at = all.count - 2
    while at >= 1 {
      let older = place.offset - all[at - 1].offset
      let newer = place.offset - all[at + 1].offset
      if older <= Self.nearBytes || older / Self.growth <= newer { all.remove(at: at) }
      at -= 1
    }
    if all.count > Self.countMax { all.removeFirst(all.count - Self.countMax) }
  }

  /// The last place that a file of `size` bytes has.
  func last(upTo size: Int64) -> Place? { all.last { $0.offset <= size } }
}

import WireFormats

/// The members of all messages of ``OTLPJSONMessage``, laid out to be found by name quickly.
struct OTLPJSONTable: Sendable {
  /// Those of a message stand side by side.
  let fields: [OTLPJSONMessage.Field]
  /// Where those of a message stand, by its number.
  private let ends: [Int]

  static let shared = OTLPJSONTable()

  private init() {
    var fields: [OTLPJSONMessage.Field] = []
    var ends: [Int] = []
    for message in OTLPJSONMessage.allCases {
      fields += message.fields
      ends.append(fields.count)
    }
    self.fields = fields
    self.ends = ends
  }

  func places(of message: OTLPJSONMessage) -> Range<Int> {
    (message.rawValue == 0 ? 0 : ends[message.rawValue - 1])..<ends[message.rawValue]
  }

  /// The place of the member called `key`, looked for from `first` on; nil for an unknown name.
  func find(
    _ key: JSONText, _ scanner: JSONScanner, in places: Range<Int>, from first: Int
  ) -> Int? {
    guard !key.hasEscapes else {
      return places.first { place in
        scanner.equals(key, fields[place].name)
          || fields[place].snakeName.map { scanner.equals(key, $0) } ?? false
      }
    }
    let name = scanner.bytes(key.range)
    var place = first
    for _ in places {
      if Self.isSame(name, fields[place].name) { return place }
      place = place + 1 == places.upperBound ? places.lowerBound : place + 1
    }
    return places.first { place in
      fields[place].snakeName.map { Self.isSame(name, $0) } ?? false
    }
  }

  @inline(__always)
  private static func isSame(_ text: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
    let count = name.utf8CodeUnitCount
    guard text.count == count else { return false }
    let known = UnsafeRawPointer(name.utf8Start)
    var at = 0
    // In bounds: both have `count` bytes.
    while at + 8 <= count {
      guard
        text.loadUnaligned(fromByteOffset: at, as: UInt64.self)
          == known.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      else { return false }
      at += 8
    }
    while at < count {
      guard text[at] == known.load(fromByteOffset: at, as: UInt8.self) else { return false }
      at += 1
    }
    return true
  }
}

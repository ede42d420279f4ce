/// What a request asks for: path and query, as they were written and decoded.
///
/// The path is cut at its slashes before `%` escapes are decoded, so that an escaped slash is
/// part of a segment and never changes what a request is routed to. Dot segments are not resolved.
package struct RequestTarget: Sendable, Hashable {
  /// As it came, as in `/a%2Fb?c=d`.
  package let raw: String
  private let pathLength: Int

  /// Longer paths in segments than this are refused.
  static let segmentsMax = 64

  init(_ raw: String) {
    self.raw = raw
    var length = 0
    for byte in raw.utf8 {
      if byte == 0x3f { break }
      length += 1
    }
    pathLength = length
  }

  /// The path before decoding, without the query.
  package var rawPath: String { String(raw.utf8.prefix(pathLength)) ?? "" }

  /// The query before decoding, without its question mark; empty where there is none.
  package var rawQuery: String { String(raw.utf8.dropFirst(pathLength + 1)) ?? "" }

  /// The whole path decoded: for people and logs, never for routing.
  package var path: String {
    guard let bytes = decodePercent(raw.utf8.prefix(pathLength), plusIsBlank: false) else {
      return rawPath
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The decoded segments of the path; `nil` when an escape is broken or not UTF-8, the path does
  /// not begin with a slash, or there are too many.
  ///
  /// `/` has one empty segment, `/a/` has `a` and an empty one.
  package var segments: [String]? {
    let path = raw.utf8.prefix(pathLength)
    guard path.first == 0x2f else { return nil }
    var out: [String] = []
    for part in path.dropFirst().split(separator: 0x2f, omittingEmptySubsequences: false) {
      guard out.count < Self.segmentsMax,
        let bytes = decodePercent(part, plusIsBlank: false),
        let segment = String(validating: bytes, as: UTF8.self)
      else { return nil }
      out.append(segment)
    }
    return out
  }
}

/// The bytes that a text with `%XX` escapes stands for, or `nil` where an escape is broken.
func decodePercent(_ text: some Collection<UInt8>, plusIsBlank: Bool) -> [UInt8]? {
  var out: [UInt8] = []
  out.reserveCapacity(text.count)
  var iterator = text.makeIterator()
  while let byte = iterator.next() {
    switch byte {
    case 0x25:
      guard let high = iterator.next().flatMap(hexDigit),
        let low = iterator.next().flatMap(hexDigit)
      else { return nil }
      out.append(high << 4 | low)
    case 0x2b where plusIsBlank: out.append(0x20)
    default: out.append(byte)
    }
  }
  return out
}

/// The value of a hexadecimal digit, or `nil`.
func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case 0x30...0x39: byte - 0x30
  case 0x41...0x46: byte - 0x41 + 10
  case 0x61...0x66: byte - 0x61 + 10
  default: nil
  }
}

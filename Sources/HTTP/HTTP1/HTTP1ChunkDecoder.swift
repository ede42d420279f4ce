/// Takes the chunked coding off a body as it comes; RFC 9112, section 7.1, read strictly.
///
/// Chunk extensions and trailer fields are checked for length and thrown away.
struct HTTP1ChunkDecoder {
  private enum State {
    case size, sizeDigits, extensions, sizeLineFeed
    case data, dataReturn, dataLineFeed
    case trailerStart, trailerName, trailer, trailerLineFeed, endLineFeed, ended
  }

  /// Bytes that all sizes, extensions and trailers together may take beyond a share of the body.
  static let overheadBytesMax = 64 << 10

  private var state = State.size
  private var remaining = 0
  private var digits = 0
  private var overhead = 0
  private var bodyBytes = 0

  var isEnded: Bool { state == .ended }

  /// Reads from `input`, hands the body's bytes to `data`, and returns how many bytes it took.
  ///
  /// It takes all of them but what follows the end of the body.
  mutating func decode(
    _ input: UnsafeRawBufferPointer, _ data: (UnsafeRawBufferPointer) -> Void
  ) throws(HTTPError) -> Int {
    var index = 0
    while index < input.count, state != .ended {
      if state == .data {
        let count = min(remaining, input.count - index)
        data(UnsafeRawBufferPointer(rebasing: input[index..<(index + count)]))
        index += count
        remaining -= count
        bodyBytes += count
        if remaining == 0 { state = .dataReturn }
        continue
      }
      try step(input[index])
      index += 1
      overhead += 1
      guard overhead <= Self.overheadBytesMax + 8 * bodyBytes else {
        throw .malformed("the chunked body is mostly chunk sizes and extensions")
      }
    }
    return index
  }

  private mutating func step(_ byte: UInt8) throws(HTTPError) {
    switch (state, byte) {
    case (.size, _), (.sizeDigits, _): try stepSize(byte)
    case (.extensions, 0x0d): state = .sizeLineFeed
    case (.extensions, 0x20...0x7e), (.extensions, 0x80...), (.extensions, 0x09): break
    case (.sizeLineFeed, 0x0a): state = remaining == 0 ? .trailerStart : .data
    case (.dataReturn, 0x0d): state = .dataLineFeed
    case (.dataLineFeed, 0x0a):
      state = .size
      digits = 0
    case (.trailerStart, 0x0d): state = .endLineFeed
    case (.trailerStart, _) where isTokenByte(byte): state = .trailerName
    case (.trailerName, 0x3a): state = .trailer
    case (.trailerName, _) where isTokenByte(byte): break
    case (.trailer, 0x0d): state = .trailerLineFeed
    case (.trailer, 0x20...0x7e), (.trailer, 0x80...), (.trailer, 0x09): break
    case (.trailerLineFeed, 0x0a): state = .trailerStart
    case (.endLineFeed, 0x0a): state = .ended
    default: throw .malformed("the chunked body is malformed")
    }
  }

  private mutating func stepSize(_ byte: UInt8) throws(HTTPError) {
    if let digit = hexDigit(byte) {
      digits += 1
      // Twelve digits are 256 TiB, far above any limit and far below an overflow.
      guard digits <= 12 else { throw .malformed("a chunk's size has too many digits") }
      remaining = (state == .size ? 0 : remaining << 4) | Int(digit)
      state = .sizeDigits
      return
    }
    guard state == .sizeDigits else { throw .malformed("a chunk has no size") }
    switch byte {
    case 0x0d: state = .sizeLineFeed
    case 0x3b: state = .extensions
    default: throw .malformed("a chunk's size is followed by something else")
    }
  }
}

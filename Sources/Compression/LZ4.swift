/// LZ4's frame format (github.com/lz4/lz4, doc/lz4_Frame_format.md 1.6.4), inflating alone.
///
/// Checksums of headers, blocks and contents are passed over: transports have their own.
package enum LZ4 {
  /// Inflates one or more frames. Throws ``CompressionError``: `tooLarge` before more than
  /// `bytesMax` bytes are made.
  package static func decompress(_ bytes: [UInt8], bytesMax: Int) throws(CompressionError)
    -> [UInt8]
  {
    var reader = LZ4FrameReader(bytes, bytesMax: bytesMax)
    repeat { try reader.readFrame() } while !reader.isAtEnd
    return reader.out
  }
}

/// Reads frames; every index is checked against the input's or the output's end before its use.
private struct LZ4FrameReader {
  private let bytes: [UInt8]
  private let bytesMax: Int
  private var at = 0
  /// Where the frame's output begins: blocks may refer back as far.
  private var frameStart = 0
  private(set) var out: [UInt8] = []

  private static let corrupt = CompressionError.corrupt(format: "lz4")

  init(_ bytes: [UInt8], bytesMax: Int) {
    self.bytes = bytes
    self.bytesMax = bytesMax
  }

  var isAtEnd: Bool { at >= bytes.count }

  private mutating func byte() throws(CompressionError) -> UInt8 {
    guard at < bytes.count else { throw Self.corrupt }
    defer { at += 1 }
    return bytes[at]
  }

  private mutating func word() throws(CompressionError) -> UInt32 {
    var word: UInt32 = 0
    for shift in stride(from: UInt32(0), to: 32, by: 8) { word |= UInt32(try byte()) << shift }
    return word
  }

  private mutating func skip(_ count: Int) throws(CompressionError) {
    guard count <= bytes.count - at else { throw Self.corrupt }
    at += count
  }

  mutating func readFrame() throws(CompressionError) {
    let magic = try word()
    if magic & 0xffff_fff0 == 0x184d_2a50 {
      try skip(Int(try word()))
      return
    }
    guard magic == 0x184d_2204 else { throw Self.corrupt }
    let flags = try byte()
    guard flags >> 6 == 1 else { throw Self.corrupt }
    _ = try byte()
    if flags & 8 != 0 { try skip(8) }
    if flags & 1 != 0 { try skip(4) }
    _ = try byte()
    frameStart = out.count
    while true {
      let size = try word()
      if size == 0 { break }
      let count = Int(size & 0x7fff_ffff)
      guard count <= bytes.count - at else { throw Self.corrupt }
      if size >> 31 == 1 {
        try append(at..<(at + count))
      } else {
        try inflate(until: at + count)
      }
      at += size >> 31 == 1 ? count : 0
      if flags & 0x10 != 0 { try skip(4) }
    }
    if flags & 4 != 0 { try skip(4) }
  }

  private mutating func append(_ range: Range<Int>) throws(CompressionError) {
    guard range.count <= bytesMax - out.count else { throw .tooLarge(bytesMax: bytesMax) }
    out += bytes[range]
  }

  /// One block of sequences: literals, then a match behind them.
  private mutating func inflate(until end: Int) throws(CompressionError) {
    while at < end {
      let token = try byte()
      let literals = try length(Int(token >> 4), end)
      guard literals <= end - at else { throw Self.corrupt }
      try append(at..<(at + literals))
      at += literals
      if at == end { return }
      guard end - at >= 2 else { throw Self.corrupt }
      let offset = Int(bytes[at]) | Int(bytes[at + 1]) << 8
      at += 2
      let count = try length(Int(token & 15), end) + 4
      guard offset > 0, offset <= out.count - frameStart else { throw Self.corrupt }
      guard count <= bytesMax - out.count else { throw .tooLarge(bytesMax: bytesMax) }
      // A match may overlap what it makes: it repeats.
      var from = out.count - offset
      for _ in 0..<count {
        out.append(out[from])
        from += 1
      }
    }
  }

  private mutating func length(_ short: Int, _ end: Int) throws(CompressionError) -> Int {
    guard short == 15 else { return short }
    var length = short
    while true {
      guard at < end else { throw Self.corrupt }
      let more = bytes[at]
      at += 1
      length += Int(more)
      if more < 255 { return length }
    }
  }
}

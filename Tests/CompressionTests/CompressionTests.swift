import Compression
import Testing

@Suite struct CompressionTests {
  static let samples: [[UInt8]] = [
    [], [7], Array("hello hello hello hello".utf8), [UInt8](repeating: 9, count: 300_000),
    (0..<100_000).map { _ in UInt8.random(in: 0...255) },
  ]

  @Test(arguments: samples) func everyFormatGivesBackItsInput(_ bytes: [UInt8]) throws {
    let most = bytes.count
    #expect(try Snappy.decompress(Snappy.compress(bytes), bytesMax: most) == bytes)
    #expect(try Zstd.decompress(Zstd.compress(bytes), bytesMax: most) == bytes)
    for format in [Zlib.Format.gzip, .zlib, .raw] {
      let packed = try Zlib.compress(bytes, format)
      #expect(try Zlib.decompress(packed, format, bytesMax: most) == bytes)
    }
  }

  @Test func outputAboveTheLimitIsRefused() throws {
    let bomb = [UInt8](repeating: 0, count: 50_000_000)
    let limit = CompressionError.tooLarge(bytesMax: 1000)
    let snappy = Snappy.compress(bomb)
    let zstd = Zstd.compress(bomb)
    let gzip = try Zlib.compress(bomb)
    #expect(throws: limit) { try Snappy.decompress(snappy, bytesMax: 1000) }
    #expect(throws: limit) { try Zstd.decompress(zstd, bytesMax: 1000) }
    #expect(throws: limit) { try Zlib.decompress(gzip, .gzip, bytesMax: 1000) }
  }

  @Test func aSnappyHeaderThatPromisesTooMuchIsRefused() {
    let lie: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 1]
    #expect(throws: CompressionError.corrupt(format: "snappy")) {
      try Snappy.decompress(lie, bytesMax: .max)
    }
  }

  @Test func everyTruncationIsRefused() throws {
    let bytes = Array("a line of a log, and a line of a log, and another".utf8)
    let gzip = try Zlib.compress(bytes)
    for count in 0..<gzip.count {
      #expect(throws: CompressionError.self) {
        try Zlib.decompress(Array(gzip.prefix(count)), .gzip, bytesMax: 1 << 20)
      }
    }
    let zstd = Zstd.compress(bytes)
    for count in 1..<zstd.count {
      #expect(throws: CompressionError.self) {
        try Zstd.decompress(Array(zstd.prefix(count)), bytesMax: 1 << 20)
      }
    }
    let snappy = Snappy.compress(bytes)
    for count in 0..<snappy.count {
      #expect(throws: CompressionError.self) {
        try Snappy.decompress(Array(snappy.prefix(count)), bytesMax: 1 << 20)
      }
    }
  }

  @Test func gzipMembersFollowOneAnother() throws {
    let two = try Zlib.compress(Array("one ".utf8)) + Zlib.compress(Array("two".utf8))
    #expect(try Zlib.decompress(two, .gzip, bytesMax: 100) == Array("one two".utf8))
  }

  /// However a block comes, it is the same one; the library reads it, and makes none much smaller.
  @Test(arguments: [0, 1, 1000, 65_535, 65_536, 65_537, 131_072, 400_000])
  func piecesMakeTheBlockOfTheWhole(byteCount: Int) throws {
    var blocks: Set<[UInt8]> = []
    var generator = SystemRandomNumberGenerator()
    let words = ["level=info", "trace", "served in 12 ms", "\u{0}\u{1}", "GET /api/v1/items"]
    var whole: [UInt8] = []
    while whole.count < byteCount {
      whole += Array((words.randomElement(using: &generator) ?? "").utf8)
      whole.append(UInt8.random(in: 0...255, using: &generator))
    }
    whole.removeLast(whole.count - byteCount)
    for most in [1 + byteCount / 50, 1 + byteCount / 3, 1 + byteCount] {
      var writer = SnappyBlockWriter(byteCount: byteCount)
      var at = 0
      while at < byteCount {
        let end = min(byteCount, at + Int.random(in: 0...most, using: &generator))
        writer.append(Array(whole[at..<end]))
        at = end
      }
      blocks.insert(writer.finish())
    }
    #expect(blocks.count == 1)
    for block in blocks {
      #expect(try Snappy.decompress(block, bytesMax: byteCount) == whole)
      #expect(block.count <= Snappy.compress(whole).count * 11 / 10 + 16)
    }
  }

  /// Fragments of few and of many different bytes, with runs and repeats near and far: the library
  /// reads them all.
  @Test func theLibraryReadsEveryFragment() throws {
    var generator = SystemRandomNumberGenerator()
    for round in 0..<1000 {
      let most = round % 50 == 0 ? 65_536 : 400
      let kinds = UInt8([1, 2, 20, 255].randomElement(using: &generator) ?? 1)
      var bytes: [UInt8] = []
      let byteCount = Int.random(in: 0...most, using: &generator)
      while bytes.count < byteCount {
        if bytes.count > 8, Bool.random(using: &generator) {
          let start = Int.random(in: 0..<bytes.count, using: &generator)
          bytes +=
            bytes[start..<min(bytes.count, start + Int.random(in: 1...90, using: &generator))]
        } else {
          for _ in 0..<Int.random(in: 1...70, using: &generator) {
            bytes.append(UInt8.random(in: 0...kinds, using: &generator))
          }
        }
      }
      bytes.removeLast(bytes.count - byteCount)
      var writer = SnappyBlockWriter(byteCount: byteCount)
      writer.append(bytes)
      #expect(try Snappy.decompress(writer.finish(), bytesMax: byteCount) == bytes)
    }
  }
}

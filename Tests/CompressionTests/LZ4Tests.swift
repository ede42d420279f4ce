import Compression
import Testing

@Suite struct LZ4Tests {
  private static let header: [UInt8] = [0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0]

  @Test func literalsAndMatches() throws {
    // "ab", then eight bytes from two back, then "xyz".
    let block: [UInt8] = [0x24, 0x61, 0x62, 2, 0, 0x30, 0x78, 0x79, 0x7a]
    let frame = Self.header + [9, 0, 0, 0] + block + [0, 0, 0, 0]
    let out = try LZ4.decompress(frame, bytesMax: 100)
    #expect(String(decoding: out, as: UTF8.self) == "ababababab" + "xyz")
    let plain = Self.header + [3, 0, 0, 0x80] + Array("xyz".utf8) + [0, 0, 0, 0]
    #expect(try LZ4.decompress(plain, bytesMax: 3) == Array("xyz".utf8))
  }

  @Test func limitsAndDamageAreErrors() {
    let block: [UInt8] = [0x24, 0x61, 0x62, 2, 0, 0x30, 0x78, 0x79, 0x7a]
    let frame = Self.header + [9, 0, 0, 0] + block + [0, 0, 0, 0]
    #expect(throws: CompressionError.tooLarge(bytesMax: 5)) {
      try LZ4.decompress(frame, bytesMax: 5)
    }
    for end in 0..<frame.count {
      #expect(throws: CompressionError.self) {
        try LZ4.decompress(Array(frame.prefix(end)), bytesMax: 100)
      }
    }
    var far = frame
    far[Self.header.count + 4 + 3] = 9
    #expect(throws: CompressionError.corrupt(format: "lz4")) {
      try LZ4.decompress(far, bytesMax: 100)
    }
  }
}

import Bytes
import Testing

@Suite struct HashTests {
  /// RFC 3720 appendix B.4.
  @Test func crc32cMatchesTheRFC() {
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
    #expect(CRC32C.checksum([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
    #expect(CRC32C.checksum(Array(0..<32)) == 0x46dd_794e)
    #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xe306_9283)
  }

  @Test func hardwareAndTableAgree() {
    var random = SystemRandomNumberGenerator()
    for length in 0..<200 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(CRC32C.checksum(bytes) == CRC32C.plainChecksum(bytes))
      let first = CRC32C.checksum(Array(bytes.prefix(length / 3)))
      #expect(
        Array(bytes.dropFirst(length / 3)).withUnsafeBytes {
          CRC32C.checksum($0, continuing: first)
        } == CRC32C.checksum(bytes))
    }
  }

  /// Values of the xxHash project's own test vectors for no input.
  @Test func xxh3OfNothing() {
    #expect(XXH3.hash([UInt8]()) == 0x2d06_8005_38d3_94c2)
    #expect(XXH3.hash("abc") == XXH3.hash(Array("abc".utf8)))
    #expect(XXH3.hash("abc") != XXH3.hash("abc", seed: 1))
  }
}

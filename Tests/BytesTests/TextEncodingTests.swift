import Bytes
import Foundation
import Testing

@Suite struct TextEncodingTests {
  /// RFC 4648 section 10.
  @Test func base64MatchesTheRFC() throws {
    let vectors = ["": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foobar": "Zm9vYmFy"]
    for (plain, text) in vectors {
      #expect(Base64.encode(Array(plain.utf8)) == text)
      #expect(try Base64.decode(text.utf8) == Array(plain.utf8))
    }
  }

  @Test func base64AgreesWithFoundation() throws {
    for length in 0..<70 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255) }
      #expect(Base64.encode(bytes) == Data(bytes).base64EncodedString())
      #expect(try Base64.decode(Data(bytes).base64EncodedString().utf8) == bytes)
    }
  }

  @Test(arguments: ["A", "AAAAA", "AA=A", "A===", "AA!=", "=AAA", "AAA=="])
  func badBase64IsRefused(_ text: String) {
    #expect(throws: ByteError.malformedText) { try Base64.decode(text.utf8) }
  }

  @Test func hexOfAnyCase() throws {
    #expect(Hex.encode([0, 255, 0x1a]) == "00ff1a")
    #expect(try Hex.decode("00fF1A".utf8) == [0, 255, 0x1a])
    for bad in ["0", "0g", "00f"] {
      #expect(throws: ByteError.malformedText) { try Hex.decode(bad.utf8) }
    }
  }
}

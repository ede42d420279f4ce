import Bytes
import Testing

@Suite struct ByteSearchTests {
  private func find(_ needle: String, _ text: String) -> Int? {
    Array(text.utf8).withUnsafeBytes { ByteSearch.firstIndex(of: Array(needle.utf8), in: $0) }
  }

  @Test func findsTheFirst() {
    #expect(find("", "") == 0)
    #expect(find("", "abc") == 0)
    #expect(find("a", "") == nil)
    #expect(find("bc", "abcbc") == 1)
    #expect(find("abcd", "abc") == nil)
    let long = String(repeating: "level=info ", count: 20) + "level=error"
    #expect(find("=error", long) == 225)
  }

  @Test func agreesWithTheNaiveSearch() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
        UInt8.random(in: 97...99, using: &random)
      }
      let needle = (0..<Int.random(in: 0..<9, using: &random)).map { _ in
        UInt8.random(in: 97...99, using: &random)
      }
      let fast = text.withUnsafeBytes { ByteSearch.firstIndex(of: needle, in: $0) }
      #expect(fast == ByteSearch.plainFirstIndex(of: needle, in: text))
      let naive = (0...max(0, text.count)).first { text[$0...].starts(with: needle) }
      #expect(fast == naive)
    }
  }
}

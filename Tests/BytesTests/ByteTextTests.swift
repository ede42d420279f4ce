import TestSupport
import Testing

@testable import Bytes

/// Texts as keys, against arrays of their bytes.
@Suite struct ByteTextTests {
  @Test func comparesAsTheBytesDo() {
    var numbers = RandomSource(seed: 7)
    let texts =
      EquivalentTexts.groups.joined() + ["", "a", "ab", String(repeating: "e\u{301}", count: 40)]
      + (0..<20).map { String(repeating: "z", count: $0) + "\u{e9}" }
      + (0..<20).map { String(repeating: "z", count: $0) + "b" + "yyyyyyyyyy" }
      + (0..<60).map { _ in EquivalentTexts.random(&numbers) }
    for a in texts {
      for b in texts {
        let (x, y) = (Array(a.utf8), Array(b.utf8))
        #expect((ByteText(a) == ByteText(b)) == (x == y))
        #expect((ByteText(a) < ByteText(b)) == x.lexicographicallyPrecedes(y))
        #expect(a.hasBytePrefix(b) == x.starts(with: y))
        #expect(a.hasByteSuffix(b) == x.reversed().starts(with: y.reversed()))
        #expect(a[...].hasSameBytes(as: b.dropFirst(0)) == (x == y))
        if x == y { #expect(ByteText(a).hashValue == ByteText(b).hashValue) }
      }
    }
    #expect(Set(texts: texts).count == Set(texts.map { Array($0.utf8) }).count)
  }

  @Test func keysOfOtherBytesAreOtherKeys() {
    var counts: [ByteText: Int] = [:]
    for text in EquivalentTexts.groups.joined() {
      counts[text, default: 0] += 1
      counts[text]? += 1
    }
    #expect(counts.count == EquivalentTexts.groups.joined().count)
    #expect(counts.values.allSatisfy { $0 == 2 })
    #expect(counts.removeValue(forKey: "K") == 2)
    #expect(counts["K"] == nil && counts["\u{212a}"] == 2)
    var left = Set(texts: ["K"])
    #expect(!left.insert("K") && left.insert("\u{212a}") && left.count == 2)
    #expect(left.remove("K") && !left.contains("K") && left.contains("\u{212a}"))
  }

  private struct Wrapped: Hashable { @ByteText var text: String }

  @Test func derivedComparisonsGoByBytes() {
    #expect(Wrapped(text: "\u{e9}") != Wrapped(text: "e\u{301}"))
    #expect(Set([Wrapped(text: "\u{e9}"), Wrapped(text: "e\u{301}")]).count == 2)
    #expect(["e\u{301}", "\u{e9}", "f"].containsBytes(of: "f"))
    #expect(!["e\u{301}"].containsBytes(of: "\u{e9}"))
    #expect(
      ["\u{e9}", "z", "e\u{301}"].sortedByBytes().map { Array($0.utf8) }
        == ["e\u{301}", "z", "\u{e9}"].map { Array($0.utf8) })
  }
}

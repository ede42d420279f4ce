import Bytes
import TestSupport
import Testing

@Suite struct NeedleSetTests {
  private func found(_ needles: [[UInt8]], _ text: [UInt8]) -> Set<Int> {
    var found: Set<Int> = []
    let isAny = text.withUnsafeBytes {
      NeedleSet(needles.map { [$0] }).contains(in: $0) { index in
        #expect(found.insert(index).inserted, "asked twice")
        return false
      }
    }
    #expect(!isAny, "no answer was yes")
    return found
  }

  /// Of few letters, so that strings overlap, hold one another and share their bytes.
  @Test func findsWhatIsFoundOneByOne() {
    var random = RandomSource(seed: 5)
    func bytes(_ counts: ClosedRange<Int>) -> [UInt8] {
      (0..<Int.random(in: counts, using: &random)).map { _ in
        UInt8.random(in: 97...99, using: &random)
      }
    }
    var hits = 0
    for _ in 0..<3000 {
      let needles = (0..<Int.random(in: 0...12, using: &random)).map { _ in bytes(1...9) }
      let text = bytes(0...60)
      let wanted = needles.indices.filter {
        ByteSearch.plainFirstIndex(of: needles[$0], in: text) != nil
      }
      hits += wanted.count
      #expect(found(needles, text) == Set(wanted), "\(needles) in \(text)")
    }
    #expect(hits > 1000)
  }

  @Test func endsWithTheFirstYes() {
    let set = NeedleSet(["one two", "two three", "three", "x"].map { [Array($0.utf8)] })
    var asked: [Int] = []
    let isFound = Array("one two three".utf8).withUnsafeBytes {
      set.contains(in: $0) { index in
        asked.append(index)
        return index == 1
      }
    }
    #expect(isFound && asked.last == 1 && !asked.contains(3))
  }

  /// Of an entry's texts one is looked for, which is rare among the others.
  @Test func anEntryIsKnownByItsRarestText() {
    let entries = (0..<50).map { ["customer_number", "=\(8000 + $0)"].map { Array($0.utf8) } }
    var asked: [Int] = []
    _ = Array("customer_number=8017".utf8).withUnsafeBytes {
      NeedleSet(entries).contains(in: $0) { index in
        asked.append(index)
        return false
      }
    }
    #expect(asked == [17])
  }

  /// Beyond what is considered of a text, and over and over in a line.
  @Test func longTextsAndLinesOfOneLetter() {
    let long = [UInt8](repeating: 97, count: 200)
    #expect(found([long, Array(long.dropLast()) + [98], long + [97]], long) == [0])
  }

  @Test func nothingIsInNothing() {
    #expect(found([], Array("text".utf8)) == [])
    #expect(found([Array("text".utf8)], []) == [])
    #expect(found([Array("text".utf8)], Array("tex".utf8)) == [])
  }
}

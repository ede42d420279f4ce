import Testing

@testable import Bytes

@Suite struct ByteClassesTests {
  /// The forms for the processor and the plain one agree, at every length and offset.
  @Test func formsAgree() {
    var state: UInt64 = 42
    var quick = ByteClasses()
    var plain = ByteClasses()
    for length in Array(0...200) + [1000, 4097] {
      var text: [UInt8] = []
      for _ in 0..<length {
        state = state &* 6_364_136_223_846_793_005 &+ 1
        let choices = Array(" \t09a:/\"\\\u{7f}~".utf8) + [0, 0x1f, 0x80, 0xff, 0x2f, 0x3a]
        text.append(
          state >> 62 == 0 ? UInt8(state >> 40 & 255) : choices[Int(state >> 33) % choices.count])
      }
      text.withUnsafeBytes { text in
        quick.classify(text)
        plain.classify(text, isPlain: true)
        for word in 0..<((length + 63) / 64) {
          #expect(quick.blank[word] == plain.blank[word])
          #expect(quick.digit[word] == plain.digit[word])
          #expect(quick.quote[word] == plain.quote[word])
        }
        for start in 0..<min(length, 40) {
          #expect(
            ByteClasses.plainTextEnd(text, from: start)
              == ByteClasses.slowPlainTextEnd(text, from: start))
        }
      }
    }
  }

  @Test func plainTextOfOneKindOnly() {
    for byte in UInt8.min...UInt8.max {
      let text = [UInt8](repeating: 0x61, count: 21) + [byte]
      let isPlain = byte >= 0x20 && byte <= 0x7e && byte != 0x22 && byte != 0x5c
      text.withUnsafeBytes {
        #expect(ByteClasses.plainTextEnd($0, from: 0) == (isPlain ? 22 : 21))
        #expect(ByteClasses.plainTextEnd($0, from: 10) == (isPlain ? 22 : 21))
      }
    }
  }

  @Test func setBitsAreFound() {
    let words: [UInt64] = [1 << 5, 0, 1 << 63]
    #expect(ByteClasses.firstSet(words, from: 0, before: 192) == 5)
    #expect(ByteClasses.firstSet(words, from: 6, before: 192) == 191)
    #expect(ByteClasses.firstSet(words, from: 6, before: 100) == 100)
    #expect(ByteClasses.firstSet(words, from: 3, before: 4) == 4)
  }
}

import CLinux

/// Which bytes of a text are blanks, digits and quotes, found 64 at a time.
package struct ByteClasses {
  /// One bit for each byte, the first in the lowest bit of the first word.
  package private(set) var blank: [UInt64] = []
  package private(set) var digit: [UInt64] = []
  package private(set) var quote: [UInt64] = []
  private var masks: [linux_byte_classes] = []

  package init() {}

  /// Classifies `text` anew; `isPlain` does so byte by byte, for tests.
  package mutating func classify(_ text: UnsafeRawBufferPointer, isPlain: Bool = false) {
    let words = (text.count + 63) / 64
    while masks.count < words {
      masks.append(linux_byte_classes())
      blank.append(0)
      digit.append(0)
      quote.append(0)
    }
    masks.withUnsafeMutableBufferPointer { masks in
      if isPlain {
        linux_classify_plain(text.baseAddress, text.count, masks.baseAddress)
      } else {
        linux_classify(text.baseAddress, text.count, masks.baseAddress)
      }
    }
    for word in 0..<words {
      blank[word] = masks[word].blank
      digit[word] = masks[word].digit
      quote[word] = masks[word].quote
    }
  }

  /// The first set bit of `words` at or after `start`, or `end`.
  @inlinable
  package static func firstSet(_ words: [UInt64], from start: Int, before end: Int) -> Int {
    guard start < end else { return end }
    var word = start >> 6
    var bits = words[word] & (~0 << UInt64(start & 63))
    while bits == 0 {
      word += 1
      if word << 6 >= end { return end }
      bits = words[word]
    }
    return min(end, word << 6 + bits.trailingZeroBitCount)
  }

  /// As far as the text of a JSON string stands for itself: the first double quote, backslash,
  /// control character or byte above 0x7e at or after `start`, or the end.
  @inline(__always)
  package static func plainTextEnd(_ text: UnsafeRawBufferPointer, from start: Int) -> Int {
    guard let base = text.baseAddress, start < text.count else { return text.count }
    return start + linux_plain_text_end(base + start, text.count - start)
  }

  /// The same, byte by byte.
  package static func slowPlainTextEnd(_ text: UnsafeRawBufferPointer, from start: Int) -> Int {
    guard let base = text.baseAddress, start < text.count else { return text.count }
    return start + linux_plain_text_end_plain(base + start, text.count - start)
  }
}

import Bytes

/// Takes a line of words and numbers, or of `key=value` pairs, apart: quoted text and words with
/// digits are slots, everything else is constant.
struct TextLineSplitter {
  /// Constants and marks of the last line.
  var text: [UInt8] = []
  /// Start and end of each value of the last line.
  var slots: [UInt32] = []

  private var classes = ByteClasses()
  /// Longer lines are kept whole.
  private static let lengthMax = 1 << 16
  private static let slotsMax = 256

  // MARK: pairs

  /// Whether `line` is nothing but `key=value` pairs, each key once.
  mutating func splitPairs(_ line: UnsafeRawBufferPointer, base: Int) -> Bool {
    text.removeAll(keepingCapacity: true)
    slots.removeAll(keepingCapacity: true)
    guard line.count <= Self.lengthMax else { return false }
    var at = 0
    while at < line.count {
      let key = at
      while at < line.count, Self.isKeyByte(line[at]) { at += 1 }
      guard at > key, at < line.count, line[at] == UInt8(ascii: "="),
        slots.count < Self.slotsMax * 2
      else { return false }
      at += 1
      for index in key..<at { text.append(line[index]) }
      guard readPairValue(line, &at, base) else { return false }
      guard at < line.count else { break }
      guard line[at] == 0x20 else { return false }
      while at < line.count, line[at] == 0x20 {
        text.append(0x20)
        at += 1
      }
    }
    return !slots.isEmpty
  }

  private mutating func readPairValue(
    _ line: UnsafeRawBufferPointer, _ at: inout Int, _ base: Int
  ) -> Bool {
    let start: Int
    let end: Int
    let isClean: Bool
    if at < line.count, line[at] == UInt8(ascii: "\"") {
      text.append(line[at])
      start = at + 1
      guard let found = JSONLineSplitter.stringEnd(line, start) else { return false }
      (end, isClean) = found
      at = end + 1
    } else {
      start = at
      var isPlain = true
      while at < line.count, line[at] > 0x20 {
        if line[at] == UInt8(ascii: "=") || line[at] == UInt8(ascii: "\"") { return false }
        if line[at] > 0x7e { isPlain = false }
        at += 1
      }
      end = at
      isClean = isPlain
    }
    text.append(isClean ? LineShape.clean : LineShape.odd)
    slots.append(UInt32(base + start))
    slots.append(UInt32(base + end))
    if end < at { text.append(UInt8(ascii: "\"")) }
    return true
  }

  private static func isKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
      UInt8(ascii: "-"), UInt8(ascii: "/"):
      true
    default: false
    }
  }

  // MARK: words

  /// Takes any line apart; false when it is better kept whole.
  mutating func split(_ line: UnsafeRawBufferPointer, base: Int) -> Bool {
    text.removeAll(keepingCapacity: true)
    slots.removeAll(keepingCapacity: true)
    guard line.count <= Self.lengthMax, !line.isEmpty else { return false }
    classes.classify(line)
    var kept = 0
    var at = 0
    while at < line.count {
      let end = ByteClasses.firstSet(classes.blank, from: at, before: line.count)
      if end == at {
        at += 1
        continue
      }
      if let (value, next) = slot(line, at, end) {
        guard slots.count < Self.slotsMax * 2, copy(line, kept..<value.lowerBound) else {
          return false
        }
        text.append(LineShape.clean)
        slots.append(UInt32(base + value.lowerBound))
        slots.append(UInt32(base + value.upperBound))
        kept = value.upperBound
        at = next
      } else {
        at = end
      }
    }
    return copy(line, kept..<line.count)
  }

  private mutating func copy(_ line: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
    for index in range where line[index] == LineShape.clean || line[index] == LineShape.odd {
      return false
    }
    text.append(contentsOf: UnsafeRawBufferPointer(rebasing: line[range]))
    return true
  }

  /// The slot that the word from `start` to `end` begins with or is, and where to go on.
  private func slot(_ line: UnsafeRawBufferPointer, _ start: Int, _ end: Int)
    -> (Range<Int>, Int)?
  {
    // Text in quotes or brackets is one slot, blanks and all.
    if let quoted = quoted(line, start, end) { return quoted }
    guard ByteClasses.firstSet(classes.digit, from: start, before: end) < end else { return nil }
    var low = start
    var high = end
    while low < high, Self.isPunctuation(line[low]) { low += 1 }
    while high > low, Self.isPunctuation(line[high - 1]) { high -= 1 }
    // `key=5`: the key is constant, when it has no digit itself.
    for at in low..<high where line[at] == UInt8(ascii: "=") {
      let digit = ByteClasses.firstSet(classes.digit, from: low, before: high)
      if digit > at, at + 1 < high { low = at + 1 }
      break
    }
    return low < high ? (low..<high, end) : nil
  }

  private func quoted(_ line: UnsafeRawBufferPointer, _ start: Int, _ end: Int)
    -> (Range<Int>, Int)?
  {
    if line[start] == UInt8(ascii: "[") {
      var close = start + 1
      while close < line.count, line[close] != UInt8(ascii: "]"), close < start + 64 { close += 1 }
      guard close < line.count, line[close] == UInt8(ascii: "]"),
        ByteClasses.firstSet(classes.digit, from: start, before: close) < close
      else { return nil }
      return ((start + 1)..<close, close + 1)
    }
    var open = start
    if line[open] != UInt8(ascii: "\"") {
      let found = ByteClasses.firstSet(classes.quote, from: start, before: end)
      guard found < end, line[found - 1] == UInt8(ascii: "=") else { return nil }
      // Digits before the quote belong to a slot of their own.
      guard ByteClasses.firstSet(classes.digit, from: start, before: found) == found else {
        return nil
      }
      open = found
    }
    let close = ByteClasses.firstSet(classes.quote, from: open + 1, before: line.count)
    return close < line.count ? ((open + 1)..<close, close + 1) : nil
  }

  private static func isPunctuation(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: ";"), UInt8(ascii: "."),
      UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "["), UInt8(ascii: "]"),
      UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "\""), UInt8(ascii: "'"),
      UInt8(ascii: "<"), UInt8(ascii: ">"):
      true
    default: false
    }
  }
}

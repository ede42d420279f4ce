import Bytes

/// The values of a column of a block, decoded as far as needed. Used by one thread.
class ColumnData {
  let count: Int

  init(count: Int) { self.count = count }

  /// Appends the text of a value.
  func append(_ index: Int, to out: inout [UInt8]) {}

  /// Which values pass; exact.
  func matches(_ test: ValueTest) -> ValueMatches { rendered(test) { _ in true } }

  /// The matches among the values for which `isCandidate` holds, each looked at as text.
  final func rendered(_ test: ValueTest, _ isCandidate: (Int) -> Bool) -> ValueMatches {
    var text: [UInt8] = []
    var found: [UInt8]?
    for index in 0..<count where isCandidate(index) {
      text.removeAll(keepingCapacity: true)
      append(index, to: &text)
      if text.withUnsafeBytes({ test.holds($0) }) {
        if found == nil { found = [UInt8](repeating: 0, count: count) }
        found?[index] = 1
      }
    }
    return found.map { .some($0) } ?? .none
  }
}

final class ConstantData: ColumnData {
  /// Its number among the strings of the segment.
  let number: UInt32
  let value: [UInt8]

  init(_ number: UInt32, _ value: [UInt8], count: Int) {
    self.number = number
    self.value = value
    super.init(count: count)
  }

  override func append(_ index: Int, to out: inout [UInt8]) { out.append(contentsOf: value) }

  override func matches(_ test: ValueTest) -> ValueMatches {
    value.withUnsafeBytes { test.holds($0) } ? .all : .none
  }
}

final class RowTimeData: ColumnData {
  private let times: [Int64]
  private var writer: RowTimeWriter

  /// Of the time of each value's row.
  init(_ layout: RowTimeLayout, _ times: [Int64]) {
    self.times = times
    writer = RowTimeWriter(layout)
    super.init(count: times.count)
  }

  override func append(_ index: Int, to out: inout [UInt8]) {
    writer.append(times[index], to: &out)
  }

  override func matches(_ test: ValueTest) -> ValueMatches {
    RowTimeLayout.mayHold(test.text) ? rendered(test) { _ in true } : .none
  }
}

extension RowTimeLayout {
  private static let bytes = Set("0123456789-:TZ./+, JanFebMarAprMayJunJulAugSepOctNovDec".utf8)

  /// Whether text in one of the layouts may hold `text`.
  static func mayHold(_ text: [UInt8]) -> Bool {
    text.count <= 40 && text.allSatisfy { bytes.contains($0) }
  }
}

/// Some of a segment's strings, by the places that a column's codes mean.
struct SegmentTexts {
  /// Their numbers in the segment.
  let numbers: [UInt32]
  private let segment: SegmentColumns

  init(_ numbers: [UInt32], _ segment: SegmentColumns) {
    self.numbers = numbers
    self.segment = segment
  }

  var count: Int { numbers.count }

  @inline(__always)
  func append(_ place: Int, to out: inout [UInt8]) {
    let range = segment.stringRange(Int(numbers[place]))
    segment.stringBytes.withUnsafeBytes {
      out.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[range]))
    }
  }

  /// What `value` says of each text.
  func map<Value>(_ value: (UnsafeRawBufferPointer) -> Value) -> [Value] {
    segment.stringBytes.withUnsafeBytes { bytes in
      numbers.map { number in
        value(UnsafeRawBufferPointer(rebasing: bytes[segment.stringRange(Int(number))]))
      }
    }
  }
}

final class DictionaryData: ColumnData {
  let texts: SegmentTexts
  let codes: [UInt16]

  init(_ texts: SegmentTexts, _ codes: [UInt16]) {
    self.texts = texts
    self.codes = codes
    super.init(count: codes.count)
  }

  override func append(_ index: Int, to out: inout [UInt8]) {
    texts.append(Int(codes[index]), to: &out)
  }

  override func matches(_ test: ValueTest) -> ValueMatches {
    let passes = texts.map { test.holds($0) ? UInt8(1) : 0 }
    if !passes.contains(1) { return .none }
    if !passes.contains(0) { return .all }
    return .some(codes.map { passes[Int($0)] })
  }
}

final class NumberData: ColumnData {
  let style: NumberStyle
  let values: [Int64]
  let least: Int64
  let most: Int64

  init(_ style: NumberStyle, _ values: [Int64], least: Int64, most: Int64) {
    self.style = style
    self.values = values
    self.least = least
    self.most = most
    super.init(count: values.count)
  }

  override func append(_ index: Int, to out: inout [UInt8]) {
    style.append(values[index], to: &out)
  }

  override func matches(_ test: ValueTest) -> ValueMatches {
    guard Self.mayHold(test.text) else { return .none }
    if test.anchor == .whole {
      // The number that has the text, if one has: then it alone is looked for.
      var reader = NumberColumnReader()
      guard test.text.withUnsafeBytes({ reader.add($0) }) else {
        return rendered(test) { _ in true }
      }
    }
    if test.anchor == .whole || test.anchor == .prefix, style.form != .padded,
      let range = NumberPrefix.range(test.text, style.scale, least, most)
    {
      if range.isEmpty { return .none }
      return rendered(test) { range.contains(values[$0]) }
    }
    return rendered(test) { _ in true }
  }

  /// Whether the text of a number may hold `text`.
  static func mayHold(_ text: [UInt8]) -> Bool {
    text.count <= 20
      && text.allSatisfy {
        $0 &- 0x30 <= 9 || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
      }
  }
}

/// Which numbers can have a text as their beginning.
enum NumberPrefix {
  /// A range outside of which no number between `least` and `most` begins with `text`; nil when
  /// nothing is known. Only the simple case is looked at: no number has more whole digits than
  /// the text, so that the whole digits are those of the text.
  static func range(_ text: [UInt8], _ scale: Int, _ least: Int64, _ most: Int64)
    -> ClosedRange<Int64>?
  {
    guard least >= 0, !text.isEmpty else { return nil }
    let whole = text.prefix { $0 &- 0x30 <= 9 }
    guard !whole.isEmpty, whole.count <= 15 else { return nil }
    var value: Int64 = 0
    for digit in whole { value = value * 10 + Int64(digit - 0x30) }
    let unit = NumberStyle.powers[scale]
    let (low, overflow) = value.multipliedReportingOverflow(by: unit)
    guard !overflow, low <= Int64.max - unit else { return nil }
    // With one digit more than the text, a number begins with it and is ten times as large.
    guard whole.count < text.count || most / unit < max(1, value) * 10 else { return nil }
    return low...(low + unit - 1)
  }
}

final class HexadecimalData: ColumnData {
  let style: HexadecimalStyle
  private let bytes: [UInt8]

  init(_ style: HexadecimalStyle, _ bytes: [UInt8], count: Int) {
    self.style = style
    self.bytes = bytes
    super.init(count: count)
  }

  override func append(_ index: Int, to out: inout [UInt8]) {
    let size = style.byteCount
    bytes.withUnsafeBytes {
      style.append(
        UnsafeRawBufferPointer(rebasing: $0[(index * size)..<((index + 1) * size)]), to: &out)
    }
  }

  override func matches(_ test: ValueTest) -> ValueMatches {
    guard test.text.count <= style.width, test.text.allSatisfy({ style.mayHold($0) }) else {
      return .none
    }
    guard test.text.count == style.width else {
      return test.anchor == .whole ? .none : rendered(test) { _ in true }
    }
    var packed: [UInt8] = []
    guard test.text.withUnsafeBytes({ style.pack($0, to: &packed) }) else { return .none }
    let size = style.byteCount
    var found: [UInt8]?
    bytes.withUnsafeBytes { bytes in
      var from = 0
      while let hit = ByteSearch.firstIndex(of: packed, in: bytes, from: from) {
        if hit.isMultiple(of: size) {
          if found == nil { found = [UInt8](repeating: 0, count: count) }
          found?[hit / size] = 1
        }
        from = hit + 1
      }
    }
    return found.map { .some($0) } ?? .none
  }
}

final class RawData: ColumnData {
  private let bytes: [UInt8]
  private let ends: [UInt32]

  init(_ bytes: [UInt8], ends: [UInt32]) {
    self.bytes = bytes
    self.ends = ends
    super.init(count: ends.count)
  }

  private func range(_ index: Int) -> Range<Int> {
    (index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])
  }

  override func append(_ index: Int, to out: inout [UInt8]) {
    bytes.withUnsafeBytes {
      out.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[range(index)]))
    }
  }

  override func matches(_ test: ValueTest) -> ValueMatches {
    bytes.withUnsafeBytes { bytes in
      if !test.text.isEmpty, ByteSearch.firstIndex(of: test.text, in: bytes) == nil { return .none }
      var found = [UInt8](repeating: 0, count: count)
      var hasSome = false
      for index in 0..<count
      where test.holds(UnsafeRawBufferPointer(rebasing: bytes[range(index)])) {
        found[index] = 1
        hasSome = true
      }
      return hasSome ? .some(found) : .none
    }
  }
}

/// Values that are words with blanks between.
final class WordData: ColumnData {
  private let words: SegmentTexts
  private let codes: [UInt16]
  /// Where each value's words end in `codes`.
  private let ends: [UInt32]

  /// Nil when a value has no words: an empty one has the empty word.
  init?(_ words: SegmentTexts, _ codes: [UInt16], ends: [UInt32]) {
    self.words = words
    self.codes = codes
    self.ends = ends
    super.init(count: ends.count)
    var start: UInt32 = 0
    for end in ends {
      guard start < end else { return nil }
      start = end
    }
  }

  override func append(_ index: Int, to out: inout [UInt8]) {
    let start = index == 0 ? 0 : Int(ends[index - 1])
    for at in start..<Int(ends[index]) {
      if at > start { out.append(0x20) }
      words.append(Int(codes[at]), to: &out)
    }
  }

  /// Codes are compared where the text's words allow it: the first word's end, whole words
  /// between, and the last word's beginning.
  override func matches(_ test: ValueTest) -> ValueMatches {
    let parts = test.text.split(separator: 0x20, omittingEmptySubsequences: false).map { Array($0) }
    let places = parts.indices.map { part -> [UInt8] in
      let isFirst = part == 0
      let isLast = part == parts.count - 1
      let opensFree = isFirst && (test.anchor == .anywhere || test.anchor == .suffix)
      let closesFree = isLast && (test.anchor == .anywhere || test.anchor == .prefix)
      let anchor: ValueTest.Anchor =
        opensFree ? (closesFree ? .anywhere : .suffix) : (closesFree ? .prefix : .whole)
      let test = ValueTest(anchor: anchor, text: parts[part])
      return words.map { test.holds($0) ? 1 : 0 }
    }
    guard places.allSatisfy({ $0.contains(1) }) else { return .none }
    var found = [UInt8](repeating: 0, count: count)
    var hasSome = false
    var start = 0
    for index in 0..<count {
      let end = Int(ends[index])
      defer { start = end }
      guard end - start >= places.count else { continue }
      let first: Int
      let last: Int
      switch test.anchor {
      case .anywhere: (first, last) = (start, end - places.count)
      case .prefix: (first, last) = (start, start)
      case .suffix: (first, last) = (end - places.count, end - places.count)
      case .whole:
        guard end - start == places.count else { continue }
        (first, last) = (start, start)
      }
      if holds(places, first...last) {
        found[index] = 1
        hasSome = true
      }
    }
    return hasSome ? .some(found) : .none
  }

  @inline(__always)
  private func holds(_ places: [[UInt8]], _ starts: ClosedRange<Int>) -> Bool {
    for start in starts where places[0][Int(codes[start])] == 1 {
      var isWhole = true
      for part in 1..<max(1, places.count) where places[part][Int(codes[start + part])] == 0 {
        isWhole = false
        break
      }
      if isWhole { return true }
    }
    return false
  }
}

/// Values that are patterns with the texts of columns in them.
final class PatternData: ColumnData {
  private let patterns: [[UInt8]]
  /// Where the constants of each pattern lie.
  private let constants: [[Range<Int>]]
  private let codes: [UInt16]
  private let columns: [ColumnData]
  /// For each column, the place of each value in it; empty where that is the value's own.
  private let places: [[UInt32]]

  /// Nil when the columns have other counts than the patterns' marks.
  init?(_ patterns: [[UInt8]], _ codes: [UInt16], _ columns: [ColumnData], places: [[UInt32]]) {
    self.patterns = patterns
    self.codes = codes
    self.columns = columns
    self.places = places
    constants = patterns.map { LineShape.constants(of: $0) }
    super.init(count: codes.count)
    guard constants.allSatisfy({ $0.count - 1 <= columns.count }) else { return nil }
  }

  /// For each of `marks` columns, the places of the values and how many there are.
  static func places(_ patterns: [[UInt8]], _ codes: [UInt16], columns: Int)
    -> [(places: [UInt32], count: Int)]
  {
    let marks = patterns.map { LineShape.constants(of: $0).count - 1 }
    return (0..<columns).map { column in
      if marks.allSatisfy({ $0 > column }) { return ([], codes.count) }
      var places: [UInt32] = []
      places.reserveCapacity(codes.count)
      var next: UInt32 = 0
      for code in codes {
        places.append(next)
        if marks[Int(code)] > column { next += 1 }
      }
      return (places, Int(next))
    }
  }

  private func place(_ index: Int, _ column: Int) -> Int {
    places[column].isEmpty ? index : Int(places[column][index])
  }

  override func append(_ index: Int, to out: inout [UInt8]) {
    let code = Int(codes[index])
    let constants = constants[code]
    patterns[code].withUnsafeBytes { pattern in
      for column in 0..<(constants.count - 1) {
        out.append(contentsOf: UnsafeRawBufferPointer(rebasing: pattern[constants[column]]))
        columns[column].append(place(index, column), to: &out)
      }
      out.append(
        contentsOf: UnsafeRawBufferPointer(rebasing: pattern[constants[constants.count - 1]]))
    }
  }

  override func matches(_ test: ValueTest) -> ValueMatches {
    var found: [UInt8]?
    var known: [SlotTest: ValueMatches] = [:]
    for code in patterns.indices {
      let ways = TextAlignment.ways(
        of: test, in: constants[code].map { patterns[code][$0] }
      ) { slot, test in
        let key = SlotTest(slot: slot, test: test)
        let matches = known[key] ?? columns[slot].matches(test)
        known[key] = matches
        if case .none = matches { return false }
        return true
      }
      if let ways, ways.isEmpty { continue }
      if found == nil { found = [UInt8](repeating: 0, count: count) }
      for index in 0..<count where Int(codes[index]) == code {
        if holds(index, ways, test, known) { found?[index] = 1 }
      }
    }
    return found.map { .some($0) } ?? .none
  }

  private func holds(
    _ index: Int, _ ways: [[SlotTest]]?, _ test: ValueTest, _ known: [SlotTest: ValueMatches]
  ) -> Bool {
    guard let ways else {
      var text: [UInt8] = []
      append(index, to: &text)
      return text.withUnsafeBytes { test.holds($0) }
    }
    return ways.contains(where: { way in
      way.allSatisfy { test in
        switch known[test] ?? ValueMatches.none {
        case .all: true
        case .some(let flags): flags[place(index, test.slot)] == 1
        case .none: false
        }
      }
    })
  }
}

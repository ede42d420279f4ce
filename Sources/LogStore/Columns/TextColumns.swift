import Bytes

/// Values as patterns with marks where digits are, and the digits as columns.
struct PatternColumn {
  /// Stands for a run of digits.
  static let digits: UInt8 = 0x11
  /// Stands for a run of hexadecimal digits.
  static let hexadecimal: UInt8 = 0x12

  private(set) var patterns: [[UInt8]] = []
  /// The pattern of each value.
  private(set) var codes: [UInt16] = []
  /// The n-th marks of all values that have so many.
  private(set) var columns: [ColumnValues] = []

  private var table = ByteHashTable()
  /// Start and end of each mark's text, value after value.
  private var slots: [UInt32] = []
  private var rowsOf: [Int] = []

  private static let lengthMax = 512
  private static let slotsMax = 24

  /// False when the values have too many patterns.
  mutating func read(_ values: ColumnValues) -> Bool {
    let limit = min(4096, max(16, values.count / 12))
    var text: [UInt8] = []
    var slotsOf: [Int] = []
    var total = 0
    for index in 0..<values.count {
      let value = values.value(index)
      guard value.count <= Self.lengthMax else { return false }
      text.removeAll(keepingCapacity: true)
      let before = slots.count
      guard split(value, Int(values.starts[index]), &text),
        slots.count - before <= Self.slotsMax * 2
      else { return false }
      total += slots.count - before
      let hash = text.withUnsafeBytes { ByteHashTable.hash($0) }
      if let known = table.find(hash, { patterns[Int($0)] == text }) {
        codes.append(UInt16(known))
        rowsOf[Int(known)] += 1
      } else {
        guard patterns.count < limit else { return false }
        table.insert(hash, UInt32(patterns.count))
        codes.append(UInt16(patterns.count))
        patterns.append(text)
        rowsOf.append(1)
        slotsOf.append((slots.count - before) / 2)
      }
    }
    guard total > 0, patterns.count < values.count || values.count == 1 else { return false }
    distribute(values, slotsOf)
    return true
  }

  /// Puts marks that are the same in all rows of a pattern into the pattern, and the others into
  /// columns.
  private mutating func distribute(_ values: ColumnValues, _ slotsOf: [Int]) {
    var first = Array(repeating: -1, count: patterns.count)
    var isConstant = slotsOf.map { Array(repeating: true, count: $0) }
    var at = 0
    for code in codes {
      let pattern = Int(code)
      if first[pattern] < 0 {
        first[pattern] = at
      } else {
        for slot in 0..<slotsOf[pattern] where isConstant[pattern][slot] {
          let same = text(values, at + slot * 2).elementsEqual(
            text(values, first[pattern] + slot * 2))
          if !same { isConstant[pattern][slot] = false }
        }
      }
      at += slotsOf[pattern] * 2
    }
    for pattern in patterns.indices {
      // Of few rows nothing can be said.
      if rowsOf[pattern] < 4 { isConstant[pattern] = isConstant[pattern].map { _ in false } }
      fold(pattern, isConstant[pattern], first[pattern], values)
    }
    at = 0
    for (index, code) in codes.enumerated() {
      let pattern = Int(code)
      var place = 0
      for slot in 0..<slotsOf[pattern] where !isConstant[pattern][slot] {
        if place == columns.count { columns.append(ColumnValues(bytes: values.bytes)) }
        columns[place].starts.append(slots[at + slot * 2])
        columns[place].ends.append(slots[at + slot * 2 + 1])
        columns[place].rows.append(values.rows[index])
        place += 1
      }
      at += slotsOf[pattern] * 2
    }
  }

  private func text(_ values: ColumnValues, _ at: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: values.bytes[Int(slots[at])..<Int(slots[at + 1])])
  }

  private mutating func fold(
    _ pattern: Int, _ isConstant: [Bool], _ first: Int, _ values: ColumnValues
  ) {
    guard isConstant.contains(true) else { return }
    var folded: [UInt8] = []
    var slot = 0
    for byte in patterns[pattern] {
      if byte == Self.digits || byte == Self.hexadecimal {
        if isConstant[slot] {
          folded.append(contentsOf: text(values, first + slot * 2))
        } else {
          folded.append(byte)
        }
        slot += 1
      } else {
        folded.append(byte)
      }
    }
    patterns[pattern] = folded
  }

  /// The pattern of one value; false when it holds a mark itself.
  private mutating func split(
    _ value: UnsafeRawBufferPointer, _ base: Int, _ text: inout [UInt8]
  ) -> Bool {
    var at = 0
    while at < value.count {
      let byte = value[at]
      guard Self.isAlphanumeric(byte) else {
        guard byte != Self.digits, byte != Self.hexadecimal else { return false }
        text.append(byte)
        at += 1
        continue
      }
      let start = at
      var digitCount = 0
      var isLower = true
      var isUpper = true
      while at < value.count, Self.isAlphanumeric(value[at]) {
        switch value[at] {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digitCount += 1
        case UInt8(ascii: "a")...UInt8(ascii: "f"): isUpper = false
        case UInt8(ascii: "A")...UInt8(ascii: "F"): isLower = false
        default:
          isLower = false
          isUpper = false
        }
        at += 1
      }
      if digitCount == 0 {
        text.append(contentsOf: UnsafeRawBufferPointer(rebasing: value[start..<at]))
      } else if digitCount == at - start {
        add(Self.digits, base + start, base + at, &text)
      } else if at - start >= 8, isLower || isUpper {
        add(Self.hexadecimal, base + start, base + at, &text)
      } else {
        splitDigits(value, start..<at, base, &text)
      }
    }
    return true
  }

  private mutating func splitDigits(
    _ value: UnsafeRawBufferPointer, _ range: Range<Int>, _ base: Int, _ text: inout [UInt8]
  ) {
    var at = range.lowerBound
    while at < range.upperBound {
      let start = at
      while at < range.upperBound, value[at] &- 0x30 <= 9 { at += 1 }
      if at > start {
        add(Self.digits, base + start, base + at, &text)
      } else {
        text.append(value[at])
        at += 1
      }
    }
  }

  private mutating func add(_ mark: UInt8, _ start: Int, _ end: Int, _ text: inout [UInt8]) {
    text.append(mark)
    slots.append(UInt32(start))
    slots.append(UInt32(end))
  }

  @inline(__always)
  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    let lower = byte | 0x20
    return lower &- 0x61 < 26 || byte &- 0x30 < 10
  }
}

/// Values as words with one blank between them.
struct WordColumn {
  /// Where each distinct word first lies.
  private(set) var distinct: [(Int, Int)] = []
  private(set) var codes: [UInt16] = []
  /// How many words each value has.
  private(set) var counts: [UInt64] = []

  /// False when the words do not repeat enough.
  mutating func read(_ values: ColumnValues, _ table: inout ByteHashTable, _ limit: Int) -> Bool {
    table.removeAll()
    let bytes = values.bytes
    var total = 0
    for index in 0..<values.count { total += values.value(index).count }
    // About as many words as there are, at six bytes each, must repeat four times.
    let limit = min(limit, max(64, total / 24))
    for index in 0..<values.count {
      var at = Int(values.starts[index])
      let end = Int(values.ends[index])
      var count: UInt64 = 0
      while true {
        let start = at
        while at < end, bytes[at] != 0x20 { at += 1 }
        let word = UnsafeRawBufferPointer(rebasing: bytes[start..<at])
        guard word.count <= 256 else { return false }
        let hash = ByteHashTable.hash(word)
        let known = table.find(hash) { code in
          let (low, high) = distinct[Int(code)]
          guard high - low == word.count else { return false }
          for offset in 0..<word.count where bytes[low + offset] != word[offset] { return false }
          return true
        }
        if let known {
          codes.append(UInt16(known))
        } else {
          guard distinct.count < limit else { return false }
          table.insert(hash, UInt32(distinct.count))
          codes.append(UInt16(distinct.count))
          distinct.append((start, at))
        }
        count += 1
        guard at < end else { break }
        at += 1
        // A blank at the end has an empty word behind it.
      }
      counts.append(count)
    }
    // As many as a reader takes of one word.
    return distinct.count > 1 || codes.count <= 1 << 24
  }
}

/// Hexadecimal digits of one length and case.
struct HexadecimalStyle: Hashable, Sendable {
  enum Form: UInt8, Sendable {
    case lower = 0
    case upper = 1
    /// 8-4-4-4-12 digits with hyphens between.
    case uuid = 2
  }

  var form: Form
  /// Characters.
  var width: Int

  var byteCount: Int { form == .uuid ? 16 : width / 2 }

  init(form: Form, width: Int) {
    self.form = form
    self.width = width
  }

  /// The style of `text`, nil when it has none that is worth it.
  init?(_ text: UnsafeRawBufferPointer) {
    if text.count == 36, text[8] == UInt8(ascii: "-") {
      self.init(form: .uuid, width: 36)
      return
    }
    guard text.count >= 8, text.count <= 128, text.count.isMultiple(of: 2) else { return nil }
    let hasUpper = text.contains { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "F") }
    self.init(form: hasUpper ? .upper : .lower, width: text.count)
  }

  /// Appends the bytes of `text`; false when it has another style.
  func pack(_ text: UnsafeRawBufferPointer, to out: inout [UInt8]) -> Bool {
    guard text.count == width else { return false }
    let before = out.count
    var at = 0
    while at < width {
      if form == .uuid, at == 8 || at == 13 || at == 18 || at == 23 {
        guard text[at] == UInt8(ascii: "-") else { break }
        at += 1
        continue
      }
      guard let high = value(text[at]), let low = value(text[at + 1]) else { break }
      out.append(high << 4 | low)
      at += 2
    }
    if at == width { return true }
    out.removeLast(out.count - before)
    return false
  }

  @inline(__always)
  private func value(_ digit: UInt8) -> UInt8? {
    if digit &- 0x30 <= 9 { return digit &- 0x30 }
    let ten: UInt8 = form == .upper ? 0x41 : 0x61
    return digit &- ten < 6 ? digit &- ten &+ 10 : nil
  }

  /// Appends the text of packed bytes.
  func append(_ packed: UnsafeRawBufferPointer, to out: inout [UInt8]) {
    let ten: UInt8 = form == .upper ? 0x41 - 10 : 0x61 - 10
    for (index, byte) in packed.enumerated() {
      if form == .uuid, index == 4 || index == 6 || index == 8 || index == 10 {
        out.append(UInt8(ascii: "-"))
      }
      let high = byte >> 4
      let low = byte & 15
      out.append(high < 10 ? high + 0x30 : high + ten)
      out.append(low < 10 ? low + 0x30 : low + ten)
    }
  }

  /// Whether `byte` occurs in texts of the style.
  func mayHold(_ byte: UInt8) -> Bool {
    value(byte) != nil || form == .uuid && byte == UInt8(ascii: "-")
  }
}

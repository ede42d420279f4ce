import Bytes
import TelemetryModel

/// Says of a segment's blocks whether any of their rows can be wanted, by what the segment's
/// index, strings and filters say, without reading the block. Used by one thread.
final class SegmentPruner {
  /// One of these must hold; nil for one of which nothing can be said.
  private typealias Alternatives = [ValueTest]

  private let segment: SegmentColumns
  /// Reads a part of the page of filters.
  private let readFilters: (Range<Int>) -> [UInt8]?
  private let conditions: [Alternatives]
  private let fields: [FieldRequest]
  private let fieldConditions: [FieldCondition]
  private var known: [ValueTest: StringMatches] = [:]
  private var waysOf: [WayKey: [[SlotTest]]?] = [:]
  /// The forms that each column has in some block.
  private var forms: [[ColumnSummary]]

  private struct WayKey: Hashable {
    var shape: UInt32
    var test: ValueTest
  }

  /// Whether strings of the segment pass a test, by their use.
  private struct StringMatches {
    var value: Bool
    /// The numbers of all values that pass, nil when they are too many.
    var values: [Int]?
    var pattern: Bool
    var word: Bool
  }

  init(
    _ segment: SegmentColumns, _ streams: [StreamReference], _ scan: ScanConditions,
    _ readFilters: @escaping (Range<Int>) -> [UInt8]?
  ) {
    self.segment = segment
    self.readFilters = readFilters
    fields = scan.fields
    // A label of a stream or of metadata is looked at in place of the field.
    let hidden = Set(
      segment.columns.filter { $0.kind == .metadata }.map {
        String(decoding: $0.name, as: UTF8.self)
      })
    fieldConditions = scan.fieldConditions.filter { condition in
      !hidden.contains(condition.label)
        && !streams.contains { $0.labels[condition.label] != nil }
    }
    var conditions = scan.hints.map { [ValueTest(anchor: .anywhere, text: $0)] }
    for condition in scan.conditions where !condition.isNegated {
      let tests = condition.anyOf.compactMap(\.valueTest)
      if tests.count == condition.anyOf.count { conditions.append(tests) }
    }
    self.conditions = conditions
    forms = Array(repeating: [], count: segment.columns.count)
    guard !conditions.isEmpty else { return }
    for block in segment.blocks {
      for summary in block.columns {
        let isKnown = forms[Int(summary.column)].contains {
          $0.form == summary.form && $0.hexadecimal == summary.hexadecimal
        }
        if !isKnown { forms[Int(summary.column)].append(summary) }
      }
    }
  }

  /// Whether rows of the block may pass; true for blocks that are not in columns.
  func mayHold(_ number: Int) -> Bool {
    guard segment.blocks.indices.contains(number), !segment.blocks[number].shapes.isEmpty else {
      return true
    }
    let block = segment.blocks[number]
    var filter: FuseFilter??
    func blockFilter() -> FuseFilter? {
      if let filter { return filter }
      let read = readFilter(block)
      filter = .some(read)
      return read
    }
    for alternatives in conditions {
      let mayPass = alternatives.contains { test in
        block.shapes.contains { shape in
          guard let ways = ways(test, shape) else { return true }
          return ways.contains(where: { way in
            way.allSatisfy { isPossible($0, shape, block, blockFilter) }
          })
        }
      }
      if !mayPass { return false }
    }
    for condition in fieldConditions where fields.indices.contains(condition.field) {
      let mayPass = block.shapes.contains { shape in
        isPossible(condition, fields[condition.field], shape, block, blockFilter)
      }
      if !mayPass { return false }
    }
    return true
  }

  private func readFilter(_ block: BlockSummary) -> FuseFilter? {
    guard block.filterByteCount > 0,
      let bytes = readFilters(block.filterStart..<(block.filterStart + block.filterByteCount))
    else { return nil }
    return bytes.withUnsafeBytes { bytes in
      var reader = BlockReader(bytes)
      return try? FuseFilter(&reader)
    }
  }

  // MARK: lines

  private func ways(_ test: ValueTest, _ number: UInt32) -> [[SlotTest]]? {
    let key = WayKey(shape: number, test: test)
    if let known = waysOf[key] { return known }
    let shape = segment.shapes[Int(number)]
    let ways = TextAlignment.ways(
      of: test, in: shape.constants.map { shape.text[$0] }
    ) { slot, test in
      forms[Int(shape.columns[slot])].contains { mayPass(test, $0) }
    }
    waysOf[key] = .some(ways)
    return ways
  }

  private func isPossible(
    _ slot: SlotTest, _ shape: UInt32, _ block: BlockSummary, _ filter: () -> FuseFilter?
  ) -> Bool {
    let column = segment.shapes[Int(shape)].columns[slot.slot]
    guard let summary = block.column(column) else { return true }
    guard mayPass(slot.test, summary) else { return false }
    return passesFilter(slot.test, summary, filter)
  }

  /// Whether a value of a column of this form may pass, by the strings of the segment.
  private func mayPass(_ test: ValueTest, _ summary: ColumnSummary) -> Bool {
    switch summary.form {
    case .rowTime: return RowTimeLayout.mayHold(test.text)
    case .numbers: return NumberData.mayHold(test.text)
    case .hexadecimal:
      guard let style = summary.hexadecimal else { return true }
      return test.text.count <= style.width && test.text.allSatisfy { style.mayHold($0) }
        && (test.anchor != .whole || test.text.count == style.width)
    case .constant, .dictionary: return matches(test).value
    case .patterns: return matches(test).pattern
    case .words: return matches(test).word
    case .raw: return true
    }
  }

  private func passesFilter(
    _ test: ValueTest, _ summary: ColumnSummary, _ filter: () -> FuseFilter?
  ) -> Bool {
    switch summary.form {
    case .constant, .dictionary:
      // Where few strings of the segment pass, the block's column must have one of them.
      guard let strings = matches(test).values, let filter = filter() else { return true }
      return segment.stringBytes.withUnsafeBytes { bytes in
        strings.contains { number in
          let value = UnsafeRawBufferPointer(rebasing: bytes[segment.stringRange(number)])
          return filter.mayHold(FuseFilter.key(summary.column, value))
        }
      }
    case .hexadecimal:
      guard let style = summary.hexadecimal, test.text.count == style.width else { return true }
      var packed: [UInt8] = []
      guard test.text.withUnsafeBytes({ style.pack($0, to: &packed) }) else { return false }
      guard let filter = filter() else { return true }
      return packed.withUnsafeBytes { filter.mayHold(FuseFilter.key(summary.column, $0)) }
    case .raw:
      guard !summary.isUnfiltered, test.text.count >= 4, let filter = filter() else { return true }
      return test.text.withUnsafeBytes { text in
        (0...(text.count - 4)).allSatisfy { at in
          filter.mayHold(
            FuseFilter.key(
              summary.column, run: text.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
        }
      }
    default: return true
    }
  }

  // MARK: strings

  private func matches(_ test: ValueTest) -> StringMatches {
    if let matches = known[test] { return matches }
    let values = strings(test, .value, Self.listedMax + 1)
    let matches = StringMatches(
      value: !values.isEmpty, values: values.count > Self.listedMax ? nil : values,
      pattern: hasPattern(test),
      word: test.text.split(separator: 0x20, omittingEmptySubsequences: false).enumerated()
        .allSatisfy { !strings(wordTest(test, $0.offset, Array($0.element)), .word, 1).isEmpty })
    known[test] = matches
    return matches
  }

  /// What a word must be at the place of a text's n-th part.
  private func wordTest(_ test: ValueTest, _ place: Int, _ part: [UInt8]) -> ValueTest {
    let last = test.text.count { $0 == 0x20 }
    let opensFree = place == 0 && (test.anchor == .anywhere || test.anchor == .suffix)
    let closesFree = place == last && (test.anchor == .anywhere || test.anchor == .prefix)
    return ValueTest(
      anchor: opensFree ? (closesFree ? .anywhere : .suffix) : (closesFree ? .prefix : .whole),
      text: part)
  }

  /// Beyond this many strings that pass, which blocks have one is not looked at.
  private static let listedMax = 8

  /// The numbers of the first strings, `limit` at most, that pass and have that use.
  private func strings(_ test: ValueTest, _ use: SegmentStrings.Use, _ limit: Int) -> [Int] {
    var found: [Int] = []
    segment.stringBytes.withUnsafeBytes { bytes in
      func add(_ number: Int, from hit: Int) {
        let range = segment.stringRange(number)
        if segment.stringUses[number] & use.rawValue != 0, hit <= range.upperBound,
          test.holds(UnsafeRawBufferPointer(rebasing: bytes[range]))
        {
          found.append(number)
        }
      }
      guard !test.text.isEmpty else {
        for number in segment.stringUses.indices where found.count < limit { add(number, from: 0) }
        return
      }
      var from = 0
      while found.count < limit,
        let hit = ByteSearch.firstIndex(of: test.text, in: bytes, from: from)
      {
        let number = segment.stringHolding(hit)
        let end = segment.stringRange(number).upperBound
        add(number, from: hit + test.text.count)
        // Across the end of a string it may begin anew within the next.
        from = hit + test.text.count <= end ? end : hit + 1
      }
    }
    return found
  }

  /// Whether a pattern may hold the text; its marks stand for digits, decimal or hexadecimal.
  private func hasPattern(_ test: ValueTest) -> Bool {
    segment.stringUses.indices.contains(where: { number in
      guard segment.stringUses[number] & SegmentStrings.Use.pattern.rawValue != 0 else {
        return false
      }
      let pattern = segment.string(UInt32(number))
      let constants = LineShape.constants(of: pattern)
      let ways = TextAlignment.ways(of: test, in: constants.map { pattern[$0] }) { slot, test in
        let isDecimal = pattern[constants[slot].upperBound] == PatternColumn.digits
        return test.text.allSatisfy {
          $0 &- 0x30 <= 9 || !isDecimal && ($0 | 0x20) &- 0x61 < 6
        }
      }
      return ways.map { !$0.isEmpty } ?? true
    })
  }

  // MARK: fields

  private func isPossible(
    _ condition: FieldCondition, _ request: FieldRequest, _ shape: UInt32, _ block: BlockSummary,
    _ filter: () -> FuseFilter?
  ) -> Bool {
    switch BlockFields.place(request, Int(shape), segment) {
    case .unknown: return true
    case .absent:
      return FieldDecision.decide(condition.test, nil as ColumnData?).absent
        != FieldDecision.fails
    case .column(let column):
      guard let summary = block.column(column) else { return true }
      switch condition.test {
      case .number(let comparison, let limit):
        guard summary.form == .numbers else { return true }
        let unit = Double(NumberStyle.powers[summary.scale])
        return comparison.mayHold(
          Double(summary.least) / unit...Double(summary.most) / unit, limit)
      case .equals(let text) where !text.isEmpty:
        let test = ValueTest(anchor: .whole, text: text)
        return mayPass(test, summary) && passesFilter(test, summary, filter)
      default: return true
      }
    }
  }
}

extension BlockSummary {
  /// The summary of a column of the block.
  func column(_ number: UInt32) -> ColumnSummary? {
    var low = 0
    var high = columns.count
    while low < high {
      let middle = (low + high) / 2
      if columns[middle].column < number { low = middle + 1 } else { high = middle }
    }
    return low < columns.count && columns[low].column == number ? columns[low] : nil
  }
}

extension LineCondition.Test {
  /// A text that every line must hold for which the test holds; nil when none is known.
  fileprivate var valueTest: ValueTest? {
    switch self {
    case .contains(let text): ValueTest(anchor: .anywhere, text: text)
    case .equals(let text): ValueTest(anchor: .whole, text: text)
    case .matches, .holds: requiredLiteral.map { ValueTest(anchor: .anywhere, text: $0) }
    }
  }
}

extension FieldCondition.Comparison {
  /// Whether some number of `range` compares so with `limit`.
  fileprivate func mayHold(_ range: ClosedRange<Double>, _ limit: Double) -> Bool {
    switch self {
    case .equal: range.contains(limit)
    case .notEqual: range.lowerBound != limit || range.upperBound != limit
    case .less, .lessOrEqual: holds(range.lowerBound, limit)
    case .greater, .greaterOrEqual: holds(range.upperBound, limit)
    }
  }
}

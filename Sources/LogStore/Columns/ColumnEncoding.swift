import Bytes

/// How the values of a column are kept: the first byte of its description.
enum ColumnForm: UInt8 {
  /// All the same: a string of the segment.
  case constant = 0
  /// The row's own time, written in a layout.
  case rowTime = 1
  /// Few distinct ones: strings of the segment, and a code for each value.
  case dictionary = 2
  /// Decimal numbers of one style.
  case numbers = 3
  /// Hexadecimal digits of one length, two in a byte.
  case hexadecimal = 4
  /// Patterns with marks for digits, and columns of these.
  case patterns = 5
  /// Words with one blank between them.
  case words = 6
  /// Texts one after another.
  case raw = 7
}

/// The values of a column on their way into a block.
struct ColumnValues {
  /// Where the values lie; valid as long as the column is being written.
  let bytes: UnsafeRawBufferPointer
  var starts: [UInt32] = []
  var ends: [UInt32] = []
  /// The row of each value.
  var rows: [UInt32] = []

  var count: Int { starts.count }

  @inline(__always)
  func value(_ index: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      start: bytes.baseAddress.map { $0 + Int(starts[index]) },
      count: Int(ends[index] - starts[index]))
  }
}

/// Writes columns: finds for each the form in which it is smallest, and keeps to it.
///
/// Description, in the block's header (strings are numbers of the segment's):
///
///     constant     0 | string
///     rowTime      1 | layout
///     dictionary   2 | strings: count, each as varint | codes: 0 to 2 streams
///     numbers      3 | form, scale, width, isDelta: 1 byte each | least: zigzag
///                    | most - least: varint | with isDelta: first - least: varint
///                    | planes: varint | that many streams
///     hexadecimal  4 | style, width: 1 byte each | 1 stream
///     patterns     5 | strings | codes | columns: varint | each column
///     words        6 | strings | length width: varint, that many streams | words: varint | codes
///     raw          7 | length width: varint, that many streams | 1 stream
struct ColumnWriter {
  var header: [UInt8] = []
  var streams = ByteStreamWriter()
  /// Hashes of values that the block's filter is made of.
  var filterKeys: [UInt64] = []
  /// What the segment's index says of the columns that were written.
  var summaries: [ColumnSummary] = []
  private var table = ByteHashTable()

  static let dictionaryMax = 4096
  static let wordsMax = 65_536
  static let depthMax = 2

  /// Writes a column; `last` is the form that it had in the block before, to try first.
  mutating func write(
    _ column: UInt32, _ values: ColumnValues, _ times: UnsafeBufferPointer<Int64>, _ last: UInt8,
    _ strings: inout SegmentStrings
  ) -> ColumnForm {
    var summary = ColumnSummary(column: column)
    let form = write(values, times, ColumnForm(rawValue: last), 0, &summary, &strings)
    summary.form = form
    summaries.append(summary)
    return form
  }

  private mutating func write(
    _ values: ColumnValues, _ times: UnsafeBufferPointer<Int64>, _ last: ColumnForm?, _ depth: Int,
    _ summary: inout ColumnSummary, _ strings: inout SegmentStrings
  ) -> ColumnForm {
    if writeConstant(values, summary, &strings) { return .constant }
    if depth == 0, writeRowTime(values, times) { return .rowTime }
    if last == .patterns || last == .words,
      writeTexts(values, times, last, depth, &summary, &strings)
    {
      return last ?? .raw
    }
    if last != .dictionary {
      if writeNumbers(values, &summary) { return .numbers }
      if writeHexadecimal(values, &summary) { return .hexadecimal }
    }
    if writeDictionary(values, summary, &strings) { return .dictionary }
    if last == .dictionary {
      if writeNumbers(values, &summary) { return .numbers }
      if writeHexadecimal(values, &summary) { return .hexadecimal }
    }
    if writeTexts(values, times, .patterns, depth, &summary, &strings) { return .patterns }
    if writeTexts(values, times, .words, depth, &summary, &strings) { return .words }
    writeRaw(values, &summary)
    return .raw
  }

  private mutating func writeTexts(
    _ values: ColumnValues, _ times: UnsafeBufferPointer<Int64>, _ form: ColumnForm?, _ depth: Int,
    _ summary: inout ColumnSummary, _ strings: inout SegmentStrings
  ) -> Bool {
    switch form {
    case .patterns:
      return depth == 0 && writePatterns(values, times, &summary, &strings)
    case .words: return depth == 0 && writeWords(values, &strings)
    default: return false
    }
  }

  // MARK: simple forms

  private mutating func writeConstant(
    _ values: ColumnValues, _ summary: ColumnSummary, _ strings: inout SegmentStrings
  ) -> Bool {
    let first = values.value(0)
    for index in 1..<max(1, values.count) {
      let value = values.value(index)
      guard value.count == first.count, value.elementsEqual(first) else { return false }
    }
    guard first.count <= 256, let number = strings.number(first, .value) else { return false }
    filterKeys.append(FuseFilter.key(summary.column, first))
    header.append(ColumnForm.constant.rawValue)
    header.appendVarint(UInt64(number))
    return true
  }

  private mutating func writeRowTime(
    _ values: ColumnValues, _ times: UnsafeBufferPointer<Int64>
  ) -> Bool {
    let first = values.value(0)
    guard first.count >= 8, first.count <= 40,
      let layout = RowTimeLayout.layouts(ofLength: first.count).first(where: { layout in
        var text: [UInt8] = []
        var writer = RowTimeWriter(layout)
        writer.append(times[Int(values.rows[0])], to: &text)
        return text.elementsEqual(first)
      })
    else { return false }
    var writer = RowTimeWriter(layout)
    var text: [UInt8] = []
    for index in 0..<values.count {
      text.removeAll(keepingCapacity: true)
      writer.append(times[Int(values.rows[index])], to: &text)
      let value = values.value(index)
      guard value.count == text.count, text.elementsEqual(value) else { return false }
    }
    header.append(ColumnForm.rowTime.rawValue)
    header.append(layout.rawValue)
    return true
  }

  private mutating func writeNumbers(_ values: ColumnValues, _ summary: inout ColumnSummary) -> Bool
  {
    var reader = NumberColumnReader()
    for index in 0..<values.count where !reader.add(values.value(index)) { return false }
    guard let style = reader.finish() else { return false }
    let numbers = reader.mantissas
    var least = numbers[0]
    var most = numbers[0]
    var previous = numbers[0]
    var deltaBits: UInt64 = 0
    for number in numbers {
      least = min(least, number)
      most = max(most, number)
      deltaBits |= Self.zigzag(number &- previous)
      previous = number
    }
    let planeWidth = Self.byteWidth(UInt64(bitPattern: most &- least))
    let deltaWidth = Self.byteWidth(deltaBits)
    let isDelta = deltaWidth < planeWidth
    header.append(ColumnForm.numbers.rawValue)
    header.append(style.form.rawValue)
    header.append(UInt8(style.scale))
    header.append(UInt8(style.width))
    header.append(isDelta ? 1 : 0)
    let base = isDelta ? numbers[0] : least
    header.appendZigZag(least)
    header.appendVarint(UInt64(bitPattern: most &- least))
    if isDelta { header.appendVarint(UInt64(bitPattern: base &- least)) }
    summary.note(least, most, style)
    let width = min(planeWidth, deltaWidth)
    header.appendVarint(UInt64(width))
    previous = base
    streams.add(
      planes: width,
      of: numbers.map { number in
        defer { previous = number }
        return isDelta ? Self.zigzag(number &- previous) : UInt64(bitPattern: number &- base)
      })
    return true
  }

  static func zigzag(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: (value << 1) ^ (value >> 63))
  }

  static func byteWidth(_ value: UInt64) -> Int { (64 - value.leadingZeroBitCount + 7) / 8 }

  private mutating func writeHexadecimal(_ values: ColumnValues, _ summary: inout ColumnSummary)
    -> Bool
  {
    guard let style = HexadecimalStyle(values.value(0)) else { return false }
    var packed: [UInt8] = []
    packed.reserveCapacity(values.count * style.byteCount)
    let first = filterKeys.count
    for index in 0..<values.count {
      guard style.pack(values.value(index), to: &packed) else {
        filterKeys.removeSubrange(first...)
        return false
      }
    }
    // Where ids repeat much, the codes of a dictionary are smaller; that is tried next.
    packed.withUnsafeBytes { packed in
      for index in 0..<values.count {
        let bytes = UnsafeRawBufferPointer(
          rebasing: packed[(index * style.byteCount)..<((index + 1) * style.byteCount)])
        filterKeys.append(FuseFilter.key(summary.column, bytes))
      }
    }
    if values.count >= 64, Set(filterKeys[first...]).count * 4 < values.count {
      filterKeys.removeSubrange(first...)
      return false
    }
    header.append(ColumnForm.hexadecimal.rawValue)
    header.append(style.form.rawValue)
    header.append(UInt8(style.width))
    summary.hexadecimal = style
    _ = streams.add(packed)
    return true
  }

  private mutating func writeDictionary(
    _ values: ColumnValues, _ summary: ColumnSummary, _ strings: inout SegmentStrings
  ) -> Bool {
    let limit = min(Self.dictionaryMax, max(16, values.count / 6))
    table.removeAll()
    var codes: [UInt16] = []
    codes.reserveCapacity(values.count)
    var firsts: [Int] = []
    for index in 0..<values.count {
      let value = values.value(index)
      let hash = ByteHashTable.hash(value)
      let known = table.find(hash) { code in
        let other = values.value(firsts[Int(code)])
        return other.count == value.count && other.elementsEqual(value)
      }
      if let known {
        codes.append(UInt16(known))
        continue
      }
      guard firsts.count < limit, value.count <= 1024 else { return false }
      table.insert(hash, UInt32(firsts.count))
      codes.append(UInt16(firsts.count))
      firsts.append(index)
    }
    // A dictionary that is used once is no dictionary.
    guard values.count > firsts.count || values.count < 8 else { return false }
    var numbers: [UInt32] = []
    for first in firsts {
      guard let number = strings.number(values.value(first), .value) else { return false }
      numbers.append(number)
    }
    for first in firsts {
      filterKeys.append(FuseFilter.key(summary.column, values.value(first)))
    }
    header.append(ColumnForm.dictionary.rawValue)
    append(numbers)
    CodeColumn.append(codes, limit: numbers.count, to: &streams)
    return true
  }

  private mutating func append(_ numbers: [UInt32]) {
    header.appendVarint(UInt64(numbers.count))
    for number in numbers { header.appendVarint(UInt64(number)) }
  }

  // MARK: texts

  private mutating func writePatterns(
    _ values: ColumnValues, _ times: UnsafeBufferPointer<Int64>, _ summary: inout ColumnSummary,
    _ strings: inout SegmentStrings
  ) -> Bool {
    var patterns = PatternColumn()
    guard patterns.read(values) else { return false }
    var numbers: [UInt32] = []
    for pattern in patterns.patterns {
      guard let number = pattern.withUnsafeBytes({ strings.number($0, .pattern) }) else {
        return false
      }
      numbers.append(number)
    }
    header.append(ColumnForm.patterns.rawValue)
    append(numbers)
    CodeColumn.append(patterns.codes, limit: numbers.count, to: &streams)
    header.appendVarint(UInt64(patterns.columns.count))
    for column in patterns.columns {
      let form = write(column, times, nil, 1, &summary, &strings)
      if form == .raw || form == .dictionary || form == .constant { summary.hasTextParts = true }
    }
    return true
  }

  private mutating func writeWords(_ values: ColumnValues, _ strings: inout SegmentStrings)
    -> Bool
  {
    var words = WordColumn()
    guard words.read(values, &table, Self.wordsMax) else { return false }
    var numbers: [UInt32] = []
    for (start, end) in words.distinct {
      let word = UnsafeRawBufferPointer(rebasing: values.bytes[start..<end])
      guard let number = strings.number(word, .word) else { return false }
      numbers.append(number)
    }
    header.append(ColumnForm.words.rawValue)
    append(numbers)
    appendLengths(words.counts)
    header.appendVarint(UInt64(words.codes.count))
    CodeColumn.append(words.codes, limit: numbers.count, to: &streams)
    return true
  }

  private mutating func writeRaw(_ values: ColumnValues, _ summary: inout ColumnSummary) {
    header.append(ColumnForm.raw.rawValue)
    appendLengths((0..<values.count).map { UInt64(values.ends[$0] - values.starts[$0]) })
    var bytes: [UInt8] = []
    for index in 0..<values.count { bytes.append(contentsOf: values.value(index)) }
    _ = streams.add(bytes)
    summary.hasTextParts = true
    summary.isUnfiltered = !addFilterKeys(summary.column, values) || summary.isUnfiltered
  }

  private mutating func appendLengths(_ lengths: [UInt64]) {
    let width = Self.byteWidth(lengths.reduce(0, |))
    header.appendVarint(UInt64(width))
    streams.add(planes: width, of: lengths)
  }

  /// Adds all runs of four bytes of the values to the block's filter; false where they would be
  /// too many to be worth it.
  private mutating func addFilterKeys(_ column: UInt32, _ values: ColumnValues) -> Bool {
    var runs: Set<UInt32> = []
    for index in 0..<values.count {
      let value = values.value(index)
      guard value.count >= 4 else { continue }
      for at in 0...(value.count - 4) {
        runs.insert(value.loadUnaligned(fromByteOffset: at, as: UInt32.self))
      }
      if runs.count > FuseFilter.runsMax { return false }
    }
    for run in runs { filterKeys.append(FuseFilter.key(column, run: run)) }
    return true
  }
}

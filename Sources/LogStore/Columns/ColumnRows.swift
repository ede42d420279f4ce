import Bytes
import TelemetryModel

/// Rows of a column block while a scan looks at them: conditions are decided on constants and
/// columns, and a line is put together when it is asked for.
final class ColumnRows: LoadedRows {
  let mayRepeat = false
  private let block: ColumnBlock
  private var columns: BlockColumns
  private var times: [Timestamp]?
  private var data: [UInt32: ColumnData] = [:]
  /// For columns that not all rows have, the place of each row's value.
  private var places: [UInt32: [UInt32]] = [:]
  /// What a shape needs to make a line.
  private struct Renderer {
    var text: [UInt8]
    var constants: [Range<Int>]
    var columns: [ColumnData]
    var places: [[UInt32]]
  }

  private var renderers: [Renderer?]
  private var metadataLists: [[UInt8]: [Label]] = [:]

  var inflatedCount: Int { columns.inflatedCount }

  init(_ block: ColumnBlock) throws(LogStoreError) {
    self.block = block
    columns = try BlockColumns(block)
    renderers = Array(repeating: nil, count: columns.lines.shapes.count)
  }

  func timestamps() throws(LogStoreError) -> [Timestamp] {
    if let times { return times }
    let made = try columns.timestamps()
    times = made
    return made
  }

  // MARK: columns

  /// Whether rows with this shape code have the column, for each code.
  private func holders(_ column: UInt32) -> (codes: BlockColumns.ShapeCodes, has: [Bool]) {
    let isMetadata = block.segment.columns[Int(column)].kind == .metadata
    let codes = isMetadata ? columns.metadata : columns.lines
    let has = codes.shapes.map { block.segment.shapes[Int($0)].columns.contains(column) }
    return (codes, has)
  }

  /// The values of a column, and for each row the place of its value; empty where that is the
  /// row's own number.
  func column(_ number: UInt32) throws(LogStoreError) -> (ColumnData, [UInt32]) {
    if let known = data[number] { return (known, places[number] ?? []) }
    let (codes, has) = holders(number)
    var own: [UInt32] = []
    var count = block.rowCount
    if !has.allSatisfy({ $0 }) {
      own.reserveCapacity(count)
      var next: UInt32 = 0
      for code in codes.codes {
        if has[Int(code)] {
          own.append(next)
          next += 1
        } else {
          own.append(.max)
        }
      }
      count = Int(next)
    }
    var rowTimes: [Int64] = []
    if case .rowTime = columns.description(number) {
      let times = try timestamps()
      for row in times.indices where own.isEmpty || own[row] != .max {
        rowTimes.append(times[row].nanoseconds)
      }
    }
    let made = try columns.data(number, count: count, times: rowTimes)
    data[number] = made
    places[number] = own
    return (made, own)
  }

  // MARK: lines

  private func renderer(_ code: Int) throws(LogStoreError) -> Renderer {
    if let known = renderers[code] { return known }
    let shape = block.segment.shapes[Int(columns.lines.shapes[code])]
    var made = Renderer(text: shape.text, constants: shape.constants, columns: [], places: [])
    for number in shape.columns {
      let (data, places) = try column(number)
      made.columns.append(data)
      made.places.append(places)
    }
    renderers[code] = made
    return made
  }

  func appendLine(_ row: Int, to out: inout [UInt8]) {
    // A block whose page was right and whose columns are not is a fault of its writer; its lines
    // are then empty.
    guard let made = try? renderer(Int(columns.lines.codes[row])) else { return }
    made.text.withUnsafeBytes { text in
      for slot in made.columns.indices {
        out.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[made.constants[slot]]))
        let places = made.places[slot]
        made.columns[slot].append(places.isEmpty ? row : Int(places[row]), to: &out)
      }
      out.append(
        contentsOf: UnsafeRawBufferPointer(rebasing: text[made.constants[made.columns.count]]))
    }
  }

  func lineLength(_ row: Int) -> Int {
    var line: [UInt8] = []
    appendLine(row, to: &line)
    return line.count
  }

  // MARK: metadata

  func metadata(_ row: Int) throws(LogStoreError) -> [Label] {
    guard !columns.metadata.codes.isEmpty else { return [] }
    let shape = columns.metadata.shapes[Int(columns.metadata.codes[row])]
    let numbers = block.segment.shapes[Int(shape)].columns
    var texts: [UInt8] = []
    var ends: [Int] = []
    for number in numbers {
      let (data, places) = try column(number)
      data.append(places.isEmpty ? row : Int(places[row]), to: &texts)
      ends.append(texts.count)
    }
    var key = texts
    for end in ends { key.appendVarint(UInt64(end)) }
    key.appendVarint(UInt64(shape))
    if let known = metadataLists[key] { return known }
    var list: [Label] = []
    var start = 0
    for (number, end) in zip(numbers, ends) {
      list.append(
        Label(
          String(decoding: block.segment.columns[Int(number)].name, as: UTF8.self),
          String(decoding: texts[start..<end], as: UTF8.self)))
      start = end
    }
    if metadataLists.count < 4096 { metadataLists[key] = list }
    return list
  }

  /// Lists of a shape whose columns have few values each: found by the values' codes.
  private final class MetadataTable {
    /// The codes of a column, the places of its values by row, and what a code counts for.
    let columns: [(codes: [UInt16], places: [UInt32], weight: Int)]
    var lists: [[Label]?]

    static let sizeMax = 4096

    /// Nil when a column is no dictionary, or there are too many ways to combine values.
    init?(_ data: [(ColumnData, [UInt32])]) {
      var columns: [(codes: [UInt16], places: [UInt32], weight: Int)] = []
      var size = 1
      for (column, places) in data {
        if column is ConstantData { continue }
        guard let dictionary = column as? DictionaryData else { return nil }
        columns.append((dictionary.codes, places, size))
        size *= dictionary.values.count
        guard size <= Self.sizeMax else { return nil }
      }
      self.columns = columns
      lists = Array(repeating: nil, count: size)
    }

    @inline(__always)
    func place(_ row: Int) -> Int {
      var place = 0
      for column in columns {
        let index = column.places.isEmpty ? row : Int(column.places[row])
        place += Int(column.codes[index]) * column.weight
      }
      return place
    }
  }

  private func metadata(of rows: [UInt32]) throws(LogStoreError) -> [[Label]] {
    var tables: [MetadataTable?] = []
    for shape in columns.metadata.shapes {
      var data: [(ColumnData, [UInt32])] = []
      for number in block.segment.shapes[Int(shape)].columns { data.append(try column(number)) }
      tables.append(MetadataTable(data))
    }
    let codes = columns.metadata.codes
    var lists: [[Label]] = []
    lists.reserveCapacity(rows.count)
    for row in rows {
      guard let table = tables[Int(codes[Int(row)])] else {
        lists.append(try metadata(Int(row)))
        continue
      }
      let place = table.place(Int(row))
      if let known = table.lists[place] {
        lists.append(known)
      } else {
        let made = try metadata(Int(row))
        table.lists[place] = made
        lists.append(made)
      }
    }
    return lists
  }

  // MARK: choosing

  func select(_ runs: [ChosenRun], _ conditions: ScanConditions) throws(LogStoreError)
    -> [ChosenRun]
  {
    var runs = runs
    for literal in conditions.hints {
      runs = try kept(runs, LineCondition([.contains(literal)]))
      if runs.isEmpty { return [] }
    }
    for condition in conditions.conditions {
      runs = try kept(runs, condition)
      if runs.isEmpty { return [] }
    }
    return runs
  }

  private func kept(_ runs: [ChosenRun], _ condition: LineCondition) throws(LogStoreError)
    -> [ChosenRun]
  {
    let decisions = try Decisions(condition, self)
    let (isNegated, codes) = (condition.isNegated, columns.lines.codes)
    var line: [UInt8] = []
    return runs.compactMap { run in
      var run = run
      run.rows = run.rows.filtered { row in
        switch decisions.decide(row, Int(codes[row])) {
        case .holds: return !isNegated
        case .fails: return isNegated
        case .unknown:
          line.removeAll(keepingCapacity: true)
          appendLine(row, to: &line)
          return line.withUnsafeBytes { condition.holds($0) }
        }
      }
      return run.rows.count > 0 ? run : nil
    }
  }

  /// What constants and columns say of a condition's tests, before its negation.
  private struct Decisions {
    enum Decision { case holds, fails, unknown }

    /// One way in which the text of a test lies in lines of a shape.
    private struct Way {
      var tests: [(flags: [UInt8], places: [UInt32])]
      /// Whether rows for which it holds must still be looked at as text.
      var isCandidate: Bool
    }

    private enum ShapeDecision {
      case certain(Decision)
      case ways([Way])
    }

    private var shapes: [ShapeDecision] = []

    init(_ condition: LineCondition, _ rows: ColumnRows) throws(LogStoreError) {
      for code in rows.columns.lines.shapes.indices {
        shapes.append(try Self.decision(condition, code, rows))
      }
    }

    private static func decision(
      _ condition: LineCondition, _ code: Int, _ rows: ColumnRows
    ) throws(LogStoreError) -> ShapeDecision {
      var all: [Way] = []
      for test in condition.anyOf {
        var isCandidate = true
        let wanted: ValueTest
        switch test {
        case .contains(let text):
          wanted = ValueTest(anchor: .anywhere, text: text)
          isCandidate = false
        case .equals(let text):
          wanted = ValueTest(anchor: .whole, text: text)
          isCandidate = false
        case .matches, .holds:
          guard let literal = test.requiredLiteral else { return .certain(.unknown) }
          wanted = ValueTest(anchor: .anywhere, text: literal)
        }
        guard let ways = try rows.ways(wanted, code) else { return .certain(.unknown) }
        for way in ways {
          if way.isEmpty, !isCandidate { return .certain(.holds) }
          all.append(Way(tests: way, isCandidate: isCandidate))
        }
      }
      return all.isEmpty ? .certain(.fails) : .ways(all)
    }

    @inline(__always)
    func decide(_ row: Int, _ code: Int) -> Decision {
      switch shapes[code] {
      case .certain(let decision): return decision
      case .ways(let ways):
        var decision = Decision.fails
        for way in ways {
          var holds = true
          for test in way.tests {
            let place = test.places.isEmpty ? row : Int(test.places[row])
            if test.flags[place] == 0 {
              holds = false
              break
            }
          }
          guard holds else { continue }
          if !way.isCandidate { return .holds }
          decision = .unknown
        }
        return decision
      }
    }
  }

  /// The ways of a text in the lines of a shape, with the values that pass; those that no value
  /// passes are gone, and tests that all pass too.
  private func ways(_ wanted: ValueTest, _ code: Int) throws(LogStoreError)
    -> [[(flags: [UInt8], places: [UInt32])]]?
  {
    let shape = block.segment.shapes[Int(columns.lines.shapes[code])]
    var known: [SlotTest: ValueMatches] = [:]
    var failure: LogStoreError?
    let ways = TextAlignment.ways(
      of: wanted, in: shape.constants.map { shape.text[$0] }
    ) { slot, test in
      let key = SlotTest(slot: slot, test: test)
      if let matches = known[key] { if case .none = matches { return false } else { return true } }
      do throws(LogStoreError) {
        let number = shape.columns[slot]
        guard try mayPass(number, test) else {
          known[key] = ValueMatches.none
          return false
        }
        let matches = try column(number).0.matches(test)
        known[key] = matches
        if case .none = matches { return false }
      } catch { failure = error }
      return true
    }
    if let failure { throw failure }
    guard let ways else { return nil }
    var found: [[(flags: [UInt8], places: [UInt32])]] = []
    for way in ways {
      var tests: [(flags: [UInt8], places: [UInt32])] = []
      for test in way {
        if let matches = known[test], case .some(let flags) = matches {
          tests.append((flags, try column(shape.columns[test.slot]).1))
        }
      }
      found.append(tests)
    }
    return found
  }

  /// Whether a value of the column may pass, by its description alone.
  private func mayPass(_ column: UInt32, _ test: ValueTest) throws(LogStoreError) -> Bool {
    switch columns.description(column) {
    case .numbers: NumberData.mayHold(test.text)
    case .hexadecimal(let style, _):
      test.text.count <= style.width && test.text.allSatisfy { style.mayHold($0) }
    case .rowTime: RowTimeLayout.mayHold(test.text)
    default: true
    }
  }

  // MARK: handing on

  func batches(_ runs: [ChosenRun], _ scan: LogScan) throws(LogStoreError) -> [LogRows] {
    guard !scan.fields.isEmpty else {
      return try batch(runs, scan, [], isDecided: scan.fieldConditions.isEmpty).map { [$0] } ?? []
    }
    let fields = try BlockFields(scan, self, block.segment, columns.lines, columns.metadata)
    let (decided, open) = try fields.split(runs)
    var batches: [LogRows] = []
    if let batch = try batch(decided, scan, fields.columns, isDecided: true) {
      batches.append(batch)
    }
    if let batch = try batch(open, scan, [], isDecided: scan.fieldConditions.isEmpty) {
      batches.append(batch)
    }
    return batches
  }

  private func batch(
    _ runs: [ChosenRun], _ scan: LogScan, _ fields: [BlockFields.Field], isDecided: Bool
  ) throws(LogStoreError) -> LogRows? {
    let made = BatchRuns(runs)
    guard made.count > 0 else { return nil }
    let rows = made.rows
    var lists: [[Label]] = []
    if scan.wants.contains(.metadata), !columns.metadata.codes.isEmpty {
      lists = try metadata(of: rows)
    }
    var fieldColumns: [FieldColumn?] = []
    for field in fields { fieldColumns.append(try field.values(rows)) }
    return LogRows(
      runs: made.runs, timestamps: made.pick(try timestamps()), lines: try lines(rows, scan),
      structuredMetadata: lists, columns: fieldColumns, isDecided: isDecided, places: rows)
  }

  private func lines(_ rows: [UInt32], _ scan: LogScan) throws(LogStoreError) -> LogRows.Lines {
    guard scan.wants.contains(.lines) else {
      return .source(self, rows: rows, scratch: LineScratch())
    }
    for code in renderers.indices { _ = try renderer(code) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(
      block.lineByteCount / max(1, block.rowCount) * rows.count + 1024)
    var starts: [UInt32] = []
    var ends: [UInt32] = []
    for row in rows {
      starts.append(UInt32(bytes.count))
      appendLine(Int(row), to: &bytes)
      ends.append(UInt32(bytes.count))
    }
    return .text(bytes: bytes, starts: starts, ends: ends)
  }
}

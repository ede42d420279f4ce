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
  private var shapeRanks: ShapeRanks?
  /// What a shape needs to make a line.
  private final class Renderer {
    let text: [UInt8]
    /// Each column with the place of each row's value, and the constant before it.
    let slots: [(constant: Range<Int>, data: ColumnData, places: [UInt32])]
    let last: Range<Int>

    init(
      _ text: [UInt8], _ slots: [(constant: Range<Int>, data: ColumnData, places: [UInt32])],
      last: Range<Int>
    ) {
      self.text = text
      self.slots = slots
      self.last = last
    }

    func append(_ row: Int, to out: inout [UInt8]) {
      text.withUnsafeBytes { text in
        slots.withUnsafeBufferPointer { slots in
          for slot in slots.indices {
            out.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[slots[slot].constant]))
            let place = slots[slot].places.isEmpty ? row : Int(slots[slot].places[row])
            slots[slot].data.append(place, to: &out)
          }
        }
        out.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[last]))
      }
    }
  }

  private var renderers: [Renderer?]
  private var lineCodes: ShapeCodes?
  private var metadataLists: MetadataLists?

  var inflatedCount: Int { columns.inflatedCount }
  var readCount: Int { columns.readCount }
  var segment: SegmentColumns { block.segment }
  /// Distinct shapes of lines and of metadata, by their numbers in the segment.
  let lineShapes: [UInt32]
  let metadataShapes: [UInt32]

  init(_ block: ColumnBlock) throws(LogStoreError) {
    self.block = block
    columns = try BlockColumns(block)
    lineShapes = columns.lineShapes
    metadataShapes = columns.metadataShapes
    renderers = Array(repeating: nil, count: lineShapes.count)
  }

  func timestamps() throws(LogStoreError) -> [Timestamp] {
    if let times { return times }
    let made = try columns.timestamps()
    times = made
    return made
  }

  // MARK: columns

  func lines() throws(LogStoreError) -> ShapeCodes {
    if let lineCodes { return lineCodes }
    let made = try columns.lines()
    lineCodes = made
    return made
  }

  func metadataCodes() throws(LogStoreError) -> ShapeCodes { try columns.metadata() }

  /// The values of a column, and for each row that has one the place of its value; empty where
  /// that is the row's own number. Rows without one have `UInt32.max`, but for slots of a text
  /// shape, where they have the place of their own shape's.
  func column(_ number: UInt32) throws(LogStoreError) -> (ColumnData, [UInt32]) {
    if let known = data[number] { return (known, places[number] ?? []) }
    let own = try ownPlaces(number)
    var rowTimes: [Int64] = []
    if case .rowTime = try columns.description(number) {
      let (times, codes) = (try timestamps(), try lines())
      for row in times.indices where own.has(row, codes) {
        rowTimes.append(times[row].nanoseconds)
      }
    }
    let made = try columns.data(number, count: own.count, times: rowTimes)
    data[number] = made
    places[number] = own.places
    return (made, own.places)
  }

  /// Where the values of a column lie.
  private struct OwnPlaces {
    var places: [UInt32]
    /// How many values there are.
    var count: Int
    /// The shape that alone has the column, by its code, where `places` are the ranks of all rows.
    var code: Int?

    func has(_ row: Int, _ codes: ShapeCodes) -> Bool {
      if let code { return codes.code(row) == code }
      return places.isEmpty || places[row] != .max
    }
  }

  /// The place of each row among the rows of its shape, which all slots of text shapes share: a
  /// block can have thousands of them.
  private struct ShapeRanks {
    var ranks: [UInt32] = []
    /// Rows of each shape.
    var counts: [UInt32]
    /// The code of the shape that has a column; of several the last, and these are `shared`.
    var owners: [UInt32: Int] = [:]
    var shared: Set<UInt32> = []

    init(
      _ codes: ShapeCodes, _ metadataShapes: [UInt32], rowCount: Int, _ segment: SegmentColumns
    ) {
      counts = Array(repeating: 0, count: codes.shapes.count)
      ranks.reserveCapacity(rowCount)
      for row in 0..<rowCount {
        let code = codes.code(row)
        ranks.append(counts[code])
        counts[code] += 1
      }
      for (code, shape) in codes.shapes.enumerated() {
        for column in segment.shapes[Int(shape)].columns
        where owners.updateValue(code, forKey: column) != nil {
          shared.insert(column)
        }
      }
      for shape in metadataShapes { shared.formUnion(segment.shapes[Int(shape)].columns) }
    }
  }

  private func ranks() throws(LogStoreError) -> ShapeRanks {
    if let shapeRanks { return shapeRanks }
    let made = ShapeRanks(
      try lines(), metadataShapes, rowCount: block.rowCount, segment)
    shapeRanks = made
    return made
  }

  private func ownPlaces(_ column: UInt32) throws(LogStoreError) -> OwnPlaces {
    let kind = segment.columns[Int(column)].kind
    if kind == .slot, lineShapes.count > 1 {
      let ranks = try ranks()
      if let code = ranks.owners[column], !ranks.shared.contains(column) {
        return OwnPlaces(places: ranks.ranks, count: Int(ranks.counts[code]), code: code)
      }
    }
    // Whether rows with a shape code have it, for each code.
    let has = (kind == .metadata ? metadataShapes : lineShapes).map {
      segment.shapes[Int($0)].columns.contains(column)
    }
    if has.allSatisfy({ $0 }) { return OwnPlaces(places: [], count: block.rowCount) }
    let codes = kind == .metadata ? try metadataCodes() : try lines()
    var next: UInt32 = 0
    let places = RowPlaces(0..<block.rowCount).map { row in
      guard has[codes.code(row)] else { return UInt32.max }
      defer { next += 1 }
      return next
    }
    return OwnPlaces(places: places, count: Int(next))
  }

  // MARK: lines

  private func renderer(_ code: Int) throws(LogStoreError) -> Renderer {
    if let known = renderers[code] { return known }
    let shape = segment.shapes[Int(lineShapes[code])]
    var slots: [(constant: Range<Int>, data: ColumnData, places: [UInt32])] = []
    for (slot, number) in shape.columns.enumerated() {
      let (data, places) = try column(number)
      slots.append((shape.constants[slot], data, places))
    }
    let made = Renderer(shape.text, slots, last: shape.constants[shape.columns.count])
    renderers[code] = made
    return made
  }

  func appendLine(_ row: Int, to out: inout [UInt8]) throws(LogStoreError) {
    try renderer(try lines().code(row)).append(row, to: &out)
  }

  func lineLength(_ row: Int) throws(LogStoreError) -> Int {
    var line: [UInt8] = []
    try appendLine(row, to: &line)
    return line.count
  }

  // MARK: metadata

  func metadata(_ row: Int) throws(LogStoreError) -> [Label] {
    metadataShapes.isEmpty ? [] : try lists().list(row)
  }

  private func lists() throws(LogStoreError) -> MetadataLists {
    if let metadataLists { return metadataLists }
    var all: [[MetadataLists.Column]] = []
    for shape in metadataShapes {
      var own: [MetadataLists.Column] = []
      for number in segment.shapes[Int(shape)].columns {
        let (data, places) = try column(number)
        let name = String(decoding: segment.columns[Int(number)].name, as: UTF8.self)
        own.append(MetadataLists.Column(name: name, data: data, places: places))
      }
      all.append(own)
    }
    let made = MetadataLists(try metadataCodes(), all)
    metadataLists = made
    return made
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
    let (isNegated, codes) = (condition.isNegated, try lines())
    var line: [UInt8] = []
    var kept: [ChosenRun] = []
    for var run in runs {
      run.rows = try run.rows.filtered { (row) throws(LogStoreError) -> Bool in
        switch decisions.decide(row, codes.code(row)) {
        case .holds: return !isNegated
        case .fails: return isNegated
        case .unknown:
          line.removeAll(keepingCapacity: true)
          try appendLine(row, to: &line)
          return line.withUnsafeBytes { condition.holds($0) }
        }
      }
      if run.rows.count > 0 { kept.append(run) }
    }
    return kept
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
      for code in rows.lineShapes.indices {
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
    let shape = segment.shapes[Int(lineShapes[code])]
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
    switch try columns.description(column) {
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
    let fields = try BlockFields(scan, self)
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
    let hasMetadata = scan.wants.contains(.metadata) && !metadataShapes.isEmpty
    // What is sure to be read is read before it is handed on: damage is found in time then.
    if hasMetadata, scan.wants.contains(.lines) { _ = try lists() }
    let lazy = LazyRows(self)
    return LogRows(
      runs: made.runs, timestamps: made.pick(try timestamps()), places: made.places,
      lines: try lines(made.places, scan, lazy), metadata: hasMetadata ? .lazy(lazy) : .none,
      columns: fields.map { $0.values(made.places) }, strings: segment, isDecided: isDecided)
  }

  private func lines(_ rows: RowPlaces, _ scan: LogScan, _ lazy: LazyRows)
    throws(LogStoreError) -> LogRows.Lines
  {
    guard !scan.wants.isDisjoint(with: [.lines, .lineLengths]) else { return .lazy(lazy) }
    let codes = try lines()
    var made: [Renderer] = []
    for code in renderers.indices { made.append(try renderer(code)) }
    guard scan.wants.contains(.lines) else { return .lazy(lazy) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(
      block.lineByteCount / max(1, block.rowCount) * rows.count + 1024)
    var starts: [UInt32] = []
    var ends: [UInt32] = []
    rows.forEach { row in
      starts.append(UInt32(bytes.count))
      made[codes.code(row)].append(row, to: &bytes)
      ends.append(UInt32(bytes.count))
    }
    return .text(bytes: bytes, starts: starts, ends: ends)
  }
}

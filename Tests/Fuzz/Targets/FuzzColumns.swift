import Bytes
@testable import LogStore
import TelemetryModel

/// A target for each form of a column.
let columnTargets: [FuzzTarget] = [
  FuzzTarget("column-constant", fuzzColumn(.constant)),
  FuzzTarget("column-row-time", fuzzColumn(.rowTime)),
  FuzzTarget("column-dictionary", fuzzColumn(.dictionary)),
  FuzzTarget("column-numbers", fuzzColumn(.numbers)),
  FuzzTarget("column-hexadecimal", fuzzColumn(.hexadecimal)),
  FuzzTarget("column-patterns", fuzzColumn(.patterns)),
  FuzzTarget("column-words", fuzzColumn(.words)),
  FuzzTarget("column-raw", fuzzColumn(.raw)),
]

/// A block with one column, whose description and streams are the input's: what is read of it as
/// text and what the column answers of itself must be the same.
///
/// `rows | length, description | length, text to look for | length, stream ...`, one byte each
/// length. The form that the description begins with is the target's.
private func fuzzColumn(_ form: ColumnForm) -> @Sendable (UnsafeRawBufferPointer) -> Void {
  { input in
    var parts = InputParts(input)
    let rows = Int(parts.byte() & 63)
    let description = [form.rawValue] + parts.take()
    let text = parts.take()
    var header: [UInt8] = [0, 1, 0]  // times: all 0
    header += [1, 0, 0]  // lines: one shape; metadata: none
    header += [1, 0]  // one column, the first
    let page = FuzzPage.columns(rows: rows, header: header + description, streams: parts.rest())
    let columns = FuzzPage.wordsAlone(form) ? FuzzPage.words : FuzzPage.strings
    checkRows(of: page, columns, lookingFor: text)
  }
}

/// A block's header as it comes, against a segment with shapes of each kind. The first byte has the
/// rows, and above them whether the block is of the present kind and whether of two streams.
func fuzzBlockHeader(_ input: UnsafeRawBufferPointer) {
  var parts = InputParts(input)
  let first = parts.byte()
  let rows = Int(first & 63)
  let header = parts.take()
  let text = parts.take()
  let page = FuzzPage.columns(
    rows: rows, header: header, streams: parts.rest(),
    kind: first & 64 == 0 ? .columns : .columnsByRun, firstRows: first & 128 == 0 ? nil : rows / 2)
  checkRows(of: page, FuzzPage.shapes, lookingFor: text)
}

/// A plain block's page as it is.
func fuzzPlainBlock(_ input: UnsafeRawBufferPointer) {
  guard let count = input.first, input.count > Int(count) else { return }
  let text = Array(input[1..<(1 + Int(count))])
  let page = [LogBlockKind.plain.rawValue] + Array(input[(1 + Int(count))...])
  checkRows(of: page, FuzzPage.strings, lookingFor: text)
}

/// Lines become a block and are read again; conditions are decided on columns as on text, and the
/// segment's index leaves no block out that has a row for them.
func fuzzLogLines(_ input: UnsafeRawBufferPointer) {
  guard let count = input.first, input.count > Int(count) else { return }
  let text = Array(input[1..<(1 + Int(count))])
  var rows = BlockRows()
  var lines: [[UInt8]] = []
  for line in input[(1 + Int(count))...].split(separator: 0x0a, omittingEmptySubsequences: false) {
    rows.timestamps.append(
      Timestamp(nanoseconds: 1_795_262_400_000_000_000 + Int64(rows.count) * 1_000_000_000))
    rows.lineBytes.append(contentsOf: line)
    rows.lineEnds.append(UInt32(rows.lineBytes.count))
    lines.append(Array(line))
  }
  // The second stream's times begin before those of the first.
  let half = lines.count / 2
  rows.runs = [BlockRows.Run(stream: 1, count: lines.count - half)]
  if half > 0 { rows.runs.insert(BlockRows.Run(stream: 0, count: half), at: 0) }
  rows.timestamps = Array(rows.timestamps[half...] + rows.timestamps[..<half])
  var writer = ColumnBlockWriter()
  let page = writer.page(of: rows)
  guard let columns = try? SegmentColumns(writer.columnsPage()),
    let loaded = try? ColumnBlock(page, columns).load()
  else { preconditionFailure("what was written cannot be read") }
  for (row, line) in lines.enumerated() {
    precondition(textOf(loaded, row) == line, "a line came back as another")
  }
  let times = try? loaded.timestamps()
  precondition(times == rows.timestamps, "times came back as others")
  checkConditions(loaded, lines, text)
  let scan = conditions(text, .anywhere)
  // Every line holds nothing, which is no condition.
  guard let condition = scan.conditions.first,
    lines.contains(where: { $0.withUnsafeBytes { condition.holds($0) } })
  else { return }
  let pruner = SegmentPruner(columns, [], scan) { Array(writer.filters[$0]) }
  precondition(pruner.mayHold(0), "a block with a wanted row is left out")
}

// MARK: checks

private func checkRows(of page: [UInt8], _ columns: SegmentColumns, lookingFor text: [UInt8]) {
  guard let block = try? LogBlocks.open(PageBytes(page), { () throws(LogStoreError) in columns }),
    block.rowCount <= 4096, let loaded = try? block.load()
  else { return }
  _ = try? loaded.timestamps()
  for row in 0..<block.rowCount { _ = try? loaded.metadata(row) }
  guard (try? loaded.select([allRows(block.rowCount)], conditions(text, .anywhere))) != nil,
    isReadable(loaded, block.rowCount)
  else { return }
  var lines: [[UInt8]] = []
  var bytes = 0
  for row in 0..<block.rowCount {
    let line = textOf(loaded, row)
    bytes += line.count
    guard bytes < 1 << 20 else { return }
    lines.append(line)
  }
  checkConditions(loaded, lines, text)
}

/// Whether every line can be put together: of others only the absence of traps is asked.
private func isReadable(_ rows: any LoadedRows, _ count: Int) -> Bool {
  var scan = LogScan(tenants: [], matchers: [], range: .distantPast ..< .distantFuture)
  scan.wants = [.lines]
  return (try? rows.batches([allRows(count)], scan)) != nil
}

private func checkConditions(_ rows: any LoadedRows, _ lines: [[UInt8]], _ text: [UInt8]) {
  for anchor in [ValueTest.Anchor.anywhere, .whole] {
    let scan = conditions(text, anchor)
    guard let condition = scan.conditions.first else { continue }
    guard let chosen = try? rows.select([allRows(lines.count)], scan) else {
      preconditionFailure("readable rows cannot be searched")
    }
    let found = chosen.flatMap { $0.rows.rows.map(Int.init) }
    let wanted = lines.indices.filter { row in lines[row].withUnsafeBytes { condition.holds($0) } }
    precondition(found == wanted, "columns say \(found), text says \(wanted)")
  }
}

private func conditions(_ text: [UInt8], _ anchor: ValueTest.Anchor) -> ScanConditions {
  var scan = LogScan(tenants: [], matchers: [], range: .distantPast ..< .distantFuture)
  scan.conditions = [LineCondition([anchor == .whole ? .equals(text) : .contains(text)])]
  return ScanConditions(scan)
}

private func allRows(_ count: Int) -> ChosenRun {
  ChosenRun(
    stream: StreamReference(id: 1, tenant: .single, labels: .none), rows: .range(0..<count))
}

private func textOf(_ rows: any LoadedRows, _ row: Int) -> [UInt8] {
  var line: [UInt8] = []
  try? rows.appendLine(row, to: &line)
  return line
}

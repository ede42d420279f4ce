import Bytes
@testable import LogStore
import TelemetryModel
import WireFormats

/// What the column blocks of a segment share, the page uncompressed: what can be read is asked
/// about, and what is written of it can be read.
func fuzzColumnIndex(_ input: UnsafeRawBufferPointer) {
  var parts = InputParts(input)
  let text = parts.take()
  let filters = parts.take()
  let body = Array(input.dropFirst(2 + text.count + filters.count))
  var page: [UInt8] = [1]
  FuzzPage.appendStored(body, to: &page)
  guard let columns = try? SegmentColumns(page) else { return }
  for number in 0..<min(64, columns.stringCount) { _ = columns.string(UInt32(number)) }
  for key in columns.columns where key.kind == .json { _ = ColumnKey.path(of: key.name) }
  var scan = LogScan(tenants: [], matchers: [], range: .distantPast ..< .distantFuture)
  scan.conditions = [LineCondition([.contains(text)])]
  let name = String(decoding: text.prefix(8), as: UTF8.self)
  scan.fields = [.json(path: [name])]
  scan.fieldConditions = [
    FieldCondition(field: 0, label: name, .number(.greater, 90)),
    FieldCondition(field: 0, label: name, .equals(text)),
  ]
  let pruner = SegmentPruner(columns, [], ScanConditions(scan)) { range in
    range.upperBound <= filters.count ? Array(filters[range]) : nil
  }
  for block in 0...columns.blocks.count { _ = pruner.mayHold(block) }
}

/// What a JSON shape says of its paths.
func fuzzJSONShape(_ input: UnsafeRawBufferPointer) {
  let text = Array(input)
  guard let paths = JSONShapePaths(text) else { return }
  precondition(
    paths.slots.count + paths.nulls.count <= text.count, "more values than the shape has bytes")
}

/// A stream index, its body uncompressed. What it holds comes back from what is written of it.
func fuzzStreamIndex(_ input: UnsafeRawBufferPointer) {
  var page: [UInt8] = [input.first.map { $0 & 3 } ?? 0]
  FuzzPage.appendStored(Array(input.dropFirst()), to: &page)
  let table = StreamTable()
  guard let index = try? SegmentIndex.decode(page, table) else { return }
  // Two streams of one tenant with the same labels are not written.
  guard Set(index.streams.map(\.id)).count == index.streams.count else { return }
  guard let again = try? SegmentIndex.decode(index.encode(), table) else {
    preconditionFailure("what was written cannot be read")
  }
  precondition(again.streams.map(\.id) == index.streams.map(\.id), "other streams came back")
  precondition(again.blocks.map(\.page) == index.blocks.map(\.page), "other blocks came back")
  precondition(again.extents == index.extents, "other extents came back")
  precondition(again.columnsPage == index.columnsPage && again.filtersPage == index.filtersPage)
}

/// A filter that is asked; and one that is made of the input's hashes and has to know them all.
func fuzzFuseFilter(_ input: UnsafeRawBufferPointer) {
  var reader = BlockReader(input)
  if let filter = try? FuseFilter(&reader) {
    for key in [0, 1, UInt64.max, 0x9e37_79b9_7f4a_7c15] { _ = filter.mayHold(key) }
    var written: [UInt8] = []
    filter.append(to: &written)
    precondition(written.elementsEqual(input.prefix(reader.position)) || hasLongVarint(input))
  }
  let keys = stride(from: 0, to: input.count - 7, by: 8).map {
    input.loadUnaligned(fromByteOffset: $0, as: UInt64.self)
  }
  guard !keys.isEmpty, let made = FuseFilter(keys) else { return }
  for key in keys { precondition(made.mayHold(key), "a key of the filter is unknown to it") }
}

/// Whether the count of segments stands in more bytes than it takes.
private func hasLongVarint(_ input: UnsafeRawBufferPointer) -> Bool {
  var at = 9
  while at < input.count, input[at] >= 0x80 { at += 1 }
  return at > 9 && at < input.count && input[at] == 0
}

/// A push as the write-ahead log keeps it.
func fuzzPushRecord(_ input: UnsafeRawBufferPointer) {
  guard let push = try? PushRecord.decode(Array(input), decoder) else { return }
  for rows in push.streams {
    precondition(rows.count > 0, "a stream without rows came back")
    precondition(rows.lineEnds.last ?? 0 <= rows.lineBytes.count, "lines end behind their bytes")
    precondition(rows.structuredMetadata.isEmpty || rows.structuredMetadata.count == rows.count)
  }
  let head = LogHead(table: StreamTable())
  head.append(push.streams, tenant: push.tenant)
  precondition(head.rowCount == push.streams.reduce(0) { $0 + $1.count })
}

private let decoder = LokiPushDecoder()

/// The text of a delete request, as the catalog gives it back.
func fuzzDelete(_ input: UnsafeRawBufferPointer) {
  let query = String(decoding: input, as: UTF8.self)
  guard
    let delete = try? RowDelete(
      tenant: .single, query: query, range: .distantPast ... .distantFuture)
  else { return }
  let batch = HeadBatch(rows)
  let stream = StreamReference(id: 1, tenant: .single, labels: rows.labels)
  let run = ChosenRun(stream: stream, rows: .range(0..<batch.count))
  let deletes = StreamDeletes([delete])
  guard let left = try? deletes.surviving(run, TextRows(batch)) else { return }
  guard delete.concerns(stream) else {
    precondition(left.rows.count == batch.count, "rows of another stream are gone")
    return
  }
  let other = ChosenRun(stream: stream, rows: left.rows)
  let again = try? deletes.surviving(other, TextRows(batch))
  precondition(again?.rows.rows == left.rows.rows, "a delete takes more the second time")
}

private let rows: StreamRows = {
  var rows = StreamRows(labels: Labels([Label("app", "web"), Label("env", "prod")]))
  for (index, line) in ["level=info a", "", "error 500", "{\"a\":1}"].enumerated() {
    rows.append(
      LogEntry(
        timestamp: Timestamp(seconds: Int64(index)), line: Array(line.utf8),
        structuredMetadata: index == 2 ? [Label("trace_id", "ab")] : []))
  }
  return rows
}()

import Bytes
import Compression
import LinuxIO
@testable import SpanStore
@testable import Storage
import TelemetryModel
import TestSupport
import TraceFormats
import WireFormats

/// A record of the WAL: two heads make the same of it. When the first byte is odd it is written as
/// a segment, too, which must give every message back to the byte.
func fuzzSpanWAL(_ input: UnsafeRawBufferPointer) {
  guard let mode = input.first else { return }
  let record = WALRecord(
    kind: SpanStore.requestRecord, sequence: 1, payload: Array(input.dropFirst()))
  let head = SpanHead()
  let again = SpanHead()
  let isTaken = (try? head.replay(record)) != nil
  precondition(isTaken == ((try? again.replay(record)) != nil), "two heads disagree")
  precondition(head.rowCount == again.rowCount && head.starts == again.starts)
  guard isTaken, let (tenant, part) = head.parts.first else { return }
  var messages: [TraceID: [[UInt8]]] = [:]
  for chunk in part.chunks {
    for row in chunk.rows.prefix(100) where messages[row.trace] == nil {
      guard let found = head.rows(of: row.trace, tenant: tenant) else {
        preconditionFailure("a trace is not found")
      }
      messages[row.trace] = found.chunk.rows.map { Array(found.chunk.messages[$0.message]) }
    }
  }
  guard mode & 1 != 0, head.rowCount <= 100 else { return }
  guard let (segment, index) = SpanFixture.segment(head)?.first else {
    preconditionFailure("a head cannot be written and read")
  }
  let spans = SegmentPart(segment, index)
  for entry in index.blocks { checkCalls(spans.block(entry), index) }
  for (trace, wanted) in messages {
    var found: [[UInt8]] = []
    for entry in index.blocks(of: trace) {
      guard let block = spans.block(entry), let rows = try? block.rows(of: trace) else { continue }
      try? block.messages(rows) { found.append($2) }
    }
    precondition(
      found.sorted(by: { $0.lexicographicallyPrecedes($1) })
        == wanted.sorted(by: { $0.lexicographicallyPrecedes($1) }),
      "a message does not come back")
  }
}

/// The calls that are written beside a block's rows are those that the rows tell.
private func checkCalls(_ block: SpanBlock?, _ index: SpanIndex) {
  guard let block else { preconditionFailure("a block cannot be read") }
  for rule in [DependencyRule.jaeger, .zipkin] {
    let names = CallNames()
    var (told, found) = (TraceCallsBuilder(rule, names), TraceCallsBuilder(rule, names))
    let table = CallPartyTable(names) { index.resources[$0] }
    guard let column = try? CallColumn(block, rule), (try? column.add(to: &told)) != nil,
      let columns = try? BlockCalls(block, rule, table),
      (try? columns.forEachTrace { found.add($0, $1[...]) }) != nil
    else { preconditionFailure("calls cannot be read") }
    precondition(told.traces == found.traces && told.extents == found.extents)
    precondition(told.ends == found.ends && told.twins == found.twins, "calls differ")
    precondition(
      told.calls.map { told.kinds[Int($0)] } == found.calls.map { found.kinds[Int($0)] },
      "calls differ")
  }
}

/// The page of a block, beside the index and dictionaries of a segment of every kind of column:
/// all readers of it agree. The first byte says which row is read by itself.
func fuzzSpanBlock(_ input: UnsafeRawBufferPointer) {
  guard let first = input.first, let (segment, index) = SpanFixture.sample else { return }
  let part = SegmentPart(segment, index)
  guard let block = try? SpanBlock(Array(input.dropFirst()), part) else { return }
  let all = 0..<block.rowCount
  var messages: [[UInt8]] = []
  let isWhole = (try? block.messages(all) { messages.append($2) }) != nil
  if isWhole, !all.isEmpty {
    let row = Int(first) % block.rowCount
    var alone: [UInt8] = []
    let isRead = (try? block.messages(row..<(row + 1)) { alone = $2 }) != nil
    precondition(isRead && alone == messages[row], "a row by itself is another")
  }
  if let (traces, starts) = try? block.tracesAndStarts(all), var places = try? RowPlaces(block) {
    for row in all {
      precondition(places.start(of: row) == starts[row], "starts differ")
      precondition((try? block.trace(places.run)) == traces[row], "traces differ")
    }
  }
  let table = CallPartyTable(CallNames()) { index.resources[$0] }
  for rule in [DependencyRule.jaeger, .zipkin] {
    guard let calls = try? BlockCalls(block, rule, table) else { continue }
    var count = 0
    try? calls.forEachTrace { count += $1.count }
    precondition(count <= block.rowCount)
    guard let column = try? CallColumn(block, rule) else { continue }
    var told = TraceCallsBuilder(rule, CallNames())
    guard (try? column.add(to: &told)) != nil else { continue }
    precondition(told.traces.count == block.traceCount, "a trace without its calls")
    _ = told.finish()
  }
  let rows = BlockRows(block)
  for condition in SpanFixture.conditions {
    guard let made = try? PartCondition(condition, part),
      let found = try? made.filter(Array(all), of: rows)
    else { continue }
    precondition(found.allSatisfy(all.contains))
    // What columns tell is what the messages tell, where they can be read.
    guard isWhole, case .attribute(let key, let places) = condition.subject,
      places == .span
    else { continue }
    for row in found.prefix(4) {
      let holds = messages[row].withUnsafeBytes {
        SpanMessage.holds(key, places, condition, WireCursor($0))
      }
      precondition(holds, "a column has what the message has not")
    }
  }
}

/// An index without the zstd around it: what is read can be asked.
func fuzzSpanIndex(_ input: UnsafeRawBufferPointer) {
  guard let indexes = try? SpanIndexCoding.decode(raw: Array(input)) else { return }
  for index in indexes {
    precondition(index.shapes.count <= input.count + 1 && index.blocks.count <= input.count)
    precondition(index.serviceOfResource.allSatisfy(index.services.indices.contains))
    for service in index.services { _ = index.resources(of: service) }
    for block in index.blocks {
      precondition(block.mayContain(block.firstTrace) || !block.filter.mayContain(block.firstTrace))
      _ = index.places(of: block.lastTrace)
      for column in block.columns { _ = index.columns[column] }
      for resource in block.resources { _ = index.resources[Int(resource)] }
    }
  }
}

/// Columns: numbers that can be read can be written and read again; the first byte chooses between
/// numbers and a dictionary of texts.
func fuzzSpanColumn(_ input: UnsafeRawBufferPointer) {
  guard let mode = input.first else { return }
  let bytes = Array(input.dropFirst())
  if mode & 1 != 0 {
    guard let dictionary = try? TextDictionary(page: Zstd.compress(bytes, level: 1)) else { return }
    for code in 0..<dictionary.count {
      dictionary.withText(code) { precondition($0.count <= bytes.count) }
    }
    if dictionary.count > 0 {
      let text = dictionary.withText(dictionary.count - 1) { Array($0) }
      precondition(dictionary.code(of: text) != nil)
    }
    return
  }
  let page = bytes + [UInt8](repeating: 0, count: NumberColumn.slackBytes)
  guard let reader = try? NumberColumn.Reader(page, 0..<bytes.count),
    reader.count <= 4096, let values = try? reader.values(of: page)
  else { return }
  let middle = reader.count / 2
  precondition(
    (try? reader.values(middle..<reader.count, of: page)) == Array(values[middle...]),
    "a part of a column differs")
  var written: [UInt8] = []
  NumberColumn.encode(values[...], to: &written)
  let count = written.count
  written += [UInt8](repeating: 0, count: NumberColumn.slackBytes)
  let again = try? NumberColumn.Reader(written, 0..<count)
  precondition((try? again?.values(of: written)) == values, "numbers do not come back")
}

/// Segments for the targets.
enum SpanFixture {
  /// One block of spans with columns of every kind.
  static let sample: (segment: Segment, index: SpanIndex)? = {
    let head = SpanHead()
    guard let batch = try? SpanBatch(request) else { return nil }
    head.insert(batch, tenant: .single)
    return segment(head)?.first
  }()

  static let conditions: [SpanCondition] = [
    SpanCondition(.kind, .holds { $0 == .int(2) }),
    SpanCondition(.attribute("s", .span), .text("a")),
    SpanCondition(.attribute("i", .span), .text("7")),
    SpanCondition(.attribute("peer.service", .anywhere), .holds { $0.text > "b" }),
  ]

  /// A head as a segment that was read again, with the index of each tenant.
  static func segment(_ head: SpanHead) -> [(segment: Segment, index: SpanIndex)]? {
    let disk = CrashingFileSystem()
    let layout = StoreLayout(folder: "data")
    guard (try? disk.createFolder("data")) != nil, (try? disk.createFolder(layout.segments)) != nil
    else { return nil }
    let output = SegmentOutput(
      layout: layout, fileSystem: disk, kind: .spans, lineage: SegmentLineage(), takeID: { 1 })
    guard (try? head.write(to: output)) != nil,
      let record = try? output.seal(releasesThrough: 0).first,
      let reader = try? SegmentReader(path: layout.segment(1), fileSystem: disk, record: record)
    else { return nil }
    let segment = Segment(record, reader, badPages: [:], reportBadPage: { _, _, _ in })
    guard let page = try? segment.firstPage(ofType: SpanPage.index),
      let indexes = try? SpanIndexCoding.decode(page)
    else { return nil }
    return indexes.map { (segment, $0) }
  }

  /// Spans of eight shapes.
  static var request: [UInt8] {
    var group = ScopeSpans()
    group.scope.name = "lib"
    for number in 0..<24 as Range<UInt64> {
      var span = Span()
      span.traceID = TraceID(high: number / 6, low: 1)
      span.spanID = SpanID(number + 1)
      if number % 6 > 0 { span.parentSpanID = SpanID(number % 4 == 3 ? 1000 : number) }
      span.name = "name\(number % 3)"
      span.kind = SpanKind(rawValue: Int32(number % 6))
      span.start = Timestamp(nanoseconds: Int64(number) * 1000)
      span.end = Timestamp(nanoseconds: Int64(number) * 1000 + 500)
      span.status.code = Int32(number % 3)
      span.attributes = attributes(Int(number))
      if number % 7 == 2 {
        var event = SpanEvent()
        event.time = span.start
        event.name = "event"
        event.attributes = [Attribute("s", .string("in"))]
        span.events = [event]
      }
      group.spans.append(span)
    }
    var batch = ResourceSpans()
    batch.resource.attributes = [Attribute("service.name", .string("svc"))]
    batch.scopes = [group]
    return OTLPTraceProtobuf.encode([batch])
  }

  private static func attributes(_ number: Int) -> [Attribute] {
    var out: [Attribute] = []
    if number % 2 == 0 { out.append(Attribute("s", .string(number % 4 == 0 ? "a" : "b"))) }
    if number % 3 == 0 { out.append(Attribute("i", .int(Int64(number)))) }
    if number % 4 == 1 { out.append(Attribute("peer.service", .string("other"))) }
    if number % 5 == 1 {
      out.append(Attribute("d", .double(1.5)))
      out.append(Attribute("b", .bool(true)))
      out.append(Attribute("y", .bytes([1, 2])))
      out.append(Attribute("l", .array([.string("x")])))
    }
    return out
  }

  /// Right inputs of the targets, by target and name: what is in `Corpus` to begin with.
  static var seeds: [(target: String, name: String, bytes: [UInt8])] {
    var out: [(target: String, name: String, bytes: [UInt8])] = []
    var record: [UInt8] = [UInt8(TenantID.single.name.utf8.count)]
    record += Array(TenantID.single.name.utf8) + request
    out.append(("span-wal", "record", [0] + record))
    out.append(("span-wal", "record-and-segment", [1] + record))
    guard let (segment, index) = sample else { return out }
    for entry in index.blocks {
      guard let page = try? segment.page(entry.page),
        let block = try? SpanBlock(page, SegmentPart(segment, index))
      else { continue }
      out.append(("span-block", "block", [5] + page))
      for core in [SpanBlock.CoreColumn.length, .kind, .delta, .parent, .shape] {
        guard let values = try? block.reader(core.rawValue).values(of: page) else { continue }
        var column: [UInt8] = [0]
        NumberColumn.encode(values[...], to: &column)
        out.append(("span-column", "\(core)", column))
      }
    }
    out.append(("span-column", "texts", [1, 2, 1, 3] + Array("aabc".utf8)))
    if let page = try? segment.firstPage(ofType: SpanPage.index),
      let raw = try? Zstd.decompress(page, bytesMax: SpanIndexCoding.bytesMax)
    {
      out.append(("span-index", "index", raw))
    }
    return out
  }
}

import TelemetryModel
import TraceFormats

/// Finds the calls of the traces of a block that is being written. Used by one thread.
struct CallRecorder {
  /// Names that are kept from block to block; with more all are found out again.
  private static let namesMax = 1 << 14

  private let tables: SpanTables
  private let names = CallNames()
  private let table: CallPartyTable
  /// By column: whether it may tell the other side.
  private var tellsPeer: [Bool] = []
  private var spans: [CallSpan] = []
  private var traces: [(id: TraceID, end: Int)] = []
  private var bases: [Int64] = []

  /// `tables` are those whose numbers the rows have.
  init(_ tables: SpanTables) {
    self.tables = tables
    table = CallPartyTable(names) { tables.resources.array(UInt32($0)) }
  }

  /// Adds a row that was taken apart by `reader`; rows come by trace and start.
  mutating func add(
    _ row: SpanRow, _ message: WireCursor, _ reader: SpanShapeReader, isWhole: Bool
  ) {
    var parent = reader.parent ?? 0
    var peers: CallPeers?
    if isWhole || mayTellPeer(reader) { (parent, peers) = SpanMessage.callees(message) }
    if traces.last?.id != row.trace {
      traces.append((row.trace, spans.count))
      bases.append(row.start)
    }
    spans.append(
      CallSpan(
        id: row.span, parent: parent, start: row.start, end: row.end, kind: row.kind,
        status: row.status, parties: table.parties(resource: Int(row.resource), peers: peers)))
    traces[traces.count - 1].end = spans.count
  }

  private mutating func mayTellPeer(_ reader: SpanShapeReader) -> Bool {
    while tellsPeer.count < reader.columns.count {
      let column = reader.columns[tellsPeer.count]
      tellsPeer.append(
        column.place == .span && (column.isOddAttribute || Self.isPeer(column)))
    }
    return reader.values.contains { tellsPeer[$0.column] }
  }

  private static func isPeer(_ column: SpanColumn) -> Bool {
    column.kind.isAttribute
      && ZipkinSpan.remoteNameKeys.contains { $0.utf8.elementsEqual(column.key) }
  }

  /// Writes the calls of the rows so far, and begins anew.
  mutating func closeBlock(to out: inout [UInt8]) {
    CallColumn.encode(bases, to: &out) { rule in
      var builder = TraceCallsBuilder(rule, names)
      var start = 0
      for trace in traces {
        builder.add(trace.id, spans[start..<trace.end])
        start = trace.end
      }
      return builder
    }
    guard names.names.count <= Self.namesMax else {
      self = CallRecorder(tables)
      return
    }
    spans.removeAll(keepingCapacity: true)
    traces.removeAll(keepingCapacity: true)
    bases.removeAll(keepingCapacity: true)
  }
}

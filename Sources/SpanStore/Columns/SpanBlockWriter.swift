import Bytes
import TelemetryModel

/// Puts a block's columns into the bytes of its page; docs/formats/span-segment.md.
struct SpanBlockWriter {
  private let rowCount: Int
  private var columns: [(id: Int, bytes: [UInt8])] = []

  init(rowCount: Int) { self.rowCount = rowCount }

  mutating func add(_ core: SpanBlock.CoreColumn, _ write: (inout [UInt8]) -> Void) {
    add(core.rawValue, write)
  }

  mutating func add(_ id: Int, _ write: (inout [UInt8]) -> Void) {
    var bytes: [UInt8] = []
    write(&bytes)
    columns.append((id, bytes))
  }

  /// The columns that every span has, rows sorted by trace and start.
  mutating func addCore(_ rows: [SpanRow]) {
    var traces: [UInt8] = []
    var runs: [Int64] = []
    var bases: [Int64] = []
    var deltas: [Int64] = []
    deltas.reserveCapacity(rows.count)
    var last: TraceID?
    for row in rows {
      if row.trace != last {
        traces.appendBigEndian(row.trace.high)
        traces.appendBigEndian(row.trace.low)
        runs.append(0)
        bases.append(row.start)
        last = row.trace
      }
      runs[runs.count - 1] += 1
      deltas.append(row.start &- bases[bases.count - 1])
    }
    add(.trace) { $0 = traces }
    add(.run) { NumberColumn.encode(runs[...], to: &$0) }
    add(.base) { NumberColumn.encode(bases[...], to: &$0) }
    add(.delta) { NumberColumn.encode(deltas[...], to: &$0) }
    add(.span) { out in
      out.reserveCapacity(rows.count * 8)
      for row in rows { out.appendLittleEndian(row.span) }
    }
    number(.length, rows) { $0.end &- $0.start }
    number(.resource, rows) { Int64($0.resource) }
    number(.scope, rows) { Int64($0.scope) }
    number(.kind, rows) { Int64($0.kind) }
    number(.status, rows) { Int64($0.status) }
  }

  private mutating func number(
    _ core: SpanBlock.CoreColumn, _ rows: [SpanRow], _ value: (SpanRow) -> Int64
  ) {
    let values = rows.map(value)
    add(core) { NumberColumn.encode(values[...], to: &$0) }
  }

  func finish() -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(columns.reduce(64) { $0 + $1.bytes.count + 8 })
    out.appendVarint(UInt64(rowCount))
    out.appendVarint(UInt64(columns.count))
    for column in columns {
      out.appendVarint(UInt64(column.id))
      out.appendVarint(UInt64(column.bytes.count))
    }
    for column in columns { out += column.bytes }
    for _ in 0..<NumberColumn.slackBytes { out.append(0) }
    return out
  }
}

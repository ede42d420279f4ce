import Synchronization
import TelemetryModel

/// Rows of the head with the bytes that their messages are ranges of.
struct SpanChunk: Sendable {
  var rows: [SpanRow] = []
  var messages: [UInt8] = []
}

/// The newest spans, in memory: searched at once, flushed to a segment by size or age.
///
/// Rows lie in chunks of some thousand; a reader takes the chunks as they are and searches them
/// without holding the lock, while ingest goes on in the last one.
final class SpanHead: Sendable {
  /// One tenant's part, as readers see it.
  struct Part: Sendable {
    var tables = SpanTables()
    var chunks: [SpanChunk] = []
  }

  static let chunkRows = 4096
  static let chunkBytes = 1 << 20

  private struct State {
    var parts: [TenantID: Part] = [:]
    var places: [TenantID: TracePlaces] = [:]
    var byteSize = 0
    var rows = 0
    var starts: ClosedRange<Int64>?
  }

  private let state = Mutex(State())

  var byteSize: Int { state.withLock(\.byteSize) }
  var rowCount: Int { state.withLock(\.rows) }
  /// The earliest and latest start of its spans, nil without spans.
  var starts: ClosedRange<Int64>? { state.withLock(\.starts) }

  /// Adds the spans of a request.
  func insert(_ batch: SpanBatch, tenant: TenantID) {
    guard let first = batch.rows.first else { return }
    state.withLock { state in
      let before = state.parts[tenant]?.tables.byteSize ?? 0
      state.parts[tenant, default: Part()].append(batch, &state.places[tenant, default: .init()])
      let after = state.parts[tenant]?.tables.byteSize ?? 0
      state.byteSize +=
        batch.request.count + batch.rows.count * (MemoryLayout<SpanRow>.stride + 16) + after
        - before
      state.rows += batch.rows.count
      var low = state.starts?.lowerBound ?? first.start
      var high = state.starts?.upperBound ?? first.start
      for row in batch.rows {
        low = min(low, row.start)
        high = max(high, row.start)
      }
      state.starts = low...high
    }
  }

  /// A tenant's part as it is now; nil when it has no spans.
  func part(_ tenant: TenantID) -> Part? { state.withLock { $0.parts[tenant] } }

  /// All parts, sorted by tenant.
  var parts: [(tenant: TenantID, part: Part)] {
    state.withLock { $0.parts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
  }

  /// The rows of one trace, copied out.
  func rows(of trace: TraceID, tenant: TenantID) -> (chunk: SpanChunk, tables: SpanTables)? {
    state.withLock { state in
      guard let part = state.parts[tenant], let places = state.places[tenant] else { return nil }
      let found = places.rows(of: trace)
      guard !found.isEmpty else { return nil }
      var out = SpanChunk()
      for place in found.reversed() {
        var row = part.chunks[place.chunk].rows[place.row]
        let message = part.chunks[place.chunk].messages[row.message]
        row.messageStart = Int32(truncatingIfNeeded: out.messages.count)
        out.messages += message
        row.messageEnd = Int32(truncatingIfNeeded: out.messages.count)
        out.rows.append(row)
      }
      return (out, part.tables)
    }
  }
}

/// Where the rows of each trace stand in a head: the last one by an open-addressing table, those
/// before it linked from row to row.
struct TracePlaces: Sendable {
  struct Place {
    var chunk: Int
    var row: Int
  }

  private struct Entry {
    var trace: TraceID
    var chunk: Int32
    var row: Int32
    /// The entry before it of the same trace, or -1.
    var previous: Int32
  }

  private var entries: [Entry] = []
  private var slots: [Int32] = []

  mutating func append(_ trace: TraceID, chunk: Int, row: Int) {
    if entries.count * 2 >= slots.count { grow() }
    let slot = find(trace)
    let entry = Entry(
      trace: trace, chunk: Int32(truncatingIfNeeded: chunk), row: Int32(truncatingIfNeeded: row),
      previous: slots[slot])
    slots[slot] = Int32(truncatingIfNeeded: entries.count)
    entries.append(entry)
  }

  /// The places of a trace's rows, latest first.
  func rows(of trace: TraceID) -> [Place] {
    guard !slots.isEmpty else { return [] }
    var out: [Place] = []
    var number = slots[find(trace)]
    while number >= 0 {
      let entry = entries[Int(number)]
      out.append(Place(chunk: Int(entry.chunk), row: Int(entry.row)))
      number = entry.previous
    }
    return out
  }

  private func find(_ trace: TraceID) -> Int {
    let mask = slots.count - 1
    var slot = Self.slot(of: trace) & mask
    while slots[slot] >= 0, entries[Int(slots[slot])].trace != trace { slot = (slot + 1) & mask }
    return slot
  }

  private static func slot(of trace: TraceID) -> Int {
    let mixed = (trace.low ^ trace.high &* 0x9e37_79b9_7f4a_7c15) &* 0xbf58_476d_1ce4_e5b9
    return Int(truncatingIfNeeded: mixed >> 20)
  }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: max(1024, slots.count * 2))
    for (number, entry) in entries.enumerated() {
      slots[find(entry.trace)] = Int32(truncatingIfNeeded: number)
    }
  }
}

extension SpanHead.Part {
  fileprivate mutating func append(_ batch: SpanBatch, _ places: inout TracePlaces) {
    let map = SpanTablesMap(of: batch.tables, in: &tables)
    let isFull = chunks.last.map {
      $0.rows.count >= SpanHead.chunkRows || $0.messages.count >= SpanHead.chunkBytes
    }
    if isFull ?? true { chunks.append(SpanChunk()) }
    let chunk = chunks.count - 1
    batch.request.withUnsafeBytes { request in
      for var row in batch.rows {
        let message = UnsafeRawBufferPointer(rebasing: request[row.message])
        row.messageStart = Int32(truncatingIfNeeded: chunks[chunk].messages.count)
        chunks[chunk].messages.append(contentsOf: message)
        row.messageEnd = Int32(truncatingIfNeeded: chunks[chunk].messages.count)
        places.append(row.trace, chunk: chunk, row: chunks[chunk].rows.count)
        chunks[chunk].rows.append(map(row))
      }
    }
  }
}

import Synchronization
import TelemetryModel

/// The newest spans, in memory: searched at once, flushed to a segment by size or age.
///
/// Rows lie in chunks of some thousand; a reader takes the chunks as they are and searches them
/// without holding the lock, while ingest goes on in the last one.
final class SpanHead: Sendable {
  /// One tenant's part.
  struct Part: Sendable {
    var dictionary = SpanDictionary()
    var chunks: [SpanRows] = []
    /// Chunk and row of each span of a trace.
    var places: [TraceID: [Place]] = [:]
    var operations: [UInt32: Set<SpanOperation>] = [:]
  }

  struct Place: Sendable {
    var chunk: Int32
    var row: Int32
  }

  static let chunkRows = 4096
  static let chunkBytes = 1 << 20

  private struct State {
    var parts: [TenantID: Part] = [:]
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
    state.withLock { state in
      let before = state.parts[tenant]?.dictionary.byteSize ?? 0
      state.parts[tenant, default: Part()].append(batch.rows, batch.dictionary)
      let after = state.parts[tenant]?.dictionary.byteSize ?? 0
      state.byteSize += batch.rows.byteSize + batch.rows.count * 40 + after - before
      state.rows += batch.rows.count
      for start in batch.rows.starts {
        let known = state.starts ?? start...start
        state.starts = min(known.lowerBound, start)...max(known.upperBound, start)
      }
    }
  }

  /// A tenant's part as it is now; nil when it has no spans.
  func part(_ tenant: TenantID) -> Part? { state.withLock { $0.parts[tenant] } }

  /// All parts, sorted by tenant.
  var parts: [(tenant: TenantID, part: Part)] {
    state.withLock { $0.parts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
  }

  /// The rows of one trace, copied out.
  func rows(of trace: TraceID, tenant: TenantID) -> (rows: SpanRows, dictionary: SpanDictionary)? {
    state.withLock { state in
      guard let part = state.parts[tenant], let places = part.places[trace] else { return nil }
      let map = DictionaryMap(identityOf: part.dictionary)
      var out = SpanRows()
      for place in places {
        out.append(Int(place.row), of: part.chunks[Int(place.chunk)], map: map)
      }
      return (out, part.dictionary)
    }
  }
}

extension SpanHead.Part {
  fileprivate mutating func append(_ rows: SpanRows, _ other: SpanDictionary) {
    let map = DictionaryMap(of: other, in: &dictionary)
    let isFull = chunks.last.map {
      $0.count >= SpanHead.chunkRows || $0.messages.count >= SpanHead.chunkBytes
    }
    if isFull ?? true { chunks.append(SpanRows()) }
    let chunk = chunks.count - 1
    for row in 0..<rows.count {
      let place = SpanHead.Place(chunk: Int32(chunk), row: Int32(chunks[chunk].count))
      chunks[chunk].append(row, of: rows, map: map)
      places[rows.traces[row], default: []].append(place)
      let service = map.strings[Int(rows.services[row])]
      operations[service, default: []].insert(
        SpanOperation(
          name: other.strings[Int(rows.names[row])], kind: SpanKind(rawValue: rows.kinds[row])))
    }
  }
}

extension DictionaryMap {
  /// The numbers that `other`'s things get in `dictionary`, to which new ones are added.
  init(of other: SpanDictionary, in dictionary: inout SpanDictionary) {
    strings = other.strings.map { dictionary.number(ofString: $0) }
    resources = other.resources.map { dictionary.number(ofResource: $0) }
    scopes = other.scopes.map { dictionary.number(ofScope: $0) }
  }
}

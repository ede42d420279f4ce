import TelemetryModel
import TraceFormats

/// Rows that a search may have to look at: a chunk of the head or a block of a segment.
struct SearchCandidate {
  /// No row of it starts later.
  var latestStart: Int64
  /// Reads the rows; nil when they turned out to be unreadable and were set aside.
  var load: () throws(SpanStoreError) -> (rows: SpanRows, dictionary: SpanDictionary)?
}

/// One search over candidates of all places, newest first.
///
/// A trace counts with the start of its newest span that matches. Candidates are taken by their
/// latest start; once `limit` traces are found, those that can only hold older spans are left.
struct TraceSearch {
  let search: SpanSearch
  private var newest: [TraceID: Int64] = [:]

  init(_ search: SpanSearch) { self.search = search }

  /// The traces found, newest first, equal starts by id.
  mutating func run(_ candidates: [SearchCandidate]) throws(SpanStoreError) -> [TraceID] {
    guard search.limit > 0 else { return [] }
    for candidate in candidates.sorted(by: { $0.latestStart > $1.latestStart }) {
      if let bar = barToPass(), candidate.latestStart < bar { break }
      guard let (rows, dictionary) = try candidate.load() else { continue }
      visit(rows, dictionary)
      trim()
    }
    return ordered().prefix(search.limit).map(\.key)
  }

  private func ordered() -> [(key: TraceID, value: Int64)] {
    newest.sorted { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }
  }

  /// Forgets traces that cannot be answered any more: what is asked only gets newer.
  private mutating func trim() {
    guard newest.count > max(1000, search.limit * 8) else { return }
    newest = Dictionary(
      uniqueKeysWithValues: ordered().prefix(search.limit).map { ($0.key, $0.value) })
  }

  /// The start of the last trace that would be answered now; nil while there is room.
  private func barToPass() -> Int64? {
    guard newest.count >= search.limit else { return nil }
    return newest.values.sorted(by: >)[search.limit - 1]
  }

  private mutating func visit(_ rows: SpanRows, _ dictionary: SpanDictionary) {
    var service: UInt32?
    if let name = search.service {
      guard let number = dictionary.existingNumber(ofString: name) else { return }
      service = number
    }
    var operation: UInt32?
    if let name = search.operation {
      guard let number = dictionary.existingNumber(ofString: name) else { return }
      operation = number
    }
    for row in 0..<rows.count {
      if let service, rows.services[row] != service { continue }
      if let operation, rows.names[row] != operation { continue }
      guard rows.lasts(row, search) else { continue }
      let start = rows.starts[row]
      if let known = newest[rows.traces[row]], known >= start { continue }
      if let matches = search.matches, !decodes(row, rows, dictionary, matches) { continue }
      newest[rows.traces[row]] = start
    }
  }

  private func decodes(
    _ row: Int, _ rows: SpanRows, _ dictionary: SpanDictionary,
    _ matches: @Sendable (Span, Resource, InstrumentationScope) -> Bool
  ) -> Bool {
    var writer = SpanRequestWriter()
    writer.add(row, of: rows, dictionary)
    guard let decoded = try? OTLPTraceProtobuf.decode(writer.encode()).first,
      let scope = decoded.scopes.first, let span = scope.spans.first
    else { return false }
    return matches(span, decoded.resource, scope.scope)
  }
}

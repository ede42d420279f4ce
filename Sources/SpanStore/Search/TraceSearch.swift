import TelemetryModel
import TraceFormats

/// Rows that a search may have to look at.
struct SearchCandidate {
  enum Rows {
    case chunk(SpanChunk, SpanTables)
    case block(PartSearch, SpanIndex.Block)
  }

  /// No row of it starts later.
  var latestStart: Int64
  var rows: Rows
}

/// One search over candidates of all places, newest first.
///
/// A trace counts with the start of its newest span that matches. Candidates are taken by their
/// latest start; once `limit` traces are found, those that can only hold older spans are left.
struct TraceSearch {
  let search: SpanSearch
  private var newest: [TraceID: Int64] = [:]
  /// What `matches` needs of a row, decoded once for each resource and scope of a place.
  private var resources: [UInt32: Resource] = [:]
  private var scopes: [UInt32: InstrumentationScope] = [:]

  init(_ search: SpanSearch) { self.search = search }

  /// The traces found, newest first, equal starts by id.
  mutating func run(_ candidates: [SearchCandidate]) throws(SpanStoreError) -> [TraceID] {
    guard search.limit > 0 else { return [] }
    for candidate in candidates.sorted(by: { $0.latestStart > $1.latestStart }) {
      let bar = barToPass()
      if let bar, candidate.latestStart < bar { break }
      switch candidate.rows {
      case .chunk(let chunk, let tables): visit(chunk, tables, bar)
      // What is damaged is left out; the storage has counted and named it.
      case .block(let part, let entry): try? visit(entry, part, bar)
      }
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

  /// Whether a span's start is in the bounds asked for, and new enough to count.
  private func isInTime(_ start: Int64, _ bar: Int64?) -> Bool {
    if let bar, start < bar { return false }
    return search.start?.contains(Timestamp(nanoseconds: start)) ?? true
  }

  /// Whether a span's length is in the bounds asked for.
  private func isLong(_ length: Int64) -> Bool {
    if let least = search.minDuration, length < least.nanoseconds { return false }
    if let most = search.maxDuration, length > most.nanoseconds { return false }
    return true
  }

  private mutating func add(_ trace: TraceID, _ start: Int64) {
    if let known = newest[trace], known >= start { return }
    newest[trace] = start
  }
}

// MARK: - The head

extension TraceSearch {
  private mutating func visit(_ chunk: SpanChunk, _ tables: SpanTables, _ bar: Int64?) {
    resources = [:]
    scopes = [:]
    var service: UInt32?
    if let name = search.service {
      guard let number = tables.names.existingNumber(of: name) else { return }
      service = number
    }
    var operation: UInt32?
    if let name = search.operation {
      guard let number = tables.names.existingNumber(of: name) else { return }
      operation = number
    }
    let conditions = search.conditions.map { ($0, shared(of: $0, tables)) }
    chunk.messages.withUnsafeBytes { messages in
      for row in chunk.rows {
        if let service, tables.service(of: row) != service { continue }
        if let operation, row.name != operation { continue }
        guard isInTime(row.start, bar), isLong(row.duration) else { continue }
        if let known = newest[row.trace], known >= row.start { continue }
        let message = WireCursor(WireCursor(messages).base, row.message)
        guard conditions.allSatisfy({ holds($0.0, $0.1, row, message) }) else { continue }
        if let matches = search.matches {
          guard
            let span = try? OTLPTraceProtobuf.decodeSpan(
              RawSpan(_unsafeBytes: message.buffer(row.message)))
          else { continue }
          let resource = resource(row.resource) { tables.resources.array(row.resource) }
          let scope = scope(row.scope) { tables.scopes.array(row.scope) }
          guard matches(span, resource, scope) else { continue }
        }
        newest[row.trace] = row.start
      }
    }
  }

  /// For each resource and scope whether a condition holds for it.
  private func shared(
    of condition: SpanCondition, _ tables: SpanTables
  ) -> (resources: [Bool], scopes: [Bool]) {
    guard case .attribute(let key, let places) = condition.subject else { return ([], []) }
    var out: (resources: [Bool], scopes: [Bool]) = ([], [])
    if places.contains(.resource) {
      out.resources = (0..<UInt32(tables.resources.count)).map { number in
        let told = try? OTLPTraceProtobuf.decodeResourceSpans(
          tables.resources.array(number).span.bytes)
        return told?.resource.attributes.value(of: key).map(condition.holds) ?? false
      }
    }
    if places.contains(.scope) {
      out.scopes = (0..<UInt32(tables.scopes.count)).map { number in
        let told = try? OTLPTraceProtobuf.decodeScopeSpans(tables.scopes.array(number).span.bytes)
        return told?.scope.attributes.value(of: key).map(condition.holds) ?? false
      }
    }
    return out
  }

  private func holds(
    _ condition: SpanCondition, _ shared: (resources: [Bool], scopes: [Bool]), _ row: SpanRow,
    _ message: WireCursor
  ) -> Bool {
    switch condition.subject {
    case .kind: return condition.holds(.int(Int64(row.kind)))
    case .statusCode: return condition.holds(.int(Int64(row.status)))
    case .attribute(let key, let places):
      if places.contains(.resource), shared.resources[Int(row.resource)] { return true }
      if places.contains(.scope), shared.scopes[Int(row.scope)] { return true }
      return SpanMessage.holds(key, places, condition, message)
    }
  }

  private mutating func resource(_ number: UInt32, _ fields: () -> [UInt8]) -> Resource {
    if let known = resources[number] { return known }
    let read = (try? OTLPTraceProtobuf.decodeResourceSpans(fields().span.bytes))?.resource
    resources[number] = read ?? Resource()
    return read ?? Resource()
  }

  private mutating func scope(_ number: UInt32, _ fields: () -> [UInt8]) -> InstrumentationScope {
    if let known = scopes[number] { return known }
    let read = (try? OTLPTraceProtobuf.decodeScopeSpans(fields().span.bytes))?.scope
    scopes[number] = read ?? InstrumentationScope()
    return read ?? InstrumentationScope()
  }
}

// MARK: - Segments

extension TraceSearch {
  private mutating func visit(
    _ entry: SpanIndex.Block, _ part: PartSearch, _ bar: Int64?
  ) throws {
    guard let block = part.part.block(entry) else { return }
    let columns = BlockRows(block)
    var rows = Array(0..<block.rowCount)
    if let resources = part.resources {
      let resourceOfRow = try columns.numbers(.resource)
      rows = rows.filter { resources[Int(resourceOfRow[$0])] }
    }
    if search.minDuration != nil || search.maxDuration != nil {
      let lengths = try columns.numbers(.length)
      rows = rows.filter { isLong(max(0, lengths[$0])) }
    }
    guard !rows.isEmpty else { return }
    var places = try RowPlaces(block)
    rows = rows.filter { isInTime(places.start(of: $0), bar) }
    if let operation = search.operation, !rows.isEmpty {
      let names = try block.texts(SpanBlock.CoreColumn.name.rawValue, 0..<block.rowCount)
      rows = names.filter(rows, equal: Array(operation.utf8))
    }
    for condition in part.conditions where !rows.isEmpty {
      rows = try condition.filter(rows, of: columns)
    }
    var found: [(trace: TraceID, start: Int64)] = []
    places = try RowPlaces(block)
    for row in rows {
      let start = places.start(of: row)
      found.append((try block.trace(places.run), start))
    }
    guard search.matches != nil else {
      for place in found { add(place.trace, place.start) }
      return
    }
    try check(rows, found, columns, part)
  }

  /// Asks `matches` about the rows that are left.
  private mutating func check(
    _ rows: [Int], _ found: [(trace: TraceID, start: Int64)], _ columns: BlockRows,
    _ part: PartSearch
  ) throws {
    guard let matches = search.matches, !rows.isEmpty else { return }
    resources = [:]
    scopes = [:]
    let index = part.part.index
    var this = self
    var next = 0
    try columns.block.messages(at: rows) { row, resource, scope, message in
      let place = found[next]
      next += 1
      if let known = this.newest[place.trace], known >= place.start { return }
      guard let span = try? OTLPTraceProtobuf.decodeSpan(message.span.bytes) else { return }
      let told = this.resource(UInt32(resource)) { index.resources[resource] }
      let library = this.scope(UInt32(scope)) { index.scopes[scope] }
      if matches(span, told, library) { this.newest[place.trace] = place.start }
    }
    self = this
  }
}

/// A search in the terms of one tenant's part of a segment; nil when nothing in it can match.
final class PartSearch {
  let part: SegmentPart
  let resources: [Bool]?
  let conditions: [PartCondition]

  init?(_ part: SegmentPart, _ search: SpanSearch) throws {
    self.part = part
    if let service = search.service {
      guard let resources = part.index.resources(of: service) else { return nil }
      self.resources = resources
    } else {
      resources = nil
    }
    conditions = try search.conditions.map { try PartCondition($0, part) }
  }

  /// Whether a row of the block can match.
  func mayMatch(_ block: SpanIndex.Block, _ search: SpanSearch) -> Bool {
    if let resources, !block.resources.contains(where: { resources[Int($0)] }) { return false }
    if let least = search.minDuration, block.longest < least.nanoseconds { return false }
    if let range = search.start,
      block.starts.lowerBound >= range.upperBound.nanoseconds
        || block.starts.upperBound < range.lowerBound.nanoseconds
    {
      return false
    }
    return conditions.allSatisfy { $0.mayHold(block) }
  }
}

import Bytes
import Configuration
package import LinuxIO
package import Storage
import Synchronization
package import TelemetryModel
import TraceFormats

/// Spans on disk: kept losslessly in OTLP's terms, found by trace and by search.
///
/// A request is durable when ``append(tenant:request:)`` returns: its bytes are in the WAL and
/// synced. Reads see it at once. Reading functions block on the disk: call them on a
/// `BlockingExecutor`. All functions may be called from any thread.
package final class SpanStore: Sendable {
  /// The WAL's record of a request: the tenant's name, its length before it, then the request.
  static let requestRecord: UInt8 = 1

  private let engine: StorageEngine<SpanHead>

  private init(engine: StorageEngine<SpanHead>) { self.engine = engine }

  /// Opens the store in its folder, replaying what no segment holds yet.
  ///
  /// - Throws: ``SpanStoreError``; `failed` names the process that holds the folder.
  package static func open(
    _ configuration: StorageConfiguration, fileSystem: any FileSystem, clock: any WallClock
  ) async throws(SpanStoreError) -> SpanStore {
    do {
      let engine = try await StorageEngine<SpanHead>.open(
        configuration, fileSystem: fileSystem, clock: clock, makeHead: { SpanHead() })
      return SpanStore(engine: engine)
    } catch {
      throw SpanStoreError(error)
    }
  }

  /// Stores an encoded OTLP request (`ExportTraceServiceRequest`, protobuf) whole or not at all.
  ///
  /// - Throws: ``SpanStoreError``; nothing was acknowledged then.
  nonisolated(nonsending)
    package func append(tenant: TenantID, request: [UInt8]) async throws(SpanStoreError)
  {
    // Read before it is written: what is in the WAL can be replayed.
    let batch = try SpanBatch(request)
    guard batch.rows.count > 0 else { return }
    var head: [UInt8] = []
    head.appendVarint(UInt64(tenant.name.utf8.count))
    head.append(utf8: tenant.name)
    do {
      try await engine.append(kind: Self.requestRecord, parts: [head, request]) { spans in
        spans.insert(batch, tenant: tenant)
      }
    } catch {
      throw SpanStoreError(error)
    }
  }

  /// Writes all spans to segments; returns when they are there.
  package func flush() async throws(SpanStoreError) {
    do { try await engine.flush() } catch { throw SpanStoreError(error) }
  }

  /// Stops taking spans; what was acknowledged stays in WAL and segments.
  package func close() async { await engine.close() }

  /// Makes a store of its own in `folder`, which must not exist and must lie on the same file
  /// system, with all spans of this moment: hard links that cost next to no room.
  package func copyByLinks(to folder: String) async throws(SpanStoreError) {
    do { try await engine.copyByLinks(to: folder) } catch { throw SpanStoreError(error) }
  }

  /// Brings a damaged store into order; see ``StorageEngine/repair()``.
  package func repair() async throws(SpanStoreError) -> RepairReport {
    do { return try await engine.repair() } catch { throw SpanStoreError(error) }
  }

  package var statistics: StorageStatistics { engine.statistics }
}

// MARK: - Reading

extension SpanStore {
  /// All spans of a trace, each exact duplicate once; empty when there is none.
  ///
  /// A part that is damaged is left out; it is counted and named by the storage.
  package func trace(_ id: TraceID, tenant: TenantID) throws(SpanStoreError) -> [ResourceSpans] {
    var writer = SpanRequestWriter()
    let snapshot = engine.snapshot()
    for segment in snapshot.segments {
      guard let part = index(of: segment, tenant: tenant) else { continue }
      for block in part.blocks(of: id) {
        guard let rows = load(block, of: segment, part.dictionary) else { continue }
        for row in 0..<rows.count where rows.traces[row] == id {
          writer.add(row, of: rows, part.dictionary)
        }
      }
    }
    for head in snapshot.heads {
      guard let (rows, dictionary) = head.rows(of: id, tenant: tenant) else { continue }
      for row in 0..<rows.count { writer.add(row, of: rows, dictionary) }
    }
    do {
      return try OTLPTraceProtobuf.decode(writer.encode())
    } catch {
      throw SpanStoreError(.corrupt, "trace \(id.hex) cannot be decoded: \(error.message)")
    }
  }

  /// Traces with a span for which all conditions hold, newest first by that span's start, then by
  /// id; the same answer for the same data.
  package func search(_ search: SpanSearch) throws(SpanStoreError) -> [TraceID] {
    let snapshot = engine.snapshot()
    var candidates: [SearchCandidate] = []
    for head in snapshot.heads {
      guard let part = head.part(search.tenant) else { continue }
      for rows in part.chunks {
        guard let latest = rows.starts.max() else { continue }
        candidates.append(
          SearchCandidate(latestStart: latest) { () throws(SpanStoreError) in
            (rows, part.dictionary)
          })
      }
    }
    for segment in snapshot.segments {
      guard let part = index(of: segment, tenant: search.tenant) else { continue }
      let service = search.service.map { part.dictionary.existingNumber(ofString: $0) }
      if let service, service == nil { continue }
      for block in part.blocks where block.mayMatch(search, service: service ?? nil) {
        candidates.append(
          SearchCandidate(latestStart: block.starts.upperBound) {
            [self] () throws(SpanStoreError) in
            load(block, of: segment, part.dictionary).map { ($0, part.dictionary) }
          })
      }
    }
    var run = TraceSearch(search)
    return try run.run(candidates)
  }

  /// The names of all services with spans, sorted.
  package func services(tenant: TenantID) throws(SpanStoreError) -> [String] {
    var names: Set<String> = []
    eachOperations(tenant) { dictionary, operations in
      for service in operations.keys { names.insert(dictionary.strings[Int(service)]) }
    }
    return names.sorted()
  }

  /// The names and kinds of a service's spans, sorted.
  package func operations(tenant: TenantID, service: String) throws(SpanStoreError)
    -> [SpanOperation]
  {
    var found: Set<SpanOperation> = []
    eachOperations(tenant) { dictionary, operations in
      guard let number = dictionary.existingNumber(ofString: service) else { return }
      found.formUnion(operations[number] ?? [])
    }
    return found.sorted()
  }

  private func eachOperations(
    _ tenant: TenantID, _ visit: (SpanDictionary, [UInt32: Set<SpanOperation>]) -> Void
  ) {
    let snapshot = engine.snapshot()
    for head in snapshot.heads {
      if let part = head.part(tenant) { visit(part.dictionary, part.operations) }
    }
    for segment in snapshot.segments {
      if let part = index(of: segment, tenant: tenant) { visit(part.dictionary, part.operations) }
    }
  }

  /// The tenant's part of a segment's index; nil when it has none, or when the index is damaged
  /// (which the storage has counted and named).
  private func index(of segment: Segment, tenant: TenantID) -> SpanIndex? {
    let indexes = try? segment.cached { (segment) throws(SpanStoreError) -> SegmentIndexes in
      do {
        let page = try segment.firstPage(ofType: SpanPage.index)
        return SegmentIndexes(try SpanIndex.decode(page))
      } catch let error as StorageError {
        throw SpanStoreError(error)
      } catch let error as SpanStoreError {
        throw error
      } catch {
        throw SpanStoreError(.corrupt, "\(error)")
      }
    }
    return indexes?.byTenant[tenant]
  }

  private func load(_ block: SpanIndex.Block, of segment: Segment, _ dictionary: SpanDictionary)
    -> SpanRows?
  {
    guard let page = try? segment.page(block.page) else { return nil }
    return try? SpanBlock.decode(page, dictionary)
  }
}

/// The indexes of a segment, kept with it once read.
private final class SegmentIndexes: Sendable {
  let byTenant: [TenantID: SpanIndex]

  init(_ indexes: [SpanIndex]) {
    byTenant = Dictionary(indexes.map { ($0.tenant, $0) }) { first, _ in first }
  }
}

extension SpanIndex.Block {
  /// Whether a row of it can match, by service and time.
  fileprivate func mayMatch(_ search: SpanSearch, service: UInt32?) -> Bool {
    if let service, !services.contains(service) { return false }
    guard let range = search.start else { return true }
    return starts.lowerBound < range.upperBound.nanoseconds
      && starts.upperBound >= range.lowerBound.nanoseconds
  }
}

extension SpanStoreError {
  /// The storage's error in the span store's terms.
  init(_ error: StorageError) {
    let code: Code =
      switch error.code {
      case .corrupt: .corrupt
      case .diskFull: .diskFull
      case .overloaded: .overloaded
      case .closed: .closed
      case .tooLarge: .malformed
      case .system, .inUse, .unknownVersion: .failed
      }
    self.init(code, error.message)
  }
}

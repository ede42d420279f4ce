import Bytes
import Configuration
package import LinuxIO
package import Storage
import Synchronization
package import TelemetryModel
import TraceFormats

/// Spans on disk: kept losslessly in OTLP's terms, found by trace and by search.
///
/// A request is durable when ``append(tenant:_:)`` returns: its bytes are in the WAL and
/// synced. Reads see it at once. Reading functions block on the disk: call them on a
/// `BlockingExecutor`. All functions may be called from any thread.
package final class SpanStore: Sendable {
  /// The WAL's record of a request: the tenant's name, its length before it, then the request.
  static let requestRecord: UInt8 = 1

  let engine: StorageEngine<SpanHead>
  /// Calls that were counted before.
  let calls = CallCache()
  private let dictionaries = DictionaryCache()

  private init(engine: StorageEngine<SpanHead>) { self.engine = engine }

  /// Opens the store in its folder, replaying what no segment holds yet.
  ///
  /// - Throws: ``SpanStoreError``; `failed` names the process that holds the folder, or a segment
  ///   of a version that cannot be read.
  package static func open(
    _ configuration: StorageConfiguration, fileSystem: any FileSystem, clock: any WallClock
  ) async throws(SpanStoreError) -> SpanStore {
    let engine: StorageEngine<SpanHead>
    do {
      engine = try await StorageEngine<SpanHead>.open(
        configuration, fileSystem: fileSystem, clock: clock, makeHead: { SpanHead() })
    } catch {
      throw SpanStoreError(error)
    }
    do throws(SpanStoreError) {
      for segment in engine.snapshot().segments { try SpanPage.checkVersion(of: segment) }
    } catch {
      await engine.close()
      throw error
    }
    return SpanStore(engine: engine)
  }

  /// Stores the spans of a request, all or none; they are durable when it returns.
  ///
  /// - Throws: ``SpanStoreError``; nothing was acknowledged then.
  nonisolated(nonsending)
    package func append(tenant: TenantID, _ batch: SpanBatch) async throws(SpanStoreError)
  {
    guard batch.spanCount > 0 else { return }
    var head: [UInt8] = []
    head.appendVarint(UInt64(tenant.name.utf8.count))
    head.append(utf8: tenant.name)
    do {
      try await engine.append(kind: Self.requestRecord, parts: [head, batch.request]) { spans in
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
    do {
      return try OTLPTraceProtobuf.decode(request(of: id, tenant: tenant), limits: .none)
    } catch {
      throw SpanStoreError(.corrupt, "trace \(id.hex) cannot be decoded: \(error.message)")
    }
  }

  /// The same as an encoded OTLP request: every span as it came, byte for byte.
  func request(of id: TraceID, tenant: TenantID) -> [UInt8] {
    request(of: id, tenant: tenant, engine.snapshot())
  }

  func request(
    of id: TraceID, tenant: TenantID, _ snapshot: StoreSnapshot<SpanHead>
  ) -> [UInt8] {
    var writer = SpanRequestWriter()
    for segment in snapshot.segments {
      guard let index = index(of: segment, tenant: tenant) else { continue }
      let entries = index.blocks(of: id)
      if entries.isEmpty { continue }
      let part = part(segment, index)
      for entry in entries {
        guard let block = part.block(entry), let rows = try? block.rows(of: id) else { continue }
        try? block.messages(rows) { resource, scope, message in
          writer.add(message, index.resources[resource], index.scopes[scope])
        }
      }
    }
    for head in snapshot.heads {
      guard let (chunk, tables) = head.rows(of: id, tenant: tenant) else { continue }
      for row in chunk.rows {
        writer.add(
          Array(chunk.messages[row.message]), tables.resources.array(row.resource),
          tables.scopes.array(row.scope))
      }
    }
    return writer.encode()
  }

  /// Traces with a span for which all conditions hold, newest first by that span's start, then by
  /// id; the same answer for the same data.
  package func search(_ search: SpanSearch) throws(SpanStoreError) -> [TraceID] {
    let snapshot = engine.snapshot()
    var candidates: [SearchCandidate] = []
    for head in snapshot.heads {
      guard let part = head.part(search.tenant) else { continue }
      for chunk in part.chunks {
        guard let latest = chunk.rows.lazy.map(\.start).max() else { continue }
        candidates.append(
          SearchCandidate(latestStart: latest, rows: .chunk(chunk, part.tables)))
      }
    }
    for segment in snapshot.segments {
      guard search.mayOverlap(segment.summary),
        let index = index(of: segment, tenant: search.tenant),
        let part = try? PartSearch(part(segment, index), search)
      else { continue }
      for block in index.blocks where part.mayMatch(block, search) {
        candidates.append(
          SearchCandidate(latestStart: block.starts.upperBound, rows: .block(part, block)))
      }
    }
    var run = TraceSearch(search)
    return try run.run(candidates)
  }

  /// The names of all services with spans, sorted.
  package func services(tenant: TenantID) throws(SpanStoreError) -> [String] {
    var names: Set<ByteText> = []
    let snapshot = engine.snapshot()
    for head in snapshot.heads {
      guard let tables = head.part(tenant)?.tables else { continue }
      for service in Set(tables.services) { names.insert(tables.names.string(service)) }
    }
    for segment in snapshot.segments {
      guard let index = index(of: segment, tenant: tenant) else { continue }
      for service in index.services { names.insert(service) }
    }
    return names.sortedTexts()
  }

  /// The names and kinds of a service's spans, sorted.
  package func operations(tenant: TenantID, service: String) throws(SpanStoreError)
    -> [SpanOperation]
  {
    var found: Set<SpanOperation> = []
    let snapshot = engine.snapshot()
    for head in snapshot.heads {
      guard let tables = head.part(tenant)?.tables,
        let number = tables.names.existingNumber(of: service)
      else { continue }
      for operation in tables.operations where operation.service == number {
        found.insert(
          SpanOperation(
            name: tables.names.string(operation.name), kind: SpanKind(rawValue: operation.kind)))
      }
    }
    for segment in snapshot.segments {
      guard let index = index(of: segment, tenant: tenant),
        let number = index.number(of: service)
      else { continue }
      for operation in index.operations where operation.service == number {
        found.insert(operation.operation)
      }
    }
    return found.sorted()
  }

  /// The tenant's part of a segment's index; nil when it has none, or when the index is damaged
  /// (which the storage has counted and named).
  func index(of segment: Segment, tenant: TenantID) -> SpanIndex? {
    let indexes = try? segment.cached { (segment) throws(SpanStoreError) -> SegmentIndexes in
      do {
        let page = try segment.firstPage(ofType: SpanPage.index)
        return SegmentIndexes(try SpanIndexCoding.decode(page))
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
}

extension SpanStore {
  /// One tenant's part of a segment; its dictionaries are kept from question to question.
  func part(_ segment: Segment, _ index: SpanIndex) -> SegmentPart {
    SegmentPart(segment, index, dictionaries)
  }
}

/// The indexes of a segment, kept with it once read.
private final class SegmentIndexes: Sendable {
  let byTenant: [TenantID: SpanIndex]

  init(_ indexes: [SpanIndex]) {
    byTenant = Dictionary(indexes.map { ($0.tenant, $0) }) { first, _ in first }
  }
}

extension SpanSearch {
  /// Whether a segment can have a span that starts in the range asked for.
  fileprivate func mayOverlap(_ summary: SegmentSummary) -> Bool {
    guard let start else { return true }
    return summary.oldest < start.upperBound && summary.newest >= start.lowerBound
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

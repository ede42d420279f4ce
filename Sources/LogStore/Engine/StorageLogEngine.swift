import LinuxIO
import Storage
import TelemetryModel
import WireFormats

/// The log store's engine on disk: the storage engine with log heads and log segments.
struct StorageLogEngine: LogEngine {
  private let engine: StorageEngine<LogHead>
  private let table: StreamTable
  private let compiled: CompiledDeletes
  private let retention: RetentionRules

  static func open(
    _ configuration: StorageConfiguration, retention: RetentionRules = RetentionRules(),
    fileSystem: any FileSystem, clock: any WallClock
  ) async throws(LogStoreError) -> StorageLogEngine {
    let table = StreamTable()
    let decoder = LokiPushDecoder()
    let compiled = CompiledDeletes()
    do throws(StorageError) {
      let engine = try await StorageEngine<LogHead>.open(
        configuration, fileSystem: fileSystem, clock: clock
      ) { LogHead(table: table, decoder: decoder, retention: retention, compiled: compiled) }
      return StorageLogEngine(
        engine: engine, table: table, compiled: compiled, retention: retention)
    } catch { throw LogStoreError(error) }
  }

  func append(_ parts: [[UInt8]], apply: (LogHead) -> Void) async throws(LogStoreError) {
    do throws(StorageError) {
      try await engine.append(kind: PushRecord.kind, parts: parts, apply: apply)
    } catch { throw LogStoreError(error) }
  }

  func snapshot() -> LogSnapshot {
    let stored = engine.snapshot()
    var snapshot = LogSnapshot(heads: stored.heads, segments: [])
    for segment in stored.segments {
      do throws(LogStoreError) {
        var opened = try LogSegment(segment, table)
        opened.deletes = try compiled.deletes(
          stored.tombstones, stored.tombstonePlaces(for: segment))
        snapshot.segments.append(opened)
      } catch {
        snapshot.warnings.append(
          "\(segment.path): \(error.message); its \(segment.summary.rowCount) rows are missing "
            + "from the answer")
      }
    }
    return snapshot
  }

  func setRetention(_ own: [TenantID: StreamRetention]) { retention.setOverrides(own) }

  func flush() async throws(LogStoreError) {
    do throws(StorageError) {
      try await engine.flush()
    } catch { throw LogStoreError(error) }
  }

  func close() async { await engine.close() }

  var statistics: StorageStatistics { engine.statistics }

  func delete(tenant: TenantID, query: String, range: ClosedRange<Timestamp>)
    async throws(LogStoreError) -> DeleteRequest
  {
    do throws(StorageError) {
      let made = try await engine.delete(tenant: tenant.name, query: query, range: range)
      guard let request = DeleteRequest(made) else {
        throw StorageError(.system, "the delete of \(tenant.name) cannot be named")
      }
      return request
    } catch { throw LogStoreError(error) }
  }

  func repair() async throws(LogStoreError) -> RepairReport {
    do throws(StorageError) {
      return try await engine.repair()
    } catch { throw LogStoreError(error) }
  }

  func deleteRequests() -> [DeleteRequest] { engine.tombstones.compactMap { DeleteRequest($0) } }

  func cancelDelete(_ request: DeleteRequest) async throws(LogStoreError) -> Bool {
    guard let number = request.number else { return false }
    do throws(StorageError) {
      return try await engine.cancelDelete(number)
    } catch { throw LogStoreError(error) }
  }

  func copyByLinks(to folder: String) async throws(LogStoreError) {
    do throws(StorageError) {
      try await engine.copyByLinks(to: folder)
    } catch { throw LogStoreError(error) }
  }
}

extension LogSegment {
  /// The segment with its index, which is read once.
  init(_ segment: Segment, _ table: StreamTable) throws(LogStoreError) {
    index = try segment.cached { (segment) throws(LogStoreError) -> SegmentIndex in
      let page: [UInt8]
      do throws(StorageError) {
        page = try segment.firstPage(ofType: LogPageType.streamIndex)
      } catch { throw LogStoreError(error) }
      return try SegmentIndex.decode(page, table)
    }
    pages = StoredPages(segment: segment)
  }
}

/// Pages of a stored segment.
struct StoredPages: SegmentPages {
  let segment: Segment

  var name: String { segment.path }

  func page(_ number: Int) throws(LogStoreError) -> [UInt8] {
    do throws(StorageError) {
      return try segment.page(number)
    } catch { throw LogStoreError(error) }
  }

  func byteCount(of number: Int) throws(LogStoreError) -> Int {
    guard segment.pages.indices.contains(number) else {
      throw LogStoreError(.corrupt, "\(segment.path): there is no page \(number)")
    }
    return segment.pages[number].length
  }

  func part(of number: Int, _ range: Range<Int>) throws(LogStoreError) -> [UInt8] {
    do throws(StorageError) {
      return try segment.part(of: number, range)
    } catch { throw LogStoreError(error) }
  }
}

import LinuxIO
import Storage
import Synchronization
import TelemetryModel
import WireFormats

/// The log store's engine on disk: the storage engine with log heads and log segments.
struct StorageLogEngine: LogEngine {
  private let engine: StorageEngine<LogHead>
  private let table: StreamTable

  static func open(
    _ configuration: StorageConfiguration, fileSystem: any FileSystem, clock: any WallClock
  ) async throws(LogStoreError) -> StorageLogEngine {
    let table = StreamTable()
    let decoder = LokiPushDecoder()
    do throws(StorageError) {
      let engine = try await StorageEngine<LogHead>.open(
        configuration, fileSystem: fileSystem, clock: clock
      ) { LogHead(table: table, decoder: decoder) }
      return StorageLogEngine(engine: engine, table: table)
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
        snapshot.segments.append(try open(segment))
      } catch {
        snapshot.warnings.append(
          "\(segment.path): \(error.message); its \(segment.summary.rowCount) rows are missing "
            + "from the answer")
      }
    }
    return snapshot
  }

  private func open(_ segment: Segment) throws(LogStoreError) -> LogSegment {
    let index = try segment.cached { (segment) throws(LogStoreError) -> SegmentIndex in
      let page: [UInt8]
      do throws(StorageError) {
        page = try segment.firstPage(ofType: LogPageType.streamIndex)
      } catch { throw LogStoreError(error) }
      return try SegmentIndex.decode(page, table)
    }
    return LogSegment(index: index, pages: StoredPages(segment: segment))
  }

  func flush() async throws(LogStoreError) {
    do throws(StorageError) {
      try await engine.flush()
    } catch { throw LogStoreError(error) }
  }

  func close() async { await engine.close() }

  var statistics: StorageStatistics { engine.statistics }
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
}

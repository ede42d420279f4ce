package import Configuration
package import LinuxIO
package import Storage
package import TelemetryModel

extension LogStore {
  /// Opens the store in its folder and recovers what is durable in it.
  ///
  /// `storage` is of the kind `logs`. Throws ``LogStoreError``: `closed` when another process
  /// has the folder, with its id.
  package static func open(
    _ storage: StorageConfiguration, limits: Limits, fileSystem: any FileSystem = RealFileSystem(),
    clock: any WallClock = SystemClock()
  ) async throws(LogStoreError) -> LogStore {
    let engine = try await StorageLogEngine.open(
      storage, retention: try StreamRetention(limits.retentionStream), fileSystem: fileSystem,
      clock: clock)
    return LogStore(engine: engine, limits: IntakeLimits(limits), clock: clock)
  }

  /// Puts `retention_stream` of single tenants in place of those that were there before; a tenant
  /// that is not named has the server's. Throws ``LogStoreError/Code/badQuery``, and changes
  /// nothing, for a selector that does not parse.
  package func setRetention(_ settings: [TenantID: [StreamRetentionSettings]])
    throws(LogStoreError)
  {
    var own: [TenantID: StreamRetention] = [:]
    for (tenant, rules) in settings { own[tenant] = try StreamRetention(rules) }
    engine.setRetention(own)
  }

  /// Brings a damaged store that nobody uses into order; see ``StorageEngine/repair()``.
  package static func repair(_ storage: StorageConfiguration) async throws(LogStoreError)
    -> RepairReport
  {
    let engine = try await StorageLogEngine.open(
      storage, fileSystem: RealFileSystem(), clock: SystemClock())
    do throws(LogStoreError) {
      let report = try await engine.repair()
      await engine.close()
      return report
    } catch {
      await engine.close()
      throw error
    }
  }

  /// How many streams segments hold, and how many of the segments could not tell.
  package static func streamCount(in segments: [Segment]) -> (streams: Int, unreadable: Int) {
    let table = StreamTable()
    var keys: Set<StreamKey> = []
    var unreadable = 0
    for segment in segments {
      guard let opened = try? LogSegment(segment, table) else {
        unreadable += 1
        continue
      }
      for stream in opened.index.streams {
        keys.insert(StreamKey(tenant: stream.tenant, labels: stream.labels))
      }
    }
    return (keys.count, unreadable)
  }

  /// Makes a store of its own in `folder`, which must not exist and must lie on the same file
  /// system, with all rows of this moment: hard links that cost next to no room.
  package func copyByLinks(to folder: String) async throws(LogStoreError) {
    try await engine.copyByLinks(to: folder)
  }

  /// The same with limits that Loki's file has no names for.
  package static func open(
    _ storage: StorageConfiguration, limits: IntakeLimits,
    fileSystem: any FileSystem = RealFileSystem(), clock: any WallClock = SystemClock()
  ) async throws(LogStoreError) -> LogStore {
    let engine = try await StorageLogEngine.open(storage, fileSystem: fileSystem, clock: clock)
    return LogStore(engine: engine, limits: limits, clock: clock)
  }
}

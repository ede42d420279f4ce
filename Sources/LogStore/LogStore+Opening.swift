package import Configuration
package import LinuxIO
package import Storage
package import TelemetryModel

extension LogStore {
  /// Opens the store in its folder and recovers what is durable in it.
  ///
  /// `storage` is of the kind `logs`; `overrides` are the limits of tenants that have their own,
  /// see ``setOverrides(_:)``: rows are dropped from the first moment on. Throws
  /// ``LogStoreError``: `closed` when another process has the folder, with its id, and `badQuery`
  /// for a selector that does not parse.
  package static func open(
    _ storage: StorageConfiguration, limits: Limits, overrides: [TenantID: Limits],
    fileSystem: any FileSystem = RealFileSystem(), clock: any WallClock = SystemClock()
  ) async throws(LogStoreError) -> LogStore {
    let retention = RetentionRules(try StreamRetention(limits.retentionStream))
    retention.setOverrides(try Self.retention(overrides))
    let engine = try await StorageLogEngine.open(
      storage, retention: retention, fileSystem: fileSystem, clock: clock)
    let store = LogStore(engine: engine, limits: IntakeLimits(limits), clock: clock)
    store.setLimits(overrides.mapValues { IntakeLimits($0) })
    return store
  }

  /// Puts limits of single tenants, `retention_stream` among them, in place of those that were
  /// there before; a tenant that is not named has the server's. Throws
  /// ``LogStoreError/Code/badQuery``, and changes nothing, for a selector that does not parse.
  package func setOverrides(_ overrides: [TenantID: Limits]) throws(LogStoreError) {
    engine.setRetention(try Self.retention(overrides))
    setLimits(overrides.mapValues { IntakeLimits($0) })
  }

  private static func retention(_ overrides: [TenantID: Limits]) throws(LogStoreError)
    -> [TenantID: StreamRetention]
  {
    var own: [TenantID: StreamRetention] = [:]
    for (tenant, limits) in overrides {
      do throws(LogStoreError) {
        own[tenant] = try StreamRetention(limits.retentionStream)
      } catch {
        throw LogStoreError(error.code, "overrides of \(tenant.name): \(error.message)")
      }
    }
    return own
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

  /// Opens the store with limits that Loki's file has no names for, the same for all tenants.
  package static func open(
    _ storage: StorageConfiguration, limits: IntakeLimits,
    fileSystem: any FileSystem = RealFileSystem(), clock: any WallClock = SystemClock()
  ) async throws(LogStoreError) -> LogStore {
    let engine = try await StorageLogEngine.open(storage, fileSystem: fileSystem, clock: clock)
    return LogStore(engine: engine, limits: limits, clock: clock)
  }
}

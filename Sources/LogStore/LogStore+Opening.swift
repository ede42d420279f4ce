package import Configuration
package import LinuxIO
package import Storage

extension LogStore {
  /// Opens the store in its folder and recovers what is durable in it.
  ///
  /// `storage` is of the kind `logs`. Throws ``LogStoreError``: `closed` when another process
  /// has the folder, with its id.
  package static func open(
    _ storage: StorageConfiguration, limits: Limits, fileSystem: any FileSystem = RealFileSystem(),
    clock: any WallClock = SystemClock()
  ) async throws(LogStoreError) -> LogStore {
    try await open(
      storage, limits: IntakeLimits(limits), fileSystem: fileSystem, clock: clock)
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

package import Configuration
package import LinuxIO
import Storage
package import TelemetryModel

/// How a log store is kept and what it takes.
package struct LogStoreConfiguration: Sendable {
  /// The folder of the logs alone; made if absent.
  package var folder: String
  package var limits = IntakeLimits()
  /// Rows of segments whose newest row is older are dropped; zero keeps them for ever.
  package var retention = TimeSpan.zero
  /// Memory of the head that starts a flush, in bytes.
  package var headBytesFlush = 48 << 20
  package var headAgeFlush = TimeSpan.minutes(10)
  /// Appends are refused while less room is left on the disk; nil for 5 % of it, 1 GiB at most.
  package var freeBytesMin: Int64?

  package init(folder: String) { self.folder = folder }

  /// As the server's configuration says, in the folder `logs` of its data folder.
  package init(_ server: ServerConfiguration) {
    self.init(folder: server.dataDirectory + "/logs")
    limits = IntakeLimits(server.limits)
    retention = server.retention
    headBytesFlush = server.storage.headMaxSize
    headAgeFlush = server.storage.headMaxAge
    freeBytesMin = Int64(server.storage.minFreeDisk)
  }
}

extension LogStore {
  /// Opens the store in its folder and recovers what is durable in it.
  ///
  /// Throws ``LogStoreError``: `closed` when another process has the folder, with its id.
  package static func open(
    _ configuration: LogStoreConfiguration, fileSystem: any FileSystem = RealFileSystem(),
    clock: any WallClock = SystemClock()
  ) async throws(LogStoreError) -> LogStore {
    var storage = StorageConfiguration(name: "logs", folder: configuration.folder, kind: .logs)
    storage.headBytesFlush = configuration.headBytesFlush
    storage.headAgeFlush = configuration.headAgeFlush
    storage.retention = configuration.retention
    storage.freeBytesMin = configuration.freeBytesMin
    let engine = try await StorageLogEngine.open(storage, fileSystem: fileSystem, clock: clock)
    return LogStore(engine: engine, limits: configuration.limits, clock: clock)
  }
}

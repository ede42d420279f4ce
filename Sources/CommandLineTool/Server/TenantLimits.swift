import Configuration
import LinuxIO
import LogStore
import Synchronization
import TelemetryModel

/// The limits of each tenant: the server's, or those of the file that `runtime_config` names.
///
/// Safe to share between threads.
final class TenantLimits: Sendable {
  private let settings: RuntimeSettings
  private let shared: Limits
  private let logs: LogStore
  private let fileSystem: any FileSystem
  private let overrides: Mutex<TenantOverrides>

  /// `overrides` are those that `logs` was opened with.
  init(
    _ configuration: ServerConfiguration, _ overrides: TenantOverrides, logs: LogStore,
    fileSystem: any FileSystem
  ) {
    settings = configuration.runtime
    shared = configuration.limits
    self.overrides = Mutex(overrides)
    self.logs = logs
    self.fileSystem = fileSystem
  }

  func limits(of tenant: TenantID) -> Limits {
    overrides.withLock { $0.limits(of: tenant, default: shared) }
  }

  /// What the file that `runtime_config` names says beside the `shared` limits, nothing where there
  /// is none. Blocks; throws ``ConfigurationError`` for a file that cannot be understood.
  static func read(
    _ settings: RuntimeSettings, _ shared: Limits, _ fileSystem: any FileSystem
  ) throws(ConfigurationError) -> TenantOverrides {
    guard !settings.file.isEmpty else { return TenantOverrides() }
    return try TenantOverrides.load(path: settings.file, base: shared, fileSystem: fileSystem)
  }

  /// Reads the file again. Blocks; throws ``ConfigurationError`` and changes nothing when it
  /// cannot be understood.
  private func load() throws(ConfigurationError) {
    let found = try Self.read(settings, shared, fileSystem)
    guard overrides.withLock({ $0 != found }) else { return }
    do throws(LogStoreError) {
      try logs.setOverrides(found.limits)
    } catch { throw ConfigurationError(file: settings.file, mark: nil, message: error.message) }
    overrides.withLock { $0 = found }
  }

  /// Reads the file again every period until the task is cancelled.
  func watch(on executor: BlockingExecutor) async {
    guard !settings.file.isEmpty, let loop = try? EventLoop.shared.get()[0] else { return }
    let log = Log("server")
    while !Task.isCancelled {
      do { try await loop.sleep(seconds: settings.period.seconds) } catch { return }
      let fault: ConfigurationError? = await executor.run {
        do throws(ConfigurationError) {
          try self.load()
          return nil
        } catch { return error }
      }
      if let fault {
        log.warn("the overrides stay as they were", ["error": fault.description])
      }
    }
  }
}

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
  private let overrides = Mutex(TenantOverrides())

  init(_ configuration: ServerConfiguration, logs: LogStore, fileSystem: any FileSystem) {
    settings = configuration.runtime
    shared = configuration.limits
    self.logs = logs
    self.fileSystem = fileSystem
  }

  func limits(of tenant: TenantID) -> Limits {
    overrides.withLock { $0.limits(of: tenant, default: shared) }
  }

  /// Reads the file, where there is one. Blocks; throws ``ConfigurationError`` and changes
  /// nothing when the file cannot be understood.
  func load() throws(ConfigurationError) {
    guard !settings.file.isEmpty else { return }
    let found = try TenantOverrides.load(
      path: settings.file, base: shared, fileSystem: fileSystem)
    guard overrides.withLock({ $0 != found }) else { return }
    var limits: [TenantID: IntakeLimits] = [:]
    var retention: [TenantID: [StreamRetentionSettings]] = [:]
    for (name, own) in found.limits {
      guard let tenant = TenantID(name) else { continue }
      limits[tenant] = IntakeLimits(own)
      retention[tenant] = own.retentionStream
    }
    do throws(LogStoreError) {
      try logs.setRetention(retention)
    } catch { throw ConfigurationError(file: settings.file, mark: nil, message: error.message) }
    logs.setLimits(limits)
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

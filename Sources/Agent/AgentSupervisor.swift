import Bytes
package import Configuration
package import LinuxIO
package import Pipeline
import Synchronization
package import TelemetryModel

/// Runs an agent and, when its configuration changes, another one in its place.
///
/// A new configuration is read and checked whole before the old agent stops; one that is bad is
/// refused, and the old one goes on. Between the two nothing is read for a moment; files and
/// journals go on where they were, and the disk queue keeps what was not sent.
package final class AgentSupervisor: Sendable {
  /// Reads the configuration anew. Throws ``AgentError`` for one that cannot be.
  package typealias Load = @Sendable () throws(AgentError) -> AgentConfiguration

  private struct State {
    var pending: AgentConfiguration?
    var wake: AsyncStream<Void>.Continuation?
    var targetFiles: [TargetFiles] = []
  }

  private let first: AgentConfiguration
  private let load: Load
  private let path: String?
  private let fileSystem: any FileSystem
  private let registry: MetricsRegistry
  private let service: SystemdNotifier
  private let inspector: PipelineInspector?
  private let reloads: Counter
  private let refusals: Counter
  private let state = Mutex(State())
  private let log = Log("agent")

  private static let lookSeconds = 2.0
  private static let configurationBytesMax = 16 << 20

  /// `path` is the file whose changes count; nil for none.
  package init(
    _ configuration: AgentConfiguration, path: String?,
    fileSystem: any FileSystem =
      RealFileSystem(), registry: MetricsRegistry = .process,
    service: SystemdNotifier = SystemdNotifier(), inspector: PipelineInspector? = nil,
    load: @escaping Load
  ) {
    self.inspector = inspector
    first = configuration
    self.path = path
    self.fileSystem = fileSystem
    self.registry = registry
    self.service = service
    self.load = load
    reloads = registry.counter(
      "sluice_agent_reloads_total", help: "Configurations that took the place of another.")
    refusals = registry.counter(
      "sluice_agent_reload_failures_total", help: "New configurations that were refused.")
  }

  /// Runs until the task is cancelled or a source ends whose end is the agent's. Throws
  /// ``AgentError`` when the first configuration cannot be started.
  package func run() async throws(AgentError) {
    let watcher = Task { await self.watchFile() }
    defer { watcher.cancel() }
    var current = first
    var previous: AgentConfiguration?
    while true {
      let (stream, wake) = AsyncStream<Void>.makeStream()
      let files = Self.targetFiles(current)
      state.withLock { state in
        state.wake = wake
        state.targetFiles = files
      }
      do throws(AgentError) {
        let agent = try Agent(
          configuration: current, fileSystem: fileSystem, registry: registry,
          inspector: inspector, reload: { self.reload() })
        let isFirst = previous == nil
        let reason = try await agent.run(until: stream) { [service, log] in
          service.tellReady()
          if !isFirst { log.info("the new configuration is in force") }
        }
        guard reason == .reload, let next = state.withLock({ $0.pending }) else { return }
        state.withLock { $0.pending = nil }
        previous = current
        current = next
        reloads.add()
      } catch {
        guard let last = previous else { throw error }
        // It was good on paper only: an address in use, a folder that cannot be made.
        refusals.add()
        log.error(
          "the new configuration cannot be started; the old one goes on",
          ["error": error.message])
        current = last
        previous = nil
      }
      if Task.isCancelled { return }
    }
  }

  /// Reads the configuration anew and takes it, or says why not; the old one goes on then.
  @discardableResult
  package func reload() -> AgentError? {
    do throws(AgentError) {
      let next = try load()
      // Everything that can be checked is, before anything stops.
      _ = try Agent(configuration: next, fileSystem: fileSystem, registry: registry).check()
      service.tellReloading()
      let wake = state.withLock { state in
        state.pending = next
        return state.wake
      }
      log.info("a new configuration is read; the agent starts anew with it")
      wake?.yield()
      return nil
    } catch {
      refusals.add()
      log.error(
        "the new configuration is refused; the old one goes on", ["error": error.message])
      return error
    }
  }

  /// Reloads once the files have another content that has come to rest.
  private func watchFile() async {
    var known = hash()
    var candidate = known
    while !Task.isCancelled {
      try? await Task.sleep(nanoseconds: UInt64(Self.lookSeconds * 1e9))
      let now = hash()
      if let now, now != known, now == candidate {
        known = now
        reload()
      }
      candidate = now
    }
  }

  /// Of the configuration's file and of those that list targets.
  private func hash() -> UInt64? {
    guard let path,
      let bytes = try? fileSystem.readWhole(path, bytesMax: Self.configurationBytesMax)
    else { return nil }
    var all = bytes
    for target in state.withLock({ $0.targetFiles }) {
      for path in target.paths(fileSystem) {
        all.append(utf8: path)
        all += (try? fileSystem.readWhole(path, bytesMax: Self.configurationBytesMax)) ?? []
      }
    }
    return XXH3.hash(all)
  }

  private static func targetFiles(_ configuration: AgentConfiguration) -> [TargetFiles] {
    configuration.scrapeConfigs.flatMap { scrape in
      scrape.fileDiscoveries.compactMap { try? TargetFiles($0, job: scrape.jobName) }
    }
  }
}

import Agent
import Configuration
import Foundation
import LinuxIO
import TelemetryModel

/// A folder with logs and an agent that runs over it, as a task that can be stopped.
final class AgentRig {
  let folder: String

  init() {
    folder = NSTemporaryDirectory() + "sluice-agent-" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func write(_ text: String, to name: String) {
    let path = "\(folder)/\(name)"
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    guard let handle = FileHandle(forWritingAtPath: path) else { return }
    handle.seekToEndOfFile()
    handle.write(Data(text.utf8))
    try? handle.close()
  }

  func rename(_ name: String, to other: String) {
    _ = Foundation.rename("\(folder)/\(name)", "\(folder)/\(other)")
  }

  /// A configuration whose `scrape_configs` follow.
  func configuration(clients: String, scrapes: String, more: String = "") throws
    -> AgentConfiguration
  {
    let text = """
      agent:
        server: {disable: true}
        positions: {filename: \(folder)/state/positions.yaml, sync_period: 100ms}
        target_config: {sync_period: 1s}
      \(more)
        clients:
      \(clients)
        scrape_configs:
      \(scrapes)
      """
    let parsed = try Configuration.parse(text: text, name: "test.yml", environment: [:])
    guard let agent = parsed.agent else { throw AgentError("no agent in the configuration") }
    return agent
  }

  func client(_ sink: PushSink, more: String = "") -> String {
    """
        - url: \(sink.url)
          batchwait: 50ms
          backoff_config: {min_period: 20ms, max_period: 100ms}
    \(more)
    """
  }

  /// Runs an agent while `body` runs, then stops it.
  func run(
    _ configuration: AgentConfiguration, registry: MetricsRegistry = MetricsRegistry(),
    _ body: () async throws -> Void
  ) async throws {
    let agent = try Agent(configuration: configuration, registry: registry)
    try await AgentRig.run({ try await agent.run() }, body)
  }

  /// Runs `work` as a task while `body` runs, then cancels it and waits for its end.
  static func run(
    _ work: @escaping @Sendable () async throws -> Void, _ body: () async throws -> Void
  ) async throws {
    let task = Task { try await work() }
    do {
      try await body()
    } catch {
      task.cancel()
      _ = try? await task.value
      throw error
    }
    task.cancel()
    try await task.value
  }

  /// Waits until `condition` holds: two minutes at most, since a machine may be busy with other
  /// things; who waits in vain has found a fault, and may wait long.
  func eventually(_ condition: () -> Bool) async -> Bool {
    let deadline = MonotonicTime.now().adding(seconds: 120)
    while MonotonicTime.now() < deadline {
      if condition() { return true }
      try? await Task.sleep(nanoseconds: 20_000_000)
    }
    return condition()
  }
}

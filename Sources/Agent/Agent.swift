package import Configuration
import Delivery
import HTTP
package import LinuxIO
import LogSources
package import Pipeline
package import TelemetryModel

/// The agent: reads sources, runs stages, queues on disk, pushes to servers.
///
/// ``run()`` goes on until its task is cancelled, and then stops reading, commits what was read,
/// and gives destinations a short while to take it; the rest waits in the queue.
package struct Agent: Sendable {
  private let configuration: AgentConfiguration
  private let fileSystem: any FileSystem
  private let clock: any WallClock
  private let registry: MetricsRegistry
  private let inspector: PipelineInspector?
  private let fileJobs: [FileJob]
  private let journalJobs: [JournalJob]
  private let receiverJobs: [ReceiverJob]
  private let log = Log("agent")

  /// Time for destinations to take what is queued when the agent stops.
  private static let drainSeconds = 2.0

  /// Throws ``AgentError`` for settings that cannot be followed.
  ///
  /// - Parameter inspector: gets what each stage did to each line.
  package init(
    configuration: AgentConfiguration, fileSystem: any FileSystem = RealFileSystem(),
    clock: any WallClock = SystemClock(), registry: MetricsRegistry = .process,
    inspector: PipelineInspector? = nil
  ) throws(AgentError) {
    self.configuration = configuration
    self.fileSystem = fileSystem
    self.clock = clock
    self.registry = registry
    self.inspector = inspector
    try Self.refuseUnsupported(configuration)
    let hostName = HostName.current
    var fileJobs: [FileJob] = []
    var journalJobs: [JournalJob] = []
    var receiverJobs: [ReceiverJob] = []
    for scrape in configuration.scrapeConfigs {
      if let job = try FileJob(scrape, hostName: hostName) { fileJobs.append(job) }
      journalJobs += try JournalJob.jobs(of: scrape, fileSystem: fileSystem)
      receiverJobs += try ReceiverJob.jobs(of: scrape)
    }
    if configuration.target.stdin {
      // As in Promtail: nothing else is read then.
      fileJobs = []
      journalJobs = []
      receiverJobs = [try ReceiverJob.standardInput(configuration.scrapeConfigs.first)]
    }
    self.fileJobs = fileJobs
    self.journalJobs = journalJobs
    self.receiverJobs = receiverJobs
  }

  private static func refuseUnsupported(_ configuration: AgentConfiguration) throws(AgentError) {
    if let first = configuration.unsupported.first { throw AgentError(first.error) }
    if configuration.limits.readlineRateEnabled {
      throw AgentError("limits_config.readline_rate_enabled is not supported yet; remove it")
    }
    if configuration.limits.maxStreams > 0 {
      throw AgentError("limits_config.max_streams is not supported yet; remove it")
    }
    for scrape in configuration.scrapeConfigs {
      if scrape.decompression.enabled {
        throw AgentError("job `\(scrape.jobName)`: decompression is not supported yet; remove it")
      }
      if !scrape.encoding.isEmpty, !["utf-8", "utf8"].contains(scrape.encoding.lowercased()) {
        throw AgentError("job `\(scrape.jobName)`: only UTF-8 is supported as encoding yet")
      }
    }
  }

  /// Runs until the task is cancelled. Throws ``AgentError`` when it cannot start.
  package func run() async throws(AgentError) {
    let executor: BlockingExecutor
    do throws(SystemError) {
      executor = try BlockingExecutor(
        name: "agent", threadCount: 4 + configuration.clients.count)
    } catch { throw AgentError(error) }
    defer { executor.shutdown() }
    let running: RunningAgent = try await executor.run { () throws(AgentError) in
      try start()
    }
    let server: HTTPServer?
    do throws(AgentError) {
      server = try listen(running)
    } catch {
      await executor.run { running.stopReading() }
      await executor.run { running.close() }
      throw error
    }
    log.info(
      "the agent is running",
      [
        "file_jobs": fileJobs.count, "journal_jobs": journalJobs.count,
        "receivers": receiverJobs.count, "clients": configuration.clients.count,
        "queue": running.queue.settings.folder,
      ])
    // These outlive the cancellation of this task by the time it takes to drain.
    let work = Task(executorPreference: executor) { await running.deliver() }
    await Self.untilCancelled(or: running.sourceEnd)
    log.info("the agent is stopping")
    await executor.run { running.stopReading() }
    await executor.run { running.awaitSettled(seconds: Self.drainSeconds) }
    work.cancel()
    await work.value
    await executor.run { running.close() }
    await server?.drain(seconds: 1)
  }

  /// Waits until the task is cancelled or the one source that ends has ended.
  private static func untilCancelled(or end: AsyncStream<Void>) async {
    for await _ in end { return }
  }

  private func listen(_ running: RunningAgent) throws(AgentError) -> HTTPServer? {
    let settings = configuration.server
    guard !settings.disable else { return nil }
    do throws(HTTPError) {
      let server = try HTTPServer(registry: registry)
      let host = settings.httpListenAddress.isEmpty ? "0.0.0.0" : settings.httpListenAddress
      let text = host.contains(":") ? "[\(host)]" : host
      let address: SocketAddress
      do throws(SocketAddress.ParseError) {
        address = try SocketAddress.parse("\(text):\(settings.httpListenPort)")
      } catch {
        throw HTTPError(.setup, status: .internalServerError, error.description)
      }
      try server.listen(address, name: "agent", handler: running.endpoints.router.handler)
      return server
    } catch { throw AgentError(error) }
  }

  /// Opens the queue and starts the threads. Blocks.
  private func start() throws(AgentError) -> RunningAgent {
    let folder = stateFolder
    let positionsFile = PositionsFile(
      path: configuration.positions.filename, fileSystem: fileSystem)
    let destinations = try Destinations(configuration.clients, fileSystem: fileSystem)
    var settings = DiskQueueSettings(folder: "\(folder)/queue")
    if !configuration.queue.folder.isEmpty { settings.folder = configuration.queue.folder }
    settings.bytesMax = Int64(configuration.queue.maxBytes)
    settings.segmentBytes = min(16 << 20, max(256 << 10, settings.bytesMax / 8))
    settings.whenFull =
      switch configuration.queue.whenFull {
      case .block: .block
      case .dropOldest: .dropOldest
      case .dropNewest: .dropNewest
      }
    let imported = try positionsFile.read(
      ignoresInvalid: configuration.positions.ignoreInvalidYAML)
    let queue: DiskQueue
    do throws(DeliveryError) {
      queue = try DiskQueue(
        settings, destinations: destinations.members.map(\.settings.key), fileSystem: fileSystem)
    } catch { throw AgentError(error) }
    let running = RunningAgent(
      queue: queue, destinations: destinations, positionsFile: positionsFile,
      positionsSeconds: configuration.positions.syncPeriod.seconds,
      rejectedFolder: "\(folder)/rejected", fileSystem: fileSystem, clock: clock,
      registry: registry, inspector: inspector)
    do throws(AgentError) {
      let restored = RestoredPositions(queue: queue.positions, imported: imported)
      for key in restored.unreadable {
        log.error("a stored position cannot be read; its source starts anew", ["key": key])
      }
      try running.startReading(
        fileJobs, journalJobs, receiverJobs, configuration: configuration, restored: restored)
    } catch {
      running.stopReading()
      running.close()
      throw error
    }
    return running
  }

  /// Where what the agent keeps lies: beside the positions file.
  private var stateFolder: String { configuration.positions.filename + ".d" }
}

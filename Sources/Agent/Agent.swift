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
  private let reload: (@Sendable () -> AgentError?)?
  private let log = Log("agent")

  /// Time for destinations to take what is queued when the agent stops.
  private static let drainSeconds = 2.0

  /// Why ``run(until:whenReady:)`` returned.
  package enum EndReason: Hashable, Sendable {
    case cancelled, reload
    /// Standard input was all there was to read.
    case sourceEnded
  }

  /// Throws ``AgentError`` for settings that cannot be followed. `reload` is what `POST /reload`
  /// does; it gives the reason when the new configuration is refused.
  ///
  /// - Parameter inspector: gets what each stage did to each line.
  package init(
    configuration: AgentConfiguration, fileSystem: any FileSystem = RealFileSystem(),
    clock: any WallClock = SystemClock(), registry: MetricsRegistry = .process,
    inspector: PipelineInspector? = nil, reload: (@Sendable () -> AgentError?)? = nil
  ) throws(AgentError) {
    self.reload = reload
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
      if let job = try FileJob(
        scrape, hostName: hostName, fileSystem: fileSystem)
      {
        fileJobs.append(job)
      }
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
    _ = try LineRate(configuration.limits, clock: SystemClock())
  }

  /// Runs until the task is cancelled. Throws ``AgentError`` when it cannot start.
  package func run() async throws(AgentError) {
    let (never, continuation) = AsyncStream<Void>.makeStream()
    defer { continuation.finish() }
    _ = try await run(until: never) {}
  }

  /// Throws ``AgentError`` for what a start would find wrong, without starting anything.
  func check() throws(AgentError) {
    _ = try Destinations(configuration.clients, fileSystem: fileSystem)
    let zones = TimeZoneDatabase.utcOnly
    let metrics = PipelineMetrics(clock: clock)
    let all =
      fileJobs.map { ($0.stages, $0.name) } + journalJobs.map { ($0.stages, $0.name) }
      + receiverJobs.map { ($0.stages, $0.name) }
    for (stages, name) in all {
      do throws(PipelineError) {
        _ = try Pipeline(
          stages: stages, jobName: name, clock: clock, zones: zones, metrics: metrics)
      } catch { throw AgentError(error, job: name) }
    }
  }

  /// Runs until the task is cancelled, `restart` gives a value, or the one source that ends has
  /// ended. Throws ``AgentError`` when it cannot start.
  func run(
    until restart: AsyncStream<Void>, whenReady: @Sendable () -> Void
  ) async throws(AgentError) -> EndReason {
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
    whenReady()
    let reason = await Self.end(source: running.sourceEnd, restart: restart)
    if reason != .reload { log.info("the agent is stopping") }
    await executor.run { running.stopReading() }
    switch reason {
    case .reload: break
    case .cancelled: await executor.run { running.awaitSettled(seconds: Self.drainSeconds) }
    case .sourceEnded:
      // All of the input is delivered before the end, however long that takes.
      while !Task.isCancelled, !running.queue.isSettled {
        await executor.run { running.awaitSettled(seconds: 1) }
      }
    }
    work.cancel()
    await work.value
    await executor.run { running.close() }
    await server?.drain(seconds: 1)
    return reason
  }

  private static func end(source: AsyncStream<Void>, restart: AsyncStream<Void>) async
    -> EndReason
  {
    await withTaskGroup(of: EndReason.self) { group in
      for (stream, reason) in [(source, EndReason.sourceEnded), (restart, .reload)] {
        group.addTask {
          for await _ in stream { return reason }
          return .cancelled
        }
      }
      let first = await group.next() ?? .cancelled
      group.cancelAll()
      return first
    }
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
      try server.listen(
        address, name: "agent", tls: TLSConfiguration(settings.httpTLS),
        handler: endpoints(running).router.handler)
      return server
    } catch { throw AgentError(error) }
  }

  private func endpoints(_ running: RunningAgent) -> AgentEndpoints {
    var endpoints = running.endpoints
    endpoints.reload = reload
    endpoints.allowsReload = configuration.server.enableRuntimeReload
    return endpoints
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

import Configuration
import Delivery
import LinuxIO
import LogSources
import Pipeline
import Synchronization
import TelemetryModel

/// The threads and tasks of an agent that was started.
final class RunningAgent: Sendable {
  let queue: DiskQueue
  let endpoints: AgentEndpoints
  private let destinations: [Destination]
  private let batching: (profiles: [BatchProfile], bytesMax: Int, waitSeconds: Double)
  private let positionsFile: @Sendable () -> PositionsFile
  private let positionsSeconds: Double
  private let fileSystem: any FileSystem
  private let clock: any WallClock
  private let registry: MetricsRegistry
  private let zones: TimeZoneDatabase
  private let metrics: PipelineMetrics
  private let inspector: PipelineInspector?
  private let board = StatusBoard()
  private let ledger = SourceLedger()
  private let stop = StopFlag()
  private let threads = Mutex<[LinuxThread]>([])
  private let signals = Mutex<[ThreadSignal]>([])
  private let receivers = Mutex<[RunningReceiver]>([])
  /// Gives one value when a source has ended whose end is the agent's.
  let sourceEnd: AsyncStream<Void>
  private let tellSourceEnd: AsyncStream<Void>.Continuation
  private let running = Atomic<Int>(0)
  private let log = Log("agent")

  /// Time for the last commits of the reading threads, where the queue has no room.
  private static let stopSeconds = 1.5

  init(
    queue: DiskQueue, destinations: Destinations, positionsFile: PositionsFile,
    positionsSeconds: Double, rejectedFolder: String, fileSystem: any FileSystem,
    clock: any WallClock, registry: MetricsRegistry, inspector: PipelineInspector?
  ) {
    (sourceEnd, tellSourceEnd) = AsyncStream<Void>.makeStream()
    self.queue = queue
    self.fileSystem = fileSystem
    self.clock = clock
    self.registry = registry
    self.positionsSeconds = positionsSeconds
    zones = TimeZoneDatabase { path in
      try? fileSystem.readWhole(path, bytesMax: TimeZoneRules.fileBytesMax)
    }
    metrics = PipelineMetrics(clock: clock)
    self.inspector = inspector
    let path = positionsFile.path
    self.positionsFile = { PositionsFile(path: path, fileSystem: fileSystem) }
    batching = (
      destinations.profiles, destinations.bodyBytesMax, destinations.batchWaitSeconds
    )
    self.destinations = destinations.members.map { member in
      let key = member.settings.key
      return Destination(
        member.settings, queue: queue, transport: member.transport,
        rejected: {
          RejectedBatches(
            folder: "\(rejectedFolder)/\(Self.folderName(key))", fileSystem: fileSystem,
            clock: clock)
        }, metrics: DestinationMetrics(registry, client: member.settings.name))
    }
    endpoints = AgentEndpoints(
      board: board, queue: queue,
      destinations: destinations.members.map { ($0.settings.name, $0.settings.key) },
      registry: registry, metrics: metrics, ledger: ledger)
    endpoints.registerGauges()
  }

  /// A client's name may hold what a path must not.
  private static func folderName(_ key: String) -> String {
    String(key.map { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" ? $0 : "_" })
  }

  // MARK: Reading

  func startReading(
    _ fileJobs: [FileJob], _ journalJobs: [JournalJob], _ receiverJobs: [ReceiverJob],
    configuration: AgentConfiguration, restored: RestoredPositions
  ) throws(AgentError) {
    let settings = LaneSettings(
      profiles: batching.profiles, bodyBytesMax: batching.bytesMax,
      batchWaitSeconds: batching.waitSeconds, queue: queue, clock: clock,
      zones: zones, metrics: metrics, inspector: inspector,
      ledger: ledger, stop: stop, lineRate: try LineRate(configuration.limits, clock: clock),
      streamsMax: configuration.limits.maxStreams)
    if !fileJobs.isEmpty {
      try startFiles(fileJobs, configuration, restored, settings)
    }
    for job in journalJobs { try startJournal(job, restored, settings) }
    for job in receiverJobs { try startReceiver(job, settings) }
  }

  private func startReceiver(_ job: ReceiverJob, _ settings: LaneSettings) throws(AgentError) {
    try settings.check(job.stages, job: job.name)
    let signal: ThreadSignal
    do throws(SystemError) { signal = try ThreadSignal() } catch { throw AgentError(error) }
    signals.withLock { $0.append(signal) }
    let inbox = ReceiverInbox(signal: signal)
    let receiver = try RunningReceiver.start(job, inbox: inbox, registry: registry)
    receivers.withLock { $0.append(receiver) }
    board.set(job: job.name, address: receiver.address)
    if !receiver.address.isEmpty {
      log.info("listening", ["what": job.kind, "job": job.name, "address": receiver.address])
    }
    let (board, registry, stop, end) = (board, registry, stop, tellSourceEnd)
    start(job.kind) { [log] in
      do throws(AgentError) {
        let lane = try ReceiverLane(
          job, pipeline: settings.pipeline(job.stages, job: job.name), inbox: inbox, signal: signal,
          settings: settings, board: board,
          registry: registry)
        lane.run()
      } catch {
        log.error("a job receives nothing", ["job": job.name, "error": error.message])
        inbox.close()
      }
      if job.endsAgent, !stop.isSet { end.yield() }
    }
  }

  /// Where a job listens, with the port that was chosen; nil for one that does not.
  func address(ofJob job: String) -> String? { board.address(ofJob: job) }

  private func startFiles(
    _ jobs: [FileJob], _ configuration: AgentConfiguration, _ restored: RestoredPositions,
    _ settings: LaneSettings
  ) throws(AgentError) {
    var tail = FileTailSettings()
    if configuration.limits.maxLineSize > 0 {
      tail.lineBytesMax = configuration.limits.maxLineSize
      tail.cutsOverlongLines = configuration.limits.maxLineSizeTruncate
    }
    let arrivalsMax = Self.arrivalsMax(ofJobs: jobs.count)
    let plans = jobs.map { (job: $0, mailbox: FileMailbox(arrivalsMax: arrivalsMax)) }
    let signal: ThreadSignal
    do throws(SystemError) { signal = try ThreadSignal() } catch { throw AgentError(error) }
    signals.withLock { $0.append(signal) }
    let rescanSeconds = configuration.target.syncPeriod.seconds
    let (fileSystem, board, registry, stop) = (fileSystem, board, registry, stop)
    // A lane belongs to its thread and is made there; what is wrong with it is found before.
    for job in jobs { try settings.check(job.stages, job: job.name) }
    let started = StartedFlag()
    let tailSettings = tail
    start("files") { [log] in
      do throws(AgentError) {
        let lane = try FileLane(
          plans, tail: tailSettings, restored: restored, settings: settings, fileSystem: fileSystem,
          signal: signal, board: board, registry: registry)
        started.set()
        lane.run()
      } catch {
        log.error("files are not read", ["error": error.message])
      }
    }
    start("find-files") {
      // What the last run knew must be known before the first scan.
      started.wait(orUntil: stop)
      let discovery = FileDiscovery(
        jobs: plans.map {
          FileDiscovery.Job(
            targets: $0.job.targets.map(\.patterns), mailbox: $0.mailbox,
            compression: $0.job.compression, compressedAgeSeconds: $0.job.compressedAgeSeconds)
        }, fileSystem: fileSystem, rescanSeconds: rescanSeconds)
      discovery.run(isStopped: { stop.isSet }, tell: signal.set)
    }
  }

  /// How many files of each job may wait open while reading is held back: half of the descriptors
  /// are for them, the others for what is read, sent and listened to.
  private static func arrivalsMax(ofJobs count: Int) -> Int {
    max(64, min(ProcessLimits.raiseOpenFiles(), 1 << 17) / 2 / max(1, count))
  }

  private func startJournal(
    _ job: JournalJob, _ restored: RestoredPositions, _ settings: LaneSettings
  ) throws(AgentError) {
    try settings.check(job.stages, job: job.name)
    let (board, registry) = (board, registry)
    start("journal") { [log] in
      do throws(AgentError) {
        let lane = try JournalLane(
          job, pipeline: settings.pipeline(job.stages, job: job.name),
          restored: restored.journal(of: job.key), settings: settings,
          board: board, registry: registry)
        lane.run()
      } catch {
        log.error("the journal is not read", ["job": job.name, "error": error.message])
      }
    }
  }

  private func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
    do throws(SystemError) {
      running.add(1, ordering: .acquiringAndReleasing)
      let thread = try LinuxThread.start(name: name) { [self] in
        body()
        running.subtract(1, ordering: .acquiringAndReleasing)
      }
      threads.withLock { $0.append(thread) }
    } catch {
      running.subtract(1, ordering: .acquiringAndReleasing)
      log.error("a thread cannot be started", ["thread": name, "error": error.message])
    }
  }

  /// Ends reading and commits what was read, if the queue takes it soon. Blocks.
  func stopReading() {
    let receivers = receivers.withLock { receivers in
      defer { receivers = [] }
      return receivers
    }
    for receiver in receivers { receiver.stop() }
    stop.set()
    for signal in signals.withLock({ $0 }) { signal.set() }
    let deadline = MonotonicTime.now().adding(seconds: Self.stopSeconds)
    while running.load(ordering: .acquiring) > 0, MonotonicTime.now() < deadline { Self.pause() }
    // What still waits to be taken counts for nothing, and is read again at the next start.
    if running.load(ordering: .acquiring) > 0 { queue.close() }
    let threads = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in threads { thread.join() }
  }

  // MARK: Delivering

  /// Sends to all destinations and keeps the positions file until the task is cancelled.
  func deliver() async {
    await withTaskGroup(of: Void.self) { group in
      for destination in destinations { group.addTask { await destination.run() } }
      group.addTask { await self.keepPositionsFile() }
    }
  }

  private func keepPositionsFile() async {
    var written: [String: [UInt8]]?
    while !Task.isCancelled {
      try? await Task.sleep(nanoseconds: UInt64(positionsSeconds * 1e9))
      let positions = queue.positions
      guard positions != written else { continue }
      written = writePositionsFile(positions) ? positions : nil
    }
  }

  @discardableResult
  private func writePositionsFile(_ positions: [String: [UInt8]]) -> Bool {
    do throws(SystemError) {
      try positionsFile().write(positions)
      return true
    } catch {
      log.warn(
        "the positions file cannot be written; the queue has the positions too",
        ["error": error.message])
      return false
    }
  }

  /// Waits until destinations have taken everything, or the time is over. Blocks.
  func awaitSettled(seconds: Double) {
    let deadline = MonotonicTime.now().adding(seconds: seconds)
    while !queue.isSettled, MonotonicTime.now() < deadline { Self.pause() }
  }

  /// Rests for a moment; only on threads that may block.
  private static func pause() {
    guard let never = try? ThreadSignal() else { return }
    never.wait(milliseconds: 20)
  }

  /// Closes the queue and writes the positions file. Blocks.
  func close() {
    queue.close()
    writePositionsFile(queue.positions)
  }
}

/// Lets one thread wait until another has come so far.
private final class StartedFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  func set() { flag.store(true, ordering: .releasing) }

  func wait(orUntil stop: StopFlag) {
    guard let pause = try? ThreadSignal() else { return }
    while !flag.load(ordering: .acquiring), !stop.isSet { pause.wait(milliseconds: 5) }
  }
}

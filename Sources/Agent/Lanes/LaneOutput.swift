import Configuration
import Delivery
import LinuxIO
import LogSources
import Pipeline
import Synchronization
import TelemetryModel

/// Says to all threads of the agent that they are to end.
final class StopFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  var isSet: Bool { flag.load(ordering: .acquiring) }
  func set() { flag.store(true, ordering: .releasing) }
}

/// The settings that all reading threads share.
struct LaneSettings: Sendable {
  var profiles: [BatchProfile]
  var bodyBytesMax: Int
  var batchWaitSeconds: Double
  var queue: DiskQueue
  var clock: any WallClock
  var zones: TimeZoneDatabase
  /// Where `metrics` stages count.
  var metrics: PipelineMetrics
  /// Gets what each stage did, if somebody wants to know.
  var inspector: PipelineInspector?
  var ledger: SourceLedger
  var stop: StopFlag
  /// What `limits_config` allows of all lines together; nil for no limit.
  var lineRate: LineRate?
  /// Label sets of one body, at most; 0 for no limit.
  var streamsMax: Int
}

extension LaneSettings {
  /// The stages of a job, for the thread that runs them.
  func pipeline(_ stages: [StageConfiguration], job: String) throws(AgentError) -> Pipeline {
    do throws(PipelineError) {
      return try Pipeline(
        stages: stages, jobName: job, clock: clock, zones: zones, metrics: metrics,
        inspector: inspector)
    } catch { throw AgentError(error, job: job) }
  }

  /// Throws what is wrong with a job's stages before a thread runs them, and tells of settings
  /// that no stage knows.
  func check(_ stages: [StageConfiguration], job: String) throws(AgentError) {
    for remark in try pipeline(stages, job: job).remarks {
      Log("agent").warn("a setting of a stage is not known", ["job": job, "setting": remark])
    }
  }
}

/// Where one reading thread's lines go: batched, and committed to the queue with the positions
/// that they stand for. For one thread.
final class LaneOutput {
  private let settings: LaneSettings
  private let signal: ThreadSignal
  @exclusivity(unchecked) private var batcher: PushBatcher
  @exclusivity(unchecked) private var lastStamp: Int64 = 0
  /// When the oldest change came that is not committed.
  @exclusivity(unchecked) private var firstChange: MonotonicTime?
  /// The queue is closed: nothing can be committed any more.
  private(set) var isClosed = false
  /// What was read and came out, by source.
  let tally = SourceTally()

  init(_ settings: LaneSettings) throws(SystemError) {
    self.settings = settings
    signal = try ThreadSignal()
    batcher = PushBatcher(
      profiles: settings.profiles, bodyBytesMax: settings.bodyBytesMax,
      streamsMax: settings.streamsMax)
  }

  /// Brings the clock up to date for the lines that follow.
  func refreshClock() { lastStamp = max(lastStamp, settings.clock.now()) }

  /// The time of reading for one more line; no two lines get the same, so that equal lines are
  /// not taken for repeats by the store.
  func stamp() -> Timestamp {
    lastStamp += 1
    return Timestamp(nanoseconds: lastStamp)
  }

  func add(_ output: PipelineOutput) {
    if let rate = settings.lineRate, !rate.take() {
      tally.limited(output, .rate)
      return
    }
    // Most lines have labels alone: nothing else is looked at.
    let isTaken =
      output.isPlain
      ? batcher.add(
        line: output.line, timestamp: output.timestamp, labelsNumber: output.labelsNumber,
        labels: output.labels)
      : batcher.add(
        line: output.line, timestamp: output.timestamp, labelsNumber: output.labelsNumber,
        labels: output.labels, structuredMetadata: output.structuredMetadata,
        tenant: output.tenant ?? "")
    if isTaken { tally.passed(output) } else { tally.limited(output, .streams) }
  }

  /// Milliseconds for which no more is to be read, since a `limit` stage or `readline_rate` says
  /// so; 0 for none.
  func pauseMilliseconds(_ pipeline: Pipeline) -> Int {
    max(pipeline.pauseMilliseconds, settings.lineRate?.pauseMilliseconds ?? 0)
  }

  /// Whether reading is to stop after this line.
  func wantsPause(_ pipeline: Pipeline) -> Bool {
    pipeline.wantsPause || settings.lineRate.map { $0.pauseMilliseconds > 0 } ?? false
  }

  /// What a job's stages dropped, and what its lines were too many for.
  func drops(of pipeline: Pipeline, job: String) -> [DropCount] {
    pipeline.drops + tally.limitDrops(ofJob: job)
  }

  /// Notes that positions moved.
  func noteChange() {
    if firstChange == nil { firstChange = .now() }
  }

  /// Complete bodies wait for others, so that the disk is synced once for several.
  private static let fullBodiesMax = 3
  private static let fullWaitSeconds = 0.3

  /// Whether lines and positions are to be committed now.
  var isDue: Bool {
    if batcher.fullBodies >= Self.fullBodiesMax { return true }
    guard let firstChange else { return false }
    return MonotonicTime.now().seconds(since: firstChange) >= waitSeconds
  }

  private var waitSeconds: Double {
    batcher.fullBodies > 0
      ? min(settings.batchWaitSeconds, Self.fullWaitSeconds) : settings.batchWaitSeconds
  }

  /// Milliseconds until a commit is due, `most` at most.
  func millisecondsUntilDue(most: Int) -> Int {
    guard let firstChange else { return most }
    let passed = MonotonicTime.now().seconds(since: firstChange)
    return min(most, max(0, Int((waitSeconds - passed) * 1000) + 1))
  }

  var hasChanges: Bool { firstChange != nil || !batcher.isEmpty }

  /// Hands all lines over with the positions that they stand for; waits while the queue is full.
  ///
  /// `isSettled` is called once, on any thread: with true when all of it is durable.
  func commit(positions: [SourcePosition], isSettled: (@Sendable (Bool) -> Void)? = nil) {
    firstChange = nil
    var record = QueueRecord()
    record.positions = positions
    record.bodies = batcher.takeBodies()
    guard !record.positions.isEmpty || !record.bodies.isEmpty else {
      isSettled?(true)
      return
    }
    do throws(DeliveryError) {
      try settings.queue.append(
        record, signal: signal, shares: tally.takeShares(), isSettled: isSettled)
    } catch {
      // The positions are not stored either: the lines will be read again.
      isClosed = true
      isSettled?(false)
    }
  }
}

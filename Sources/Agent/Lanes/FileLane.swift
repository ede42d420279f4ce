import Bytes
import Delivery
import LinuxIO
import LogSources
import Pipeline
import TelemetryModel

/// The thread that reads all jobs' files and runs their stages.
final class FileLane {
  /// Sources of one job on this thread.
  private final class JobLane: LineSink {
    let job: FileJob
    let tailer: FileTailer
    let pipeline: Pipeline
    let mailbox: FileMailbox
    let output: LaneOutput
    let clock: any WallClock
    let meter: JobMeter
    private var lastPath = ""
    private var lastTarget = -1
    private var lastSource: Int64 = .min
    private let tally: SourceTally
    private var hasNewLabels = false
    private var lastLabels = Labels.none
    /// Files that are forgotten, and of which lines may be held.
    private var leaving: Set<Int64> = []

    init(
      _ job: FileJob, tailer: FileTailer, pipeline: Pipeline, mailbox: FileMailbox,
      output: LaneOutput, clock: any WallClock, meter: JobMeter
    ) {
      self.job = job
      self.tailer = tailer
      self.pipeline = pipeline
      self.mailbox = mailbox
      self.output = output
      tally = output.tally
      self.clock = clock
      self.meter = meter
    }

    func take(line: UnsafeRawBufferPointer, path: String, target: Int, origin: LineOrigin) -> Bool {
      if target != lastTarget || !path.hasSameBytes(as: lastPath) {
        lastTarget = target
        lastPath = path
        hasNewLabels = true
        let own = job.targets[min(target, job.targets.count - 1)].labels
        lastLabels = Labels([Label("filename", path)] + own.sorted)
      }
      if origin.source != lastSource {
        lastSource = origin.source
        if tally.name(of: origin.source) == nil {
          tally.name(
            origin.source, SourceName(kind: "file", job: job.name, name: path))
        }
      }
      tally.read(origin.source, bytes: line.count)
      output.noteChange()
      if hasNewLabels {
        hasNewLabels = false
        pipeline.process(
          line: line, timestamp: output.stamp(), labels: lastLabels, origin: origin,
          emit: { output.add($0) })
      } else {
        pipeline.process(
          line: line, timestamp: output.stamp(), origin: origin, emit: { output.add($0) })
      }
      return !output.wantsPause(pipeline)
    }

    var pauseMilliseconds: Int { output.pauseMilliseconds(pipeline) }
    var drops: [DropCount] { output.drops(of: pipeline, job: job.name) }

    /// Lets blocks go that have waited long enough; true when one did.
    func expire() {
      guard pipeline.millisecondsUntilDue == 0 else { return }
      output.noteChange()
      pipeline.expire(emit: output.add)
    }

    func takeChangedPositions() -> [SourcePosition] {
      var held: [Int64: [FilePosition.HeldLine]] = [:]
      if pipeline.holdsLines {
        pipeline.heldOrigins { origin in
          held[origin.source, default: []].append(
            FilePosition.HeldLine(start: origin.start, length: origin.length))
        }
        for source in held.keys { held[source]?.sort { $0.start < $1.start } }
      }
      let changed = tailer.takeChangedPositions(held: held)
      for (number, position) in changed where position == nil { leaving.insert(number) }
      for number in leaving where held[number] == nil {
        let inputs = pipeline.takeInputs(of: number)
        output.tally.fold(number, addedLines: inputs.added, droppedLines: inputs.dropped)
        leaving.remove(number)
      }
      return changed.map { number, position in
        SourcePosition(key: "file:\(number)", value: position?.encoded() ?? [])
      }
    }
  }

  private let settings: LaneSettings
  private let output: LaneOutput
  private let jobs: [JobLane]
  private let signal: ThreadSignal
  private let board: StatusBoard
  private var nextLook = MonotonicTime(nanoseconds: 0)
  private var nextReport = MonotonicTime(nanoseconds: 0)
  /// Something happened of which the accounts do not tell yet.
  private var hasUnreportedChanges = true

  /// Gives numbers to files over all jobs and restarts.
  private final class Numbers {
    var last: Int64 = 0
    func take() -> Int64 {
      last += 1
      return last
    }
  }

  /// Longest sleep while nothing happens.
  private static let idleMilliseconds = 1000
  private static let lookSeconds = 1.0
  /// Accounts of very many files are told less often: this share of the time goes into them.
  private static let reportShareMax = 0.005

  init(
    _ plans: [(job: FileJob, mailbox: FileMailbox)], tail: FileTailSettings,
    restored: RestoredPositions, settings: LaneSettings, fileSystem: any FileSystem,
    signal: ThreadSignal, board: StatusBoard, registry: MetricsRegistry
  ) throws(AgentError) {
    self.settings = settings
    self.signal = signal
    self.board = board
    do throws(SystemError) {
      output = try LaneOutput(settings)
    } catch { throw AgentError(error) }
    let numbers = Numbers()
    numbers.last = restored.lastFileNumber
    var jobs: [JobLane] = []
    for (index, plan) in plans.enumerated() {
      let tailer = FileTailer(
        job: plan.job.name, settings: tail,
        encoding: LineEncoding(name: plan.job.encoding) ?? .utf8, fileSystem: fileSystem,
        clock: settings.clock, takeNumber: numbers.take)
      tailer.restore(restored.files(of: plan.job, isFirst: index == 0, among: plans.map(\.job)))
      tailer.importOffsets(restored.importedOffsets)
      let pipeline = try settings.pipeline(plan.job.stages, job: plan.job.name)
      jobs.append(
        JobLane(
          plan.job, tailer: tailer, pipeline: pipeline, mailbox: plan.mailbox, output: output,
          clock: settings.clock, meter: JobMeter(registry, job: plan.job.name)))
      tailer.exchange(plan.mailbox)
    }
    self.jobs = jobs
  }

  /// Reads until the stop flag is set; then commits what was read.
  func run() {
    while !settings.stop.isSet, !output.isClosed {
      let milliseconds = turn()
      if milliseconds > 0 { signal.wait(milliseconds: Int32(milliseconds)) }
    }
    commit()
    report()
  }

  /// One round over all jobs; how long there is nothing to do.
  private func turn() -> Int {
    var hasMore = false
    var pause = Self.idleMilliseconds
    let isLookDue = MonotonicTime.now() >= nextLook
    output.refreshClock()
    for job in jobs {
      if job.tailer.exchange(job.mailbox) { hasUnreportedChanges = true }
      job.expire()
      let jobPause = job.pauseMilliseconds
      if jobPause > 0 {
        pause = min(pause, jobPause)
      } else if job.tailer.readRound(job, afterChunk: commitIfDue) {
        hasMore = true
      }
      if settings.stop.isSet || output.isClosed { return 0 }
      if isLookDue {
        job.tailer.lookAround(job, afterChunk: commitIfDue)
        if job.tailer.hasChangedPositions { output.noteChange() }
        if job.tailer.hasUnpublishedChanges { hasUnreportedChanges = true }
      }
      if let wait = job.pipeline.millisecondsUntilDue { pause = min(pause, max(1, wait)) }
    }
    if output.hasChanges { hasUnreportedChanges = true }
    if isLookDue {
      let now = MonotonicTime.now()
      nextLook = now.adding(seconds: Self.lookSeconds)
      if hasUnreportedChanges, now >= nextReport { report() }
    }
    if output.isDue { commit() }
    return hasMore ? 0 : output.millisecondsUntilDue(most: pause)
  }

  /// Between two chunks; false to stop reading.
  private func commitIfDue() -> Bool {
    output.refreshClock()
    if output.isDue { commit() }
    return !settings.stop.isSet && !output.isClosed
  }

  private func commit() {
    guard !output.isClosed else { return }
    output.commit(positions: jobs.flatMap { $0.takeChangedPositions() })
  }

  private func report() {
    let begin = MonotonicTime.now()
    hasUnreportedChanges = false
    settings.ledger.set(
      lane: "files", SourceLedger.accounts(output.tally, jobs.map(\.pipeline)))
    for job in jobs {
      settings.ledger.set(job: job.job.name, drops: job.drops)
      job.meter.report(job.tailer.counters, drops: job.drops)
      board.set(job: job.job.name, files: job.tailer.fileStatuses)
    }
    let end = MonotonicTime.now()
    nextReport = end.adding(seconds: end.seconds(since: begin) / Self.reportShareMax)
  }
}

import Configuration
import Delivery
import LinuxIO
import LogSources
import Pipeline
import TelemetryModel

/// The thread that makes lines of what one job receives, and runs its stages.
///
/// Nothing of it can be read again after a crash. A push is answered only once its lines are
/// durable in the queue, so that its sender keeps them until then; for the other protocols, which
/// have no answer, what is not durable yet (a second's worth at most) is lost with the process.
final class ReceiverLane {
  private let job: ReceiverJob
  private let settings: LaneSettings
  private let output: LaneOutput
  private let pipeline: Pipeline
  private let inbox: ReceiverInbox
  private let signal: ThreadSignal
  private let maker: any EntryMaker
  private let board: StatusBoard
  private let meter: JobMeter
  private var number: Int64 = 0
  private var nextReport = MonotonicTime(nanoseconds: 0)
  /// Of items whose lines are not handed to the queue yet.
  private var waiting: [@Sendable (Bool) -> Void] = []

  private static let idleMilliseconds = 250

  init(
    _ job: ReceiverJob, pipeline: Pipeline, inbox: ReceiverInbox, signal: ThreadSignal,
    settings: LaneSettings, board: StatusBoard, registry: MetricsRegistry
  ) throws(AgentError) {
    self.job = job
    self.pipeline = pipeline
    self.inbox = inbox
    self.signal = signal
    self.settings = settings
    self.board = board
    meter = JobMeter(registry, job: job.name)
    do throws(SystemError) {
      output = try LaneOutput(settings)
    } catch { throw AgentError(error) }
    maker =
      switch job.source {
      case .syslog(let settings): SyslogEntryMaker(job, settings)
      case .gelf(let settings): GELFEntryMaker(job, settings)
      case .push(let settings): PushEntryMaker(job, settings)
      case .command, .standardInput: PlainEntryMaker(job)
      }
    output.tally.name(0, SourceName(kind: job.kind, job: job.name, name: ""))
  }

  /// Takes and commits until the stop flag is set or the source has ended.
  func run() {
    while !settings.stop.isSet, !output.isClosed, !inbox.isEnded {
      turn()
    }
    takeAll()
    pipeline.flush(emit: { output.add($0) })
    commit()
    inbox.close()
    report()
  }

  private func turn() {
    let rest = output.pauseMilliseconds(pipeline)
    let took = rest == 0 && takeAll()
    if pipeline.millisecondsUntilDue == 0 {
      output.noteChange()
      pipeline.expire(emit: { output.add($0) })
    }
    // Who waits for an answer does not wait for more lines.
    if output.isDue || !waiting.isEmpty { commit() }
    if MonotonicTime.now() >= nextReport { report() }
    if rest > 0 {
      signal.wait(milliseconds: Int32(clamping: min(rest, 250)))
    } else if !took {
      var pause = output.millisecondsUntilDue(most: Self.idleMilliseconds)
      if let wait = pipeline.millisecondsUntilDue { pause = min(pause, wait) }
      signal.wait(milliseconds: Int32(max(1, pause)))
    }
  }

  @discardableResult
  private func takeAll() -> Bool {
    let items = inbox.take()
    guard !items.isEmpty else { return false }
    output.refreshClock()
    let now = Timestamp(nanoseconds: settings.clock.now())
    for item in items {
      maker.makeEntries(of: item, now: now) { entry in
        number += 1
        output.tally.read(0, bytes: entry.line.count)
        output.noteChange()
        pipeline.process(
          line: entry.line, timestamp: entry.timestamp ?? output.stamp(), labels: entry.labels,
          structuredMetadata: entry.structuredMetadata,
          origin: LineOrigin(source: 0, start: number, length: 1), emit: { output.add($0) })
      }
      if let isSettled = item.isSettled { waiting.append(isSettled) }
      if output.isDue { commit() }
    }
    return true
  }

  private func commit() {
    let settled = waiting
    waiting = []
    guard !output.isClosed else {
      for call in settled { call(false) }
      return
    }
    if settled.isEmpty {
      output.commit(positions: [])
    } else {
      output.commit(positions: []) { isDurable in for call in settled { call(isDurable) } }
    }
  }

  private func report() {
    nextReport = MonotonicTime.now().adding(seconds: 1)
    var counts = maker.counts
    counts.malformed += inbox.malformedMessages
    meter.report(counts, droppedMessages: inbox.droppedMessages)
    let drops = output.drops(of: pipeline, job: job.name)
    meter.report(drops: drops)
    settings.ledger.set(job: job.name, drops: drops)
    settings.ledger.set(
      lane: "receiver:\(job.kind):\(job.name)",
      SourceLedger.accounts(output.tally, [pipeline]))
    board.set(
      job: job.name,
      receiver: StatusBoard.ReceiverStatus(
        kind: job.kind, counts: counts, droppedMessages: inbox.droppedMessages))
  }
}

import Bytes
import Delivery
import LinuxIO
import LogSources
import Pipeline
import TelemetryModel
import WireFormats

/// The thread that reads one job's journal and runs its stages.
final class JournalLane {
  private let job: JournalJob
  private let settings: LaneSettings
  private let output: LaneOutput
  private let pipeline: Pipeline
  private let signal: ThreadSignal
  private let board: StatusBoard
  private let meter: JobMeter
  private let restored: JournalPosition?
  private let log = Log("journal")

  private var entry = JournalEntry()
  private var entries: UInt64 = 0
  private var withoutMessage: UInt64 = 0
  private var unreadable: UInt64 = 0
  /// Running number of the last entry, for origins.
  private var number: Int64 = 0
  /// Cursors of entries that the pipeline may hold, by their number.
  private var cursors: [Int64: String] = [:]
  private var committedCursor: String
  private var units: [[UInt8]: Int64] = [:]
  private var labelCache: [[UInt8]: Labels?] = [:]
  private var nextReport = MonotonicTime(nanoseconds: 0)
  private var failure = RepeatedFailure()

  /// Entries between two looks at the clock.
  private static let burst = 256
  private static let idleMilliseconds: UInt64 = 250
  private static let labelSetsMax = 4096
  /// Units beyond this many are one in accounts.
  private static let unitsMax = 4096

  init(
    _ job: JournalJob, pipeline: Pipeline, restored: JournalPosition?, settings: LaneSettings,
    board: StatusBoard, registry: MetricsRegistry
  ) throws(AgentError) {
    self.job = job
    self.settings = settings
    self.pipeline = pipeline
    self.restored = restored
    self.board = board
    meter = JobMeter(registry, job: job.key)
    committedCursor = restored?.cursor ?? ""
    do throws(SystemError) {
      output = try LaneOutput(settings)
      signal = try ThreadSignal()
    } catch { throw AgentError(error) }
    output.tally.name(0, SourceName(kind: "unit", job: job.key, name: "(others)"))
  }

  /// Reads until the stop flag is set; then commits what was read.
  ///
  /// A journal that cannot be opened or read is tried again every second, and told of once a
  /// minute.
  func run() {
    var held = restored?.held ?? []
    while !settings.stop.isSet, !output.isClosed {
      do throws(LogSourcesError) {
        let reader = try JournalReader(job.settings)
        for cursor in held where try reader.read(at: cursor, into: &entry) {
          process(cursor: cursor)
        }
        held = []
        try reader.seek(
          after: committedCursor.isEmpty ? nil : committedCursor,
          nowMicroseconds: UInt64(max(0, settings.clock.now() / 1000)))
        try follow(reader)
      } catch {
        if failure.failed(now: .now()) {
          log.error(
            "the journal cannot be read; it is tried again every second",
            ["job": job.name, "error": error.message])
        }
        board.set(
          job: job.key,
          journal: StatusBoard.JournalStatus(
            cursor: committedCursor, entries: entries, failure: error.message))
        // What was read is committed with the place reached, so that the next reader goes on there.
        if output.hasChanges { commit(committedCursor) }
        signal.wait(milliseconds: 1000)
      }
    }
  }

  private func follow(_ reader: JournalReader) throws(LogSourcesError) {
    defer {
      if let cursor = reader.cursor { commit(cursor) }
      report(reader)
    }
    while !settings.stop.isSet, !output.isClosed {
      var count = 0
      output.refreshClock()
      let rest = output.pauseMilliseconds(pipeline)
      while rest == 0, count < Self.burst, try reader.next(into: &entry) {
        count += 1
        process(cursor: pipeline.holdsLines ? reader.cursor : nil)
      }
      if failure.ended() { log.info("the journal can be read again", ["job": job.name]) }
      if pipeline.millisecondsUntilDue == 0 {
        output.noteChange()
        pipeline.expire(emit: { output.add($0) })
      }
      if output.isDue, let cursor = reader.cursor ?? Optional(committedCursor) { commit(cursor) }
      if MonotonicTime.now() >= nextReport { report(reader) }
      if rest > 0 { signal.wait(milliseconds: Int32(clamping: min(rest, 250))) }
      guard rest == 0, count < Self.burst else { continue }
      let pause = output.millisecondsUntilDue(most: Int(Self.idleMilliseconds))
      reader.wait(milliseconds: UInt64(max(1, pause)))
    }
  }

  private func process(cursor: String?) {
    entries &+= 1
    number += 1
    output.noteChange()
    if let cursor { cursors[number] = cursor }
    let unit = unitNumber()
    let message = entry.value(of: "MESSAGE")
    output.tally.read(unit, bytes: message?.count ?? 0)
    guard let labels = entryLabels() else {
      output.tally.leftOut(unit)
      return
    }
    let timestamp = Timestamp(
      nanoseconds: Int64(clamping: entry.realtimeMicroseconds).multipliedReportingOverflow(by: 1000)
        .partialValue)
    let origin = LineOrigin(source: unit, start: number, length: 1)
    if job.isJSON {
      var writer = JSONWriter()
      entry.writeJSON(&writer)
      writer.bytes.withUnsafeBytes {
        pipeline.process(
          line: $0, timestamp: timestamp, labels: labels, origin: origin, emit: { output.add($0) })
      }
      return
    }
    guard let message else {
      withoutMessage &+= 1
      output.tally.leftOut(unit)
      return
    }
    entry.withBytes(message) {
      pipeline.process(
        line: $0, timestamp: timestamp, labels: labels, origin: origin, emit: { output.add($0) })
    }
  }

  /// The number of the entry's unit, for accounts.
  private func unitNumber() -> Int64 {
    let range = entry.value(of: "_SYSTEMD_UNIT")
    let name = range.map { entry.withBytes($0) { [UInt8]($0) } } ?? []
    if let known = units[name] { return known }
    guard units.count < Self.unitsMax else { return 0 }
    let number = Int64(units.count + 1)
    units[name] = number
    output.tally.name(
      number,
      SourceName(kind: "unit", job: job.key, name: String(decoding: name, as: UTF8.self)))
    return number
  }

  /// The labels that relabelling makes of the entry's fields; nil when it drops the entry.
  private func entryLabels() -> Labels? {
    guard job.hasRelabeling else { return job.labels.isEmpty ? nil : job.labels }
    let key: [UInt8]? = job.settings.fields == nil ? nil : entry.labelKey
    if let key, let known = labelCache[key] { return known }
    let meta = entry.metaLabels().map { Label($0.key, $0.value) }
    let labels = job.relabeling.apply(to: Labels(job.labels.sorted + meta))?.withoutInternalLabels
    let kept = labels.flatMap { $0.isEmpty ? nil : $0 }
    if let key {
      if labelCache.count >= Self.labelSetsMax { labelCache = [:] }
      labelCache[key] = .some(kept)
    }
    return kept
  }

  private func commit(_ cursor: String) {
    guard !output.isClosed else { return }
    var held: [String] = []
    if pipeline.holdsLines {
      var numbers: [Int64] = []
      pipeline.heldOrigins { numbers.append($0.start) }
      numbers.sort()
      held = numbers.compactMap { cursors[$0] }
      let kept = Set(numbers)
      cursors = cursors.filter { kept.contains($0.key) }
    }
    let position = JournalPosition(cursor: cursor, held: held)
    committedCursor = cursor
    output.commit(positions: [
      SourcePosition(key: "journal:\(job.key)", value: position.encoded())
    ])
  }

  private func report(_ reader: JournalReader) {
    nextReport = MonotonicTime.now().adding(seconds: 1)
    meter.report(
      journalEntries: entries, unreadable: unreadable + UInt64(reader.unreadableEntries),
      withoutMessage: withoutMessage)
    let drops = output.drops(of: pipeline, job: job.key)
    meter.report(drops: drops)
    settings.ledger.set(job: job.key, drops: drops)
    settings.ledger.set(
      lane: "journal:\(job.key)",
      SourceLedger.accounts(output.tally, [pipeline]))
    board.set(
      job: job.key,
      journal: StatusBoard.JournalStatus(cursor: committedCursor, entries: entries, failure: nil))
  }
}

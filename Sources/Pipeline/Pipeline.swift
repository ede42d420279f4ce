package import Configuration
package import LinuxIO
package import LogSources
package import TelemetryModel

/// A job's stages, run over its lines (Promtail's `pipeline_stages`).
///
/// Synchronous and without locks: belongs to one thread. A line that `process` neither emits nor
/// holds was dropped. Lines are held by `multiline` and `cri` only; their origins can be asked
/// for, and come back with the block that they end up in.
package final class Pipeline {
  private let program: [Stage]
  /// The same, to be called without counting references: `program` keeps them.
  private let steps: [Unmanaged<Stage>]
  /// The stages' places in the configuration.
  private let stageNames: [String]
  private let jobName: String
  private let inspector: PipelineInspector?
  private let isInspected: Bool
  /// Those stages of the program that can hold lines, with their places.
  private let holdingStages: [(index: Int, stage: any HoldingStage)]
  private let shared: StageResources
  // Stages of one thread take turns with these, and none calls back: the checks of each access
  // took a twentieth of the time of a line.
  @exclusivity(unchecked) private var entry: StageEntry
  @exclusivity(unchecked) private var bases: [Labels: BaseLabels] = [:]
  /// Of the line that came last.
  @exclusivity(unchecked) private var lastBase: BaseLabels
  @exclusivity(unchecked) private var sets = LabelSets()
  /// Of the line that is handed on.
  private let rest = OutputRest()
  private let restReference: Unmanaged<OutputRest>
  private let tenantSlot: Int
  private var dropCounts: [String: DropCount] = [:]
  /// Lines that came in and were dropped, alone or in a block, by their source's number.
  package private(set) var droppedInputs: [Int64: UInt64] = [:]
  /// Lines that stages made besides those that came in, by their source's number.
  package private(set) var addedInputs: [Int64: UInt64] = [:]

  /// Gives the counts of a source that does not come again, and forgets them.
  package func takeInputs(of source: Int64) -> (added: UInt64, dropped: UInt64) {
    (
      addedInputs.removeValue(forKey: source) ?? 0, droppedInputs.removeValue(forKey: source) ?? 0
    )
  }

  /// More kinds of incoming labels than this are forgotten, and made again as they come.
  private static let basesMax = 4096
  private var basesMade = 1

  /// Throws ``PipelineError`` for a stage whose settings cannot be meant or are not supported.
  ///
  /// - Parameters:
  ///   - metrics: where `metrics` stages count; by default nobody sees it.
  ///   - inspector: gets what each stage did to each line, which takes its time.
  package init(
    stages: [StageConfiguration], jobName: String, clock: any WallClock,
    zones: TimeZoneDatabase = .utcOnly, metrics: PipelineMetrics? = nil,
    inspector: PipelineInspector? = nil
  ) throws(PipelineError) {
    shared = StageResources(
      clock: clock, zones: zones, metrics: metrics ?? PipelineMetrics(clock: clock))
    var compiler = StageCompiler(shared: shared, jobName: jobName)
    do { try compiler.compile(stages) } catch { throw PipelineError(error) }
    program = compiler.program
    steps = program.map { Unmanaged.passUnretained($0) }
    stageNames = compiler.names
    self.jobName = jobName
    self.inspector = inspector
    isInspected = inspector != nil
    holdingStages = program.enumerated().compactMap { index, stage in
      (stage as? any HoldingStage).map { (index, $0) }
    }
    restReference = Unmanaged.passUnretained(rest)
    tenantSlot = shared.slots.slot("__tenant_id__")
    let none = BaseLabels(.none, id: 0, slots: shared.slots)
    lastBase = none
    entry = StageEntry(base: none, timestamp: .zero, origin: .none)
    bases[.none] = none
  }

  /// What was noticed in the settings, which are good nevertheless: settings that no stage knows.
  package var remarks: [String] { shared.remarks.texts }

  /// Whether a stage can hold lines back.
  package var holdsLines: Bool { !holdingStages.isEmpty }

  /// When ``expire(emit:)`` has something to do, in the monotonic clock's nanoseconds; nil for
  /// never.
  var nextDeadline: Int64? {
    holdingStages.compactMap { $0.stage.nextDeadline }.min()
  }

  /// Milliseconds until ``expire(emit:)`` has something to do, 0 when it is due; nil for never.
  package var millisecondsUntilDue: Int? {
    guard let deadline = nextDeadline else { return nil }
    return Pipeline.milliseconds(deadline - shared.monotonicNow)
  }

  /// Milliseconds for which the caller should read no more, since a `limit` stage without `drop`
  /// says so; 0 for none.
  package var pauseMilliseconds: Int {
    guard let moment = shared.readAgainAt else { return 0 }
    let left = Pipeline.milliseconds(moment - shared.monotonicNow)
    if left == 0 { shared.readAgainAt = nil }
    return left
  }

  /// Whether ``pauseMilliseconds`` is more than 0.
  package var wantsPause: Bool { shared.readAgainAt != nil && pauseMilliseconds > 0 }

  /// Rounded up, 0 at least.
  private static func milliseconds(_ nanoseconds: Int64) -> Int {
    Int((max(0, nanoseconds) + 999_999) / 1_000_000)
  }

  /// What was dropped so far, by reason.
  package var drops: [DropCount] { dropCounts.values.sorted { $0.reason < $1.reason } }

  /// What `limit` stages with `by_label_name` dropped so far, sorted by label.
  package var dropsByLabel: [LabelDropCount] {
    shared.dropsByLabel.map { key, lines in
      let value = String(decoding: key.value, as: UTF8.self)
      return LabelDropCount(label: Label(shared.slots.names[key.name], value), lines: lines)
    }.sorted { $0.label < $1.label }
  }

  /// Runs a line through the stages.
  ///
  /// - Parameters:
  ///   - line: borrowed for the call.
  ///   - labels: the source's labels after relabelling.
  ///   - emit: called for each line that comes out, this one or earlier ones.
  package func process(
    line: UnsafeRawBufferPointer, timestamp: Timestamp, labels: Labels,
    structuredMetadata: [Label] = [], origin: LineOrigin, emit: (PipelineOutput) -> Void
  ) {
    if lastBase.labels != labels { lastBase = base(labels) }
    takeLastBase()
    entry.reset(
      line: line, timestamp: timestamp, structuredMetadata: structuredMetadata, origin: origin,
      slotCount: shared.slots.count)
    run(&entry, from: 0, emit)
  }

  /// The same for a line with the labels of the line before, which there was.
  package func process(
    line: UnsafeRawBufferPointer, timestamp: Timestamp, origin: LineOrigin,
    emit: (PipelineOutput) -> Void
  ) {
    takeLastBase()
    entry.reset(
      line: line, timestamp: timestamp, structuredMetadata: [], origin: origin,
      slotCount: shared.slots.count)
    run(&entry, from: 0, emit)
  }

  /// A block that a stage let go of may have left labels of its own.
  @inline(__always)
  private func takeLastBase() {
    // Nearly always they are the same, which is found without counting references.
    let isSame =
      Unmanaged.passUnretained(entry.base).toOpaque()
      == Unmanaged.passUnretained(lastBase).toOpaque()
    if !isSame { entry.base = lastBase }
  }

  /// The same for a line of no source.
  package func process(
    line: UnsafeRawBufferPointer, timestamp: Timestamp, labels: Labels,
    structuredMetadata: [Label] = [], emit: (PipelineOutput) -> Void
  ) {
    process(
      line: line, timestamp: timestamp, labels: labels, structuredMetadata: structuredMetadata,
      origin: .none, emit: emit)
  }

  /// Lets go of blocks that have waited long enough.
  package func expire(emit: (PipelineOutput) -> Void) {
    let now = shared.monotonicNow
    continueAll({ $0.expired(now: now) }, emit)
  }

  /// Lets go of everything held, as at a source's end.
  package func flush(emit: (PipelineOutput) -> Void) {
    continueAll({ $0.flushed() }, emit)
  }

  /// Lets go of what Promtail lets go of when it stops: partial lines of containers stay.
  func stop(emit: (PipelineOutput) -> Void) { continueAll({ $0.stopped() }, emit) }

  /// Visits the origin of every line that is held now.
  package func heldOrigins(_ visit: (LineOrigin) -> Void) {
    for (_, stage) in holdingStages { stage.heldOrigins(visit) }
  }

  private func continueAll(
    _ entries: (any HoldingStage) -> [StageEntry], _ emit: (PipelineOutput) -> Void
  ) {
    for (index, stage) in holdingStages {
      for var entry in entries(stage) { run(&entry, from: index + 1, emit) }
    }
  }

  private func run(
    _ entry: inout StageEntry, from start: Int, _ emit: (PipelineOutput) -> Void
  ) {
    var at = start
    while at < steps.count {
      switch isInspected ? inspected(at, &entry) : step(at, &entry) {
      case .proceed: at += 1
      case .jump(let target): at = target
      case .hold: return
      case .drop(let reason):
        dropCounts[reason, default: DropCount(reason: reason, lines: 0, bytes: 0)].lines += 1
        dropCounts[reason]?.bytes += UInt64(entry.line.count)
        droppedInputs[entry.origin.source, default: 0] += entry.inputCount
        return
      case .split(let parts):
        if parts.count > 1 {
          addedInputs[entry.origin.source, default: 0] +=
            UInt64(parts.count - 1) * entry.inputCount
        }
        for var part in parts { run(&part, from: at + 1, emit) }
        return
      case .replace(let others):
        for var other in others { run(&other, from: at + 1, emit) }
        return
      }
    }
    finish(&entry, emit)
  }

  @inline(__always)
  private func step(_ at: Int, _ entry: inout StageEntry) -> StageVerdict {
    steps[at]._withUnsafeGuaranteedRef { $0.process(&entry, shared) }
  }

  /// Runs one stage and tells what it did.
  private func inspected(_ at: Int, _ entry: inout StageEntry) -> StageVerdict {
    let before = EntrySnapshot(entry, shared.slots)
    let verdict = step(at, &entry)
    let outcome: StageInspection.Outcome =
      switch verdict {
      case .proceed: .passed
      case .jump: .skipped
      case .hold: .held
      case .drop(let reason): .dropped(reason: reason)
      case .replace(let others), .split(let others): .replaced(count: others.count)
      }
    var after: EntrySnapshot?
    switch verdict {
    case .proceed, .jump: after = EntrySnapshot(entry, shared.slots)
    case .replace(let others), .split(let others):
      after = others.first.map { EntrySnapshot($0, shared.slots) }
    case .hold, .drop: break
    }
    inspector?(
      StageInspection(
        job: jobName, stage: stageNames[at], before: before, after: after, outcome: outcome))
    return verdict
  }

  private func finish(_ entry: inout StageEntry, _ emit: (PipelineOutput) -> Void) {
    var isPlain = entry.structuredMetadata.isEmpty && entry.earlierOrigins.isEmpty
    if entry.hasLabel(tenantSlot), let range = entry.label(tenantSlot) {
      rest.tenant = entry.string(range)
      entry.removeLabel(tenantSlot)
      isPlain = false
    }
    if !isPlain {
      rest.structuredMetadata = entry.structuredMetadata
      rest.earlierOrigins = entry.earlierOrigins
    }
    let labelSet: Unmanaged<LabelSet>
    if entry.labelChanges.isEmpty {
      labelSet = Unmanaged.passUnretained(entry.base.labelSet)
    } else {
      labelSet = sets.set(of: entry, shared)
    }
    // All that is handed on lives until the next line: the entry, the sets, the rest.
    entry.bytes.withUnsafeBytes { bytes in
      emit(
        PipelineOutput(
          labelSet: labelSet, timestamp: entry.timestamp, distantTime: entry.distantTime,
          line: UnsafeRawBufferPointer(rebasing: bytes[entry.line]), origin: entry.origin,
          isPlain: isPlain, rest: restReference))
    }
    if !isPlain {
      rest.tenant = nil
      rest.structuredMetadata = []
      rest.earlierOrigins = []
    }
  }

  /// The prepared form of labels; sources hand in the same few again and again.
  private func base(_ labels: Labels) -> BaseLabels {
    if let known = bases[labels] { return known }
    if bases.count >= Pipeline.basesMax { bases.removeAll() }
    let base = BaseLabels(labels, id: basesMade, slots: shared.slots)
    basesMade += 1
    bases[labels] = base
    return base
  }
}

extension LineOrigin {
  /// Of no line at all.
  static let none = LineOrigin(source: 0, start: 0, length: 0)
}

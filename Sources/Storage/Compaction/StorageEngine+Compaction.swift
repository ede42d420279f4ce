import LinuxIO
import Synchronization
import TelemetryModel

/// What the compaction's thread does: it writes segments anew, merged or without rows that are
/// deleted or past their retention, and puts them in place in one transaction.
extension StorageEngine {
  /// Segments to write anew as one.
  private struct Task {
    /// With the deletes to apply to each; those that can be cancelled still are not among them.
    var rewrites: [SegmentRewrite]
    var deletesThrough: UInt64

    var segments: [Segment] { rewrites.map(\.segment) }
  }

  /// What the compaction's thread remembers from one look to the next.
  private struct Memory {
    /// Segments that turned out to be damaged.
    var spoiled: Set<UInt64> = []
    /// Segments that hold rows of ripe deletes: further deletes change nothing in that.
    var touched: Set<UInt64> = []
    /// Segments whose indexes could not be read, until all others have been looked at.
    var unreadable: Set<UInt64> = []
    /// The ripe deletes when that was found.
    var ripe: Set<UInt64> = []

    /// Forgets what was found when a delete is there no more that was not ``settled(_:)``.
    mutating func look(at ripe: [Tombstone], _ segments: [Segment]) {
      let present = Set(ripe.map(\.number))
      if !self.ripe.isSubset(of: present) { touched = [] }
      touched.formIntersection(segments.map(\.id))
      self.ripe = present
    }

    /// Deletes of which no segment holds rows.
    mutating func settled(_ numbers: Set<UInt64>) { ripe.subtract(numbers) }
  }

  /// What compaction sees of the store at one moment.
  private struct View {
    var segments: [Segment]
    var ripe: [Tombstone]
    /// All deletes up to here are ripe or gone.
    var ripeThrough: UInt64
    var pending: [Tombstone]
    var lastDelete: UInt64
    var now: Timestamp
  }

  func serveCompaction() {
    var memory = Memory()
    let interval = Int32(clamping: max(1, configuration.compactionInterval.nanoseconds / 1_000_000))
    while !state.withLock({ $0.isClosing }) {
      var isDone = false
      do throws(StorageError) {
        isDone = try compactOnce(&memory)
      } catch {
        guard error.code != .closed else { return }
        metrics.failedCompactions.add()
        log.error(
          "compaction failed and is tried again",
          ["store": configuration.name, "reason": error.message])
      }
      if !isDone { compactionSignal.wait(milliseconds: interval) }
    }
  }

  /// Does the most useful piece of work; false when there is no more.
  private func compactOnce(_ memory: inout Memory) throws(StorageError) -> Bool {
    var view = view()
    let isSettled = try settleDeletes(view, &memory)
    // Tried again at the next look.
    try? forgetDeletes(view.now)
    // What was noted just now is known to the choice.
    if !view.ripe.isEmpty { view = self.view() }
    guard let task = chooseTask(view, memory), hasRoom(for: task.segments) else {
      return !isSettled
    }
    do throws(StorageError) {
      return try perform(task) || !isSettled
    } catch {
      guard error.code == .corrupt else { throw error }
      // A segment with damage stays as it is; repair looks after it.
      if !task.segments.contains(where: \.isDamaged) {
        memory.spoiled.formUnion(task.segments.map(\.id))
      }
      return true
    }
  }

  private func view() -> View {
    let now = Timestamp(nanoseconds: clock.now())
    // A delete that is being made is in both or in neither.
    let (segments, pending, lastDelete) = turn.withLock { _ in
      let lastDelete = shelf.lastDelete.withLock { $0 }
      return state.withLock { ($0.segments, $0.deletes.pending, lastDelete) }
    }
    let ripe = Array(pending.prefix { $0.created + configuration.deleteCancelPeriod <= now })
    return View(
      segments: segments, ripe: ripe,
      ripeThrough: ripe.count < pending.count ? pending[ripe.count].number - 1 : lastDelete,
      pending: pending, lastDelete: lastDelete, now: now)
  }

  // MARK: choosing

  /// Notes deletes of which nothing is left, and segments that hold none of a delete's rows.
  ///
  /// False when there are more segments to look at: after a fifth of a second it is noted what was
  /// found up to then, so that a process that is killed again and again gets on.
  private func settleDeletes(_ view: View, _ memory: inout Memory) throws(StorageError) -> Bool {
    memory.look(at: view.ripe, view.segments)
    guard !view.ripe.isEmpty else { return true }
    let (clear, isWhole) = lookForDeleted(view, &memory)
    var change = CatalogChange()
    change.added = clear.map { segment in
      var record = segment.record
      record.deletesThrough = max(record.deletesThrough, view.ripeThrough)
      return record
    }
    let touched = Set(change.added.map(\.id))
    let left = view.segments.filter { !touched.contains($0.id) }
    for var tombstone in view.ripe
    where !left.contains(where: { tombstone.mayTouch($0.record) }) {
      tombstone.isProcessed = true
      change.tombstones.append(tombstone)
    }
    guard change != CatalogChange() else { return isWhole }
    try turn.withLock { [change] _ throws(StorageError) in
      // What was dropped or cancelled meanwhile must not come back.
      let (ids, numbers) = state.withLock { state in
        (Set(state.segments.map(\.id)), Set(state.deletes.pending.map(\.number)))
      }
      var change = change
      change.added.removeAll { !ids.contains($0.id) }
      change.tombstones.removeAll { !numbers.contains($0.number) }
      try catalog.commit(change)
      let deletes = Dictionary(
        uniqueKeysWithValues: change.added.map { ($0.id, $0.deletesThrough) })
      let processed = Set(change.tombstones.map(\.number))
      state.withLock { state in
        state.segments = state.segments.map { segment in
          deletes[segment.id].map { segment.with(deletesThrough: $0) } ?? segment
        }
        state.deletes.markProcessed(processed)
      }
      memory.settled(processed)
      // Deletes that are processed are looked at once more when they come back as new ones.
      if !processed.isEmpty { try? keepDeletes(tombstones) }
    }
    return isWhole
  }

  /// Looks for rows of ripe deletes in segments that were not looked at, for a fifth of a second:
  /// those that hold none, and whether these are all.
  private func lookForDeleted(_ view: View, _ memory: inout Memory) -> ([Segment], isWhole: Bool) {
    let judge = makeHead()
    let end = MonotonicTime.now().adding(seconds: 0.2)
    var clear: [Segment] = []
    // Deletes that ripen all the time must not let the first segments be looked at again and again.
    let longestAgo = view.segments.sorted { $0.record.deletesThrough < $1.record.deletesThrough }
    for segment in longestAgo
    where !memory.touched.contains(segment.id) && !memory.unreadable.contains(segment.id) {
      let touching = view.ripe.filter { $0.mayTouch(segment.record) }
      guard !touching.isEmpty else { continue }
      switch gain(of: SegmentRewrite(segment, tombstones: touching), by: judge) {
      case .nothing: clear.append(segment)
      case .part, .all: memory.touched.insert(segment.id)
      // A segment that does not say what it holds keeps its deletes.
      case nil: memory.unreadable.insert(segment.id)
      }
      if MonotonicTime.now() >= end { return (clear, false) }
    }
    memory.unreadable = []
    return (clear, true)
  }

  private func chooseTask(_ view: View, _ memory: Memory) -> Task? {
    let usable = view.segments.filter { !memory.spoiled.contains($0.id) && !$0.isDamaged }
    let judge = makeHead()
    let plan = CompactionPlan(rawBytesMax: configuration.compactedBytesMax, now: view.now)
    if let task = chooseCleaning(usable, view, memory, plan, judge) { return task }
    let chosen = plan.choose(
      usable.map { segment in
        let touching = view.pending.first { $0.mayTouch(segment.record) }
        return CompactionPlan.Candidate(
          segment, deletes: touching.map { $0.number - 1 } ?? view.lastDelete,
          sharedByteCount: judge.sharedByteCount(of: segment))
      })
    let segments = chosen.compactMap { id in usable.first { $0.id == id } }
    guard let first = segments.first else { return nil }
    let touching = view.pending.first { $0.mayTouch(first.record) }
    return Task(
      rewrites: segments.map { rewrite($0, [], view.now) },
      deletesThrough: touching.map { $0.number - 1 } ?? view.lastDelete)
  }

  /// The first segment with rows that are to go, and small ones near it for which that is so, too:
  /// each has to be written anew anyway.
  private func chooseCleaning(
    _ usable: [Segment], _ view: View, _ memory: Memory, _ plan: CompactionPlan, _ judge: Head
  ) -> Task? {
    var task: Task?
    var joined: [CompactionPlan.Candidate] = []
    var looksLeft = 4 * CompactionPlan.segmentsMax
    for segment in usable {
      if !joined.isEmpty { looksLeft -= 1 }
      guard looksLeft > 0, joined.count < CompactionPlan.segmentsMax else { break }
      let isTouched = memory.touched.contains(segment.id)
      // One that was not looked at yet for rows of deletes has time.
      if !isTouched, view.ripe.contains(where: { $0.mayTouch(segment.record) }) { continue }
      let touching = isTouched ? view.ripe.filter { $0.mayTouch(segment.record) } : []
      let rewrite = rewrite(segment, touching, view.now)
      switch gain(of: rewrite, by: judge) {
      case .nothing, nil: continue
      case .part(let share) where touching.isEmpty && share < 0.25: continue
      case .part, .all: break
      }
      // What is known of deletes must be so for all that become one.
      let candidate = CompactionPlan.Candidate(
        segment, deletes: max(segment.record.deletesThrough, view.ripeThrough),
        sharedByteCount: judge.sharedByteCount(of: segment))
      guard plan.joins(candidate, joined) else { continue }
      joined.append(candidate)
      if task == nil { task = Task(rewrites: [], deletesThrough: candidate.deletes) }
      task?.rewrites.append(rewrite)
    }
    return task
  }

  /// What a rewrite would take out, nil when the indexes cannot be read at present: not even that
  /// it is nothing is known. Damage is passed over in silence: it was told of when it was found.
  func gain(of rewrite: SegmentRewrite, by judge: Head) -> RewriteGain? {
    do throws(StorageError) {
      return try judge.gain(of: rewrite)
    } catch {
      guard error.code != .corrupt else { return nil }
      log.error(
        "a segment does not say which rows are to go; it is asked again",
        [
          "store": configuration.name, "path": rewrite.segment.path, "reason": error.message,
        ])
      return nil
    }
  }

  private func rewrite(_ segment: Segment, _ tombstones: [Tombstone], _ now: Timestamp)
    -> SegmentRewrite
  {
    SegmentRewrite(
      segment, tombstones: tombstones, now: now, retention: configuration.retention)
  }

  /// Room for the new segment beside the old ones, above the reserve.
  private func hasRoom(for segments: [Segment]) -> Bool {
    guard let space = try? fileSystem.freeSpace(shelf.layout.folder) else { return false }
    let bytes = segments.reduce(0) { $0 + $1.record.byteCount }
    return space.available >= reserve(space) + Int64(bytes)
  }

  // MARK: doing

  /// False when somebody else has a claim on the segments.
  private func perform(_ task: Task) throws(StorageError) -> Bool {
    let ids = Set(task.segments.map(\.id))
    guard state.withLock({ $0.claim(ids) }) else { return false }
    defer { state.withLock { $0.claimed.subtract(ids) } }
    let start = MonotonicTime.now()
    let pace = WorkPace(share: configuration.compactionShare, signal: compactionSignal) {
      [self] in state.withLock { $0.isClosing }
    }
    let records = try write(
      task.rewrites, deletesThrough: task.deletesThrough
    ) { () throws(StorageError) in try pace.step() }
    try replace(task.segments, by: records)
    giveBackFreed(task.segments.reduce(0) { $0 + $1.record.summary.rawByteCount })
    metrics.compactions.add()
    metrics.compactedSegments.add(task.segments.count)
    metrics.compactedBytes.add(task.segments.reduce(0) { $0 + $1.record.byteCount })
    metrics.compactionSeconds.add(
      nanoseconds: MonotonicTime.now().nanoseconds - start.nanoseconds)
    return true
  }

  /// Writes segments anew as one that has its name and is in no catalog yet.
  ///
  /// It says in their place which records of the log are in segments, for when the catalog is lost.
  func write(
    _ rewrites: [SegmentRewrite], deletesThrough: UInt64,
    pace: (() throws(StorageError) -> Void)? = nil
  ) throws(StorageError) -> [SegmentRecord] {
    let output = shelf.output(
      SegmentLineage(deletesThrough: deletesThrough, replaces: rewrites.map(\.segment.id)),
      level: (rewrites.map(\.segment.summary.level).max() ?? 0) + 1, pace: pace)
    do throws(StorageError) {
      try makeHead().merge(rewrites, to: output)
      return try output.seal(releasesThrough: rewrites.map(\.segment.releasesThrough).max() ?? 0)
    } catch {
      output.abandon()
      throw error
    }
  }

  /// Puts written segments in the place of others, in one transaction.
  ///
  /// When the catalog fails it may have them or not: it is asked again until it answers. At a
  /// close in between the next start sees what the catalog has, and sweeps the rest.
  func replace(_ old: [Segment], by records: [SegmentRecord]) throws(StorageError) {
    var change = CatalogChange()
    change.added = records
    change.removed = old.map(\.id)
    change.nextSegmentID = shelf.upcomingID
    let ids = Set(change.removed)
    var opened: [Segment] = []
    for record in records { opened.append(try shelf.open(record).segment) }
    while true {
      do throws(StorageError) {
        try turn.withLock { [change, opened] _ throws(StorageError) in
          try catalog.commit(change)
          state.withLock { state in
            state.segments.removeAll { ids.contains($0.id) }
            state.segments = (state.segments + opened).sorted(by: Self.isBefore)
          }
        }
        break
      } catch {
        metrics.failedCompactions.add()
        log.error(
          "merged segments cannot be noted yet, it is tried again",
          ["store": configuration.name, "reason": error.message])
        if state.withLock({ $0.isClosing }) { throw StorageError(.closed, "the store is closed") }
        compactionSignal.wait(milliseconds: 200)
      }
    }
    // Names that stay are swept at the next start.
    for segment in old { try? fileSystem.remove(segment.path) }
    showSegments()
  }
}

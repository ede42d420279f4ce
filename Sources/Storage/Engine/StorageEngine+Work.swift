import LinuxIO
import Synchronization
import TelemetryModel

/// What the engine's own thread does.
extension StorageEngine {
  /// How far the flush of the sealed head has come. Lives on the engine's thread.
  enum FlushStage {
    /// Nothing is written.
    case rows
    /// The segments are there by name; the catalog may have them or not.
    case named([SegmentRecord])
    /// The catalog has them.
    case recorded([SegmentRecord])
  }

  func serve() {
    var stage = FlushStage.rows
    var nextRetention = MonotonicTime(nanoseconds: 0)
    let interval = Int32(clamping: max(1, configuration.checkInterval.nanoseconds / 1_000_000))
    while true {
      let requests = state.withLock { state in
        defer {
          state.flushRequests = []
          state.checkRequests = []
        }
        return (flush: state.flushRequests, check: state.checkRequests, end: state.isClosing)
      }
      if requests.end {
        end(requests.flush, requests.check)
        return
      }
      if !requests.flush.isEmpty {
        let failure = flushAll(&stage)
        for request in requests.flush { request.resume(returning: failure) }
      } else if state.withLock({ $0.sealed != nil }) || isFlushDue() {
        _ = flushSealed(&stage)
      }
      checkDisk()
      recordQuarantine()
      if !requests.check.isEmpty || clock.monotonic() >= nextRetention {
        applyRetention()
        nextRetention = clock.monotonic().adding(seconds: configuration.retentionInterval.seconds)
      }
      for request in requests.check { request.resume() }
      signal.wait(milliseconds: interval)
    }
  }

  private func end(
    _ flushes: [UnsafeContinuation<StorageError?, Never>],
    _ checks: [UnsafeContinuation<Void, Never>]
  ) {
    for request in flushes {
      request.resume(returning: StorageError(.closed, "the store is closed"))
    }
    for request in checks { request.resume() }
    recordQuarantine()
    releaseWaiting()
    // Appends that the log has taken already still reach the head before the log is closed.
    while state.withLock({ $0.active.appendsUnderWay + ($0.sealed?.appendsUnderWay ?? 0) }) > 0 {
      signal.wait(milliseconds: 10)
    }
  }

  private func isFlushDue() -> Bool {
    let (head, begun) = state.withLock { ($0.active.head, $0.active.begun) }
    if head.memoryByteCount >= configuration.headBytesFlush { return true }
    guard let begun else { return false }
    return clock.monotonic() >= begun.adding(seconds: configuration.headAgeFlush.seconds)
  }

  // MARK: flushing

  private func flushAll(_ stage: inout FlushStage) -> StorageError? {
    if state.withLock({ $0.sealed != nil }), let failure = flushSealed(&stage) { return failure }
    return flushSealed(&stage)
  }

  /// Seals the present head, unless one is sealed already, and brings it into segments.
  private func flushSealed(_ stage: inout FlushStage) -> StorageError? {
    guard let slot = seal() else { return nil }
    let start = MonotonicTime.now()
    do throws(StorageError) {
      try advance(&stage, slot)
    } catch {
      metrics.failedFlushes.add()
      state.withLock { $0.flushFailure = error }
      releaseWaiting()
      log.error(
        "a flush failed; the rows are safe in the log, and it is tried again",
        ["store": configuration.name, "reason": error.message])
      return error
    }
    stage = .rows
    metrics.flushes.add()
    metrics.flushSeconds.add(nanoseconds: MonotonicTime.now().nanoseconds - start.nanoseconds)
    return nil
  }

  /// The head to flush, with all its appends at rest; nil when there is nothing.
  private func seal() -> HeadSlot? {
    let (slot, isNew) = state.withLock { state -> (HeadSlot?, Bool) in
      if let sealed = state.sealed { return (sealed, false) }
      guard state.active.begun != nil else { return (nil, false) }
      let next = HeadSlot(head: makeHead(), generation: state.active.generation + 1)
      var sealed = state.active
      // All records that the log has taken up to now belong to the sealed head.
      sealed.lastSequence = wal.lastSequence
      state.sealed = sealed
      state.active = next
      return (sealed, true)
    }
    guard slot != nil else { return nil }
    if isNew {
      wal.roll()
      releaseWaiting()
    }
    while let sealed = state.withLock({ $0.sealed }), sealed.appendsUnderWay > 0 {
      signal.wait(milliseconds: 100)
    }
    return state.withLock { $0.sealed }
  }

  private func advance(_ stage: inout FlushStage, _ slot: HeadSlot) throws(StorageError) {
    if case .rows = stage {
      stage = .named(try shelf.write(slot.head, releasesThrough: slot.lastSequence))
    }
    if case .named(let records) = stage {
      // May be made twice when the first answer was lost: it says the same.
      try catalog.commit(
        shelf.change(adding: records, releasedThrough: slot.lastSequence))
      stage = .recorded(records)
    }
    guard case .recorded(let records) = stage else { return }
    var opened: [Segment] = []
    for record in records { opened.append(try shelf.open(record).segment) }
    state.withLock { state in
      state.segments = (state.segments + opened).sorted(by: Self.isBefore)
      state.sealed = nil
      state.flushFailure = nil
    }
    releaseWaiting()
    showSegments()
    wal.release(through: slot.lastSequence)
  }

  private func releaseWaiting() {
    let waiting = state.withLock { state in
      defer { state.waitingAppends = [] }
      return state.waitingAppends
    }
    for append in waiting { append.resume() }
  }

  /// Notes damage in the catalog; it would be found again otherwise, which does no harm.
  private func recordQuarantine() {
    var change = CatalogChange()
    change.quarantined = shelf.damage.takeUnrecorded()
    guard !change.quarantined.isEmpty else { return }
    state.withLock { $0.statistics.quarantinedPageCount += change.quarantined.count }
    try? catalog.commit(change)
  }

  // MARK: disk and time

  private func checkDisk() {
    guard let space = try? fileSystem.freeSpace(shelf.layout.folder) else { return }
    metrics.freeBytes.set(Double(space.available))
    let least = configuration.freeBytesMin ?? min(1 << 30, space.total / 20)
    let refusal =
      space.available >= least
      ? nil
      : "only \(space.available) bytes are free on the disk of \(shelf.layout.folder), "
        + "\(least) are kept in reserve: free some; writing resumes by itself"
    let changed = state.withLock { state in
      defer { state.refusal = refusal }
      return (state.refusal == nil) != (refusal == nil)
    }
    guard changed else { return }
    if let refusal {
      log.error("the disk is full, appends are refused", ["reason": refusal])
    } else {
      log.info("the disk has room again, appends are taken", ["free_bytes": space.available])
    }
  }

  /// Drops segments whose newest row is past retention.
  private func applyRetention() {
    guard configuration.retention > .zero else { return }
    let limit = Timestamp(nanoseconds: clock.now()) - configuration.retention
    let expired = state.withLock { $0.segments }.filter { $0.summary.newest < limit }
    guard !expired.isEmpty else { return }
    var change = CatalogChange()
    change.removed = expired.map(\.id)
    do throws(StorageError) {
      try catalog.commit(change)
    } catch {
      log.error("retention failed and is tried again", ["reason": error.message])
      return
    }
    let ids = Set(change.removed)
    state.withLock { $0.segments.removeAll { ids.contains($0.id) } }
    // A name that stays is swept at the next start.
    for segment in expired { try? fileSystem.remove(segment.path) }
    metrics.expiredSegments.add(expired.count)
    showSegments()
  }
}

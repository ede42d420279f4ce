import LinuxIO
import Synchronization
import TelemetryModel

/// What the engine's own thread does.
extension StorageEngine {
  func serve() {
    var stage = FlushStage.rows
    var nextRetention = MonotonicTime(nanoseconds: 0)
    let interval = Int32(clamping: max(1, configuration.checkInterval.nanoseconds / 1_000_000))
    while true {
      let requests = state.withLock { state in
        defer {
          state.flushRequests = []
          state.checkRequests = []
          state.jobs = []
        }
        return (
          flush: state.flushRequests, check: state.checkRequests, jobs: state.jobs,
          end: state.isClosing
        )
      }
      if requests.end {
        for job in requests.jobs { job.refuse() }
        end(requests.flush, requests.check)
        return
      }
      if !requests.flush.isEmpty {
        let failure = flushAll(&stage)
        for request in requests.flush { request.resume(returning: failure) }
      } else if state.withLock({ $0.sealed != nil }) || isFlushDue() {
        _ = flushSealed(&stage)
      }
      for job in requests.jobs { job.run(&stage) }
      checkDisk()
      recordQuarantine()
      measureLog()
      showSegments()
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
    let memory = head.memoryByteCount
    if memory >= configuration.headBytesFlush { return true }
    // Small heads would not help, and make small segments.
    if memory >= configuration.headBytesFlush / 8, isMemoryShort() { return true }
    guard let begun else { return false }
    return clock.monotonic() >= begun.adding(seconds: configuration.headAgeFlush.seconds)
  }

  private func isMemoryShort() -> Bool {
    guard configuration.memoryReserveShare > 0, let room = MemoryRoom.now() else { return false }
    return Double(room.available) < Double(room.total) * configuration.memoryReserveShare
  }

  // MARK: flushing

  func flushAll(_ stage: inout FlushStage) -> StorageError? {
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
      state.flushedShare = 0
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
      // The last tenth is for making it durable.
      let step = 0.9 / Double(max(1, slot.head.rowCount))
      let records = try shelf.write(slot.head, releasesThrough: slot.lastSequence) { [self] rows in
        state.withLock { $0.flushedShare = Double(rows) * step }
        releaseWaiting()
      }
      stage = .named(records)
    }
    if case .named(let records) = stage {
      // May be made twice when the first answer was lost: it says the same.
      try catalog.commit(
        shelf.change(adding: records, releasedThrough: slot.lastSequence))
      shelf.releasedThrough.withLock { $0 = slot.lastSequence }
      stage = .recorded(records)
    }
    guard case .recorded(let records) = stage else { return }
    var opened: [Segment] = []
    for record in records { opened.append(try shelf.open(record).segment) }
    state.withLock { [opened] state in
      state.segments = (state.segments + opened).sorted(by: Self.isBefore)
      state.sealed = nil
      state.flushFailure = nil
    }
    releaseWaiting()
    showSegments()
    wal.release(through: slot.lastSequence)
    giveBackFreed(slot.head.memoryByteCount)
  }

  /// Gives memory back after work that took `bytes` and more, when that is enough to be worth the
  /// milliseconds that it takes.
  func giveBackFreed(_ bytes: Int) {
    guard bytes >= 4 << 20 else { return }
    // The next head takes as much as this one: so much is kept, and half for the writing of it.
    ProcessLimits.giveBackFreed(above: configuration.headBytesFlush / 2 * 3)
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
    let least = reserve(space)
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

  /// What is to stay free on the disk.
  func reserve(_ space: FreeSpace) -> Int64 {
    configuration.freeBytesMin ?? min(1 << 30, space.total / 20)
  }

  private func measureLog() {
    let folder = shelf.layout.wal
    guard let names = try? fileSystem.list(folder) else { return }
    var bytes: Int64 = 0
    for name in names {
      if let status = try? fileSystem.status("\(folder)/\(name)") { bytes += status.size }
    }
    state.withLock { [bytes] in $0.walByteCount = Int(bytes) }
  }
}

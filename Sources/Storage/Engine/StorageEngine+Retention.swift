import LinuxIO
import Synchronization
import TelemetryModel

/// What is dropped whole: by age, by the store's own rules, and for want of room in the budget.
extension StorageEngine {
  func applyRetention() {
    let now = Timestamp(nanoseconds: clock.now())
    let judge = makeHead()
    let expired = state.withLock { state in
      state.segments.filter { !state.merging.contains($0.id) }
    }.filter { segment in
      let rewrite = SegmentRewrite(segment, now: now, retention: configuration.retention)
      return judge.gain(of: rewrite) == .all
    }
    if drop(expired) { metrics.expiredSegments.add(expired.count) }
    guard let budget = configuration.budget else { return }
    while true {
      let (segments, merging, logBytes) = state.withLock {
        ($0.segments, $0.merging, $0.walByteCount)
      }
      let bytes = segments.reduce(logBytes) { $0 + $1.record.byteCount }
      let oldest = segments.filter { !merging.contains($0.id) }
        .min { $0.summary.newest < $1.summary.newest }
      let mustDrop = budget.mustDrop(
        store: configuration.name, bytes: bytes, oldest: oldest?.summary.newest)
      guard mustDrop, let oldest, drop([oldest]) else { return }
      metrics.budgetSegments.add()
      tell(dropped: oldest, budget)
    }
  }

  private func tell(dropped segment: Segment, _ budget: DiskBudget) {
    log.info(
      "the stores are over retention_bytes; the oldest rows are dropped",
      [
        "store": configuration.name, "path": segment.path, "rows": segment.summary.rowCount,
        "retention_bytes": budget.bytesMax,
      ])
  }

  /// Takes segments out of the store; true when there were some and it is done.
  private func drop(_ segments: [Segment]) -> Bool {
    guard !segments.isEmpty else { return false }
    var change = CatalogChange()
    change.removed = segments.map(\.id)
    let ids = Set(change.removed)
    do throws(StorageError) {
      try turn.withLock { _ throws(StorageError) in
        try catalog.commit(change)
        state.withLock { $0.segments.removeAll { ids.contains($0.id) } }
      }
    } catch {
      log.error("retention failed and is tried again", ["reason": error.message])
      return false
    }
    // A name that stays is swept at the next start.
    for segment in segments { try? fileSystem.remove(segment.path) }
    showSegments()
    return true
  }
}

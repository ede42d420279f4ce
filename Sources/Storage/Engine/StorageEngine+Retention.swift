import LinuxIO
import Synchronization
import TelemetryModel

/// What is dropped whole: by age, by the store's own rules, and for want of room in the budget.
extension StorageEngine {
  func applyRetention() {
    let now = Timestamp(nanoseconds: clock.now())
    let judge = makeHead()
    let expired = state.withLock { state in
      state.segments.filter { !state.claimed.contains($0.id) }
    }.filter { segment in
      let rewrite = SegmentRewrite(segment, now: now, retention: configuration.retention)
      return gain(of: rewrite, by: judge) == .all
    }
    metrics.expiredSegments.add(drop(expired))
    guard let budget = configuration.budget else { return }
    while true {
      let (segments, claimed, logBytes) = state.withLock {
        ($0.segments, $0.claimed, $0.walByteCount)
      }
      let bytes = segments.reduce(logBytes) { $0 + $1.record.byteCount }
      let oldest = segments.filter { !claimed.contains($0.id) }
        .min { $0.summary.newest < $1.summary.newest }
      let mustDrop = budget.mustDrop(
        store: configuration.name, bytes: bytes, oldest: oldest?.summary.newest)
      guard mustDrop, let oldest, drop([oldest]) == 1 else { return }
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

  /// Takes segments out of the store, those left out that a merge has claimed meanwhile; how many
  /// there were, 0 when it failed.
  private func drop(_ segments: [Segment]) -> Int {
    let dropped = state.withLock { state in segments.filter { state.claim([$0.id]) } }
    guard !dropped.isEmpty else { return 0 }
    var change = CatalogChange()
    change.removed = dropped.map(\.id)
    let ids = Set(change.removed)
    defer { state.withLock { $0.claimed.subtract(ids) } }
    do throws(StorageError) {
      try turn.withLock { [change] _ throws(StorageError) in
        try catalog.commit(change)
        state.withLock { $0.segments.removeAll { ids.contains($0.id) } }
      }
    } catch {
      log.error("retention failed and is tried again", ["reason": error.message])
      return 0
    }
    // A name that stays is swept at the next start.
    for segment in dropped { try? fileSystem.remove(segment.path) }
    showSegments()
    return dropped.count
  }
}

extension StorageEngine.State {
  /// Keeps everybody else from taking these segments out of the store; true when all of them are
  /// there and nobody had claimed any. Whoever claims gives up the claim at the end.
  mutating func claim(_ ids: Set<UInt64>) -> Bool {
    guard claimed.isDisjoint(with: ids), ids.isSubset(of: segments.map(\.id)) else { return false }
    claimed.formUnion(ids)
    return true
  }
}

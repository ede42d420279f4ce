import LinuxIO
import Synchronization
package import TelemetryModel

extension StorageEngine {
  /// Hides rows at once, and has compaction take them away after the cancel period.
  ///
  /// `query` is text of the store's own, which it has checked. Holds for rows that were appended
  /// before; these are flushed first. Durable when it returns; when it throws,
  /// the rows may be hidden from the next start on. Throws ``StorageError/Code/overloaded``, and
  /// hides nothing, when so many requests wait that their file would be too large.
  nonisolated(nonsending)
    package func delete(tenant: String, query: String, range: ClosedRange<Timestamp>)
    async throws(StorageError) -> Tombstone
  {
    let created = Timestamp(nanoseconds: clock.now())
    return try await perform { [self] stage in
      if let failure = flushAll(&stage) { return .failure(failure) }
      return Result { () throws(StorageError) in
        let tombstone = try turn.withLock { _ throws(StorageError) in
          // Taken whatever comes of it: rows of segments to come must never be this one's.
          let number = shelf.lastDelete.withLock { last in
            last += 1
            return last
          }
          let tombstone = Tombstone(
            number: number, tenant: tenant, query: query, range: range, created: created)
          // Before the catalog, so that no delete that is acknowledged is in the catalog alone.
          try keepDeletes(tombstones + [tombstone])
          var change = CatalogChange()
          change.tombstones = [tombstone]
          change.lastDelete = number
          try catalog.commit(change)
          state.withLock { $0.deletes.add(tombstone) }
          return tombstone
        }
        compactionSignal.set()
        return tombstone
      }
    }
  }

  /// Writes the second record of what the catalog has, or is about to have. Called in turn.
  func keepDeletes(_ tombstones: [Tombstone]) throws(StorageError) {
    try DeletesFile(layout: shelf.layout, fileSystem: fileSystem).write(
      DeletesFile.Content(
        tombstones: tombstones, lastDelete: shelf.lastDelete.withLock { $0 },
        releasedThrough: shelf.releasedThrough.withLock { $0 }))
  }

  /// All deletes that were not cancelled, by number; those that are processed for
  /// ``StorageConfiguration/processedDeletesAge``.
  package var tombstones: [Tombstone] { state.withLock { $0.deletes }.all }

  /// Forgets deletes that are processed since long, so that what is written and read for each
  /// request does not grow with all there ever were. Their numbers are not used again.
  func forgetDeletes(_ now: Timestamp) throws(StorageError) {
    let limit = now - configuration.processedDeletesAge
    try turn.withLock { _ throws(StorageError) in
      let numbers = state.withLock {
        $0.deletes.outdated(before: limit, countMax: configuration.processedDeletesMax)
      }
      guard !numbers.isEmpty else { return }
      var change = CatalogChange()
      change.removedTombstones = numbers.sorted()
      // In the other order a crash in between would bring them back with a catalog made anew.
      try keepDeletes(tombstones.filter { !numbers.contains($0.number) })
      try catalog.commit(change)
      state.withLock { $0.deletes.remove(numbers) }
    }
  }

  /// Takes a delete back; rows that are on disk still are seen again. False when there is none
  /// with the number, or when it is processed.
  nonisolated(nonsending)
    package func cancelDelete(_ number: UInt64) async throws(StorageError) -> Bool
  {
    try await perform { [self] _ in
      guard state.withLock({ $0.deletes.pending.contains { $0.number == number } }) else {
        return .success(false)
      }
      var change = CatalogChange()
      change.removedTombstones = [number]
      return Result { () throws(StorageError) in
        try turn.withLock { [change] _ throws(StorageError) in
          try keepDeletes(tombstones.filter { $0.number != number })
          try catalog.commit(change)
          state.withLock { $0.deletes.remove([number]) }
        }
        return true
      }
    }
  }
}

import LinuxIO
import Synchronization
import TelemetryModel

extension StorageEngine {
  /// The head that an append belongs to, whatever is sealed meanwhile.
  private struct Ticket {
    let head: Head
    let generation: UInt64
  }

  /// Makes a record durable and then runs `apply` on the head that it belongs to.
  ///
  /// The payload is `parts` one after another, 256 MiB at most; ``StoreHead/replay(_:)`` must
  /// bring the same rows from it as `apply` does. Waits while heads are over their memory, as
  /// long as the flush takes to make room for one more. Throws
  /// ``StorageError/Code/diskFull``, `overloaded`, `tooLarge`, `closed` or `system`; then the
  /// rows are not in the store, except that a record whose sync failed can come back after a
  /// crash.
  nonisolated(nonsending)
    package func append(kind: UInt8, parts: [[UInt8]], apply: (Head) -> Void)
    async throws(StorageError)
  {
    while try mustWait() {
      await withUnsafeContinuation { continuation in
        let isTold = state.withLock { state in
          guard state.sealed != nil, !state.isClosing else { return false }
          state.waitingAppends.append(continuation)
          return true
        }
        if !isTold { continuation.resume() }
      }
    }
    var ticket: Ticket?
    let result: Result<UInt64, StorageError> = await withUnsafeContinuation { continuation in
      do throws(StorageError) {
        ticket = try state.withLock { state throws(StorageError) in
          guard !state.isClosing else { throw StorageError(.closed, "the store is being closed") }
          // Under the lock, so that sealing knows which records belong to which head.
          try wal.enqueue(kind: kind, parts: parts) { continuation.resume(returning: $0) }
          state.active.appendsUnderWay += 1
          if state.active.begun == nil { state.active.begun = clock.monotonic() }
          return Ticket(head: state.active.head, generation: state.active.generation)
        }
      } catch {
        continuation.resume(returning: .failure(error))
      }
    }
    guard let ticket else {
      metrics.refusedAppends.add()
      _ = try result.get()
      return
    }
    if case .success = result {
      apply(ticket.head)
      metrics.appendedRecords.add()
      metrics.appendedBytes.add(parts.reduce(0) { $0 + $1.count })
    } else {
      metrics.failedAppends.add()
    }
    finish(ticket)
    _ = try result.get()
  }

  /// Whether heads are over their memory. Throws when waiting would not help.
  private func mustWait() throws(StorageError) -> Bool {
    try state.withLock { state throws(StorageError) in
      guard !state.isClosing else { throw StorageError(.closed, "the store is being closed") }
      if let refusal = state.refusal {
        metrics.refusedAppends.add()
        throw StorageError(.diskFull, refusal, path: shelf.layout.folder)
      }
      guard state.active.head.memoryByteCount >= state.headBytesMax(configuration.headBytesFlush)
      else { return false }
      if let failure = state.flushFailure {
        metrics.refusedAppends.add()
        throw StorageError(
          failure.code == .diskFull ? .diskFull : .overloaded,
          "memory is full and cannot be flushed, appends resume by themselves: "
            + failure.message, path: failure.path)
      }
      if state.sealed == nil { signal.set() }
      return state.sealed != nil
    }
  }

  private func finish(_ ticket: Ticket) {
    let memory = ticket.head.memoryByteCount
    let wake = state.withLock { state in
      if state.active.generation == ticket.generation {
        state.active.appendsUnderWay -= 1
        return memory >= configuration.headBytesFlush && state.sealed == nil
      }
      state.sealed?.appendsUnderWay -= 1
      return state.sealed?.appendsUnderWay == 0
    }
    if wake { signal.set() }
  }
}

extension StorageEngine.State {
  /// What the present head may take before appends must wait.
  ///
  /// While another head is flushed this grows with what is written of it, so that appends come
  /// as fast as the flush goes, each waiting for a block or two, instead of fast at first and then
  /// not at all. At the end it is not much more than what starts the next flush: heads that grew
  /// from flush to flush would take ever more memory.
  func headBytesMax(_ headBytesFlush: Int) -> Int {
    // A flush that fails may succeed later: there is room for some time.
    guard sealed != nil, flushFailure == nil else { return 2 * headBytesFlush }
    let (least, most) = (Double(headBytesFlush) * 0.15, Double(headBytesFlush) * 1.25)
    return Int(least + (most - least) * flushedShare)
  }
}

import LinuxIO
import Synchronization

/// Something that the engine's thread is asked to do between flushes.
struct EngineJob: Sendable {
  let run: @Sendable (inout FlushStage) -> Void
  /// Called instead when the store is being closed.
  let refuse: @Sendable () -> Void
}

/// How far the flush of the sealed head has come. Lives on the engine's thread.
enum FlushStage {
  /// Nothing is written.
  case rows
  /// The segments are there by name; the catalog may have them or not.
  case named([SegmentRecord])
  /// The catalog has them.
  case recorded([SegmentRecord])
}

extension StorageEngine {
  /// Has a piece of work done by the engine's thread and waits for it.
  nonisolated(nonsending)
    func perform<Value: Sendable>(
      _ work: @escaping @Sendable (inout FlushStage) -> Result<Value, StorageError>
    ) async throws(StorageError) -> Value
  {
    let result: Result<Value, StorageError> = await withUnsafeContinuation { continuation in
      let closed = StorageError(.closed, "the store is closed")
      let job = EngineJob(
        run: { stage in continuation.resume(returning: work(&stage)) },
        refuse: { continuation.resume(returning: .failure(closed)) })
      let isTaken = state.withLock { state in
        if !state.isClosing { state.jobs.append(job) }
        return !state.isClosing
      }
      if isTaken { signal.set() } else { job.refuse() }
    }
    return try result.get()
  }
}

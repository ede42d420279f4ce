import Synchronization

extension EventLoop {
  /// Suspends the calling task for `seconds` by the monotonic clock.
  ///
  /// Unlike `Task.sleep` it asks for no timer of the kernel's own, which a faked clock stops.
  /// Throws at once when the task is cancelled.
  package func sleep(seconds: Double) async throws(CancellationError) {
    let sleeper = Sleeper()
    let isWhole = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        guard sleeper.begin(continuation) else { return }
        _ = schedule(at: MonotonicTime.now().adding(seconds: max(0, seconds))) {
          sleeper.end(isWhole: true)
        }
      }
    } onCancel: {
      sleeper.end(isWhole: false)
    }
    if !isWhole { throw CancellationError() }
  }
}

/// One sleep: ended once, by its time or by cancellation.
private final class Sleeper: Sendable {
  private enum State {
    case new
    case asleep(CheckedContinuation<Bool, Never>)
    case ended(isWhole: Bool)
  }

  private let state = Mutex(State.new)

  /// False when it was ended before.
  func begin(_ continuation: CheckedContinuation<Bool, Never>) -> Bool {
    let ended: Bool? = state.withLock { state in
      if case .ended(let isWhole) = state { return isWhole }
      state = .asleep(continuation)
      return nil
    }
    if let ended { continuation.resume(returning: ended) }
    return ended == nil
  }

  func end(isWhole: Bool) {
    let continuation: CheckedContinuation<Bool, Never>? = state.withLock { state in
      defer { if case .ended = state {} else { state = .ended(isWhole: isWhole) } }
      if case .asleep(let continuation) = state { return continuation }
      return nil
    }
    continuation?.resume(returning: isWhole)
  }
}

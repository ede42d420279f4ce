import CLinux
import Glibc
import Synchronization

/// A pool of threads that may block: disk waits, queries, compression.
///
/// Also a `TaskExecutor`: `Task(executorPreference:)` and `withTaskExecutorPreference` run their
/// nonisolated code on the pool. Jobs start in the order in which they came. The threads live
/// until ``shutdown()``, at most `threadCount` of them, started as they are needed.
package final class BlockingExecutor: TaskExecutor, Sendable {
  private enum Work {
    case job(UnownedJob)
    case closure(@Sendable () -> Void)
  }

  private struct State {
    var queue = Deque<Work>()
    var threads = 0
    var sleeping = 0
    var running = 0
    var stopping = false
  }

  /// What the pool is doing at this moment.
  package struct Load: Sendable, Hashable {
    package let running: Int
    package let waiting: Int
  }

  package let name: String
  package let threadCount: Int
  /// Work beyond this many waiting pieces is refused by ``runIfAdmitted(_:)``.
  package let waitingMax: Int
  private let state = Mutex(State())
  private let wakeup: Descriptor

  /// Makes a pool of up to `threadCount` threads.
  ///
  /// `waitingMax` bounds ``runIfAdmitted(_:)`` alone; ``run(_:)`` and task jobs always wait, and
  /// are bounded by whoever admits the requests that make them.
  package init(name: String, threadCount: Int, waitingMax: Int = 1024) throws(SystemError) {
    precondition(threadCount > 0 && waitingMax >= 0)
    self.name = name
    self.threadCount = threadCount
    self.waitingMax = waitingMax
    let descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_SEMAPHORE))
    guard descriptor >= 0 else { throw .last("eventfd") }
    wakeup = Descriptor(owning: descriptor)
  }

  package var load: Load {
    state.withLock { Load(running: $0.running, waiting: $0.queue.count) }
  }

  package func enqueue(_ job: consuming ExecutorJob) { submit(.job(UnownedJob(job))) }

  /// Runs `body` on a thread of the pool and returns its result; waits its turn first.
  ///
  /// `body` may block. Cancelling the caller's task does not interrupt it.
  nonisolated(nonsending)
    package func run<T: Sendable, E: Error>(_ body: @escaping @Sendable () throws(E) -> T)
    async throws(E) -> T
  {
    let result: Result<T, E> = await withUnsafeContinuation { continuation in
      submit(
        .closure {
          do throws(E) {
            continuation.resume(returning: .success(try body()))
          } catch {
            continuation.resume(returning: .failure(error))
          }
        })
    }
    return try result.get()
  }

  /// As ``run(_:)``, or `nil` at once when `waitingMax` pieces of work wait already.
  nonisolated(nonsending)
    package func runIfAdmitted<T: Sendable, E: Error>(
      _ body: @escaping @Sendable () throws(E) -> T
    ) async throws(E) -> T?
  {
    guard load.waiting < waitingMax else { return nil }
    return try await run(body)
  }

  /// Runs `body` on the pool without waiting for it.
  package func submit(_ body: @escaping @Sendable () -> Void) { submit(.closure(body)) }

  /// Lets the threads end once the queue is empty. Work that comes later starts threads anew.
  package func shutdown() {
    let sleeping = state.withLock { state in
      state.stopping = true
      defer { state.sleeping = 0 }
      return state.sleeping
    }
    wake(sleeping)
  }

  private enum Next {
    case nothing, wake, thread
  }

  private func submit(_ work: Work) {
    let next: Next = state.withLock { state in
      state.queue.append(work)
      if state.sleeping > 0 {
        state.sleeping -= 1
        return .wake
      }
      guard state.threads < threadCount else { return .nothing }
      state.threads += 1
      return .thread
    }
    switch next {
    case .nothing: break
    case .wake: wake(1)
    case .thread: startThread()
    }
  }

  private func startThread() {
    do {
      _ = try LinuxThread.start(name: name) { [self] in serve() }
    } catch {
      let left = state.withLock { state in
        state.threads -= 1
        return state.threads
      }
      // Others will come to it; with none at all, the work can only be done here.
      if left == 0 { serveOnce() }
    }
  }

  private func serveOnce() {
    while let work = state.withLock({ $0.queue.popFirst() }) { perform(work) }
  }

  private func serve() {
    var ran = false
    while true {
      enum Step {
        case perform(Work), sleep, end
      }
      let step: Step = state.withLock { state in
        if ran { state.running -= 1 }
        if let work = state.queue.popFirst() {
          state.running += 1
          return .perform(work)
        }
        if state.stopping {
          state.threads -= 1
          return .end
        }
        state.sleeping += 1
        return .sleep
      }
      ran = false
      switch step {
      case .perform(let work):
        perform(work)
        ran = true
      case .sleep:
        var count: UInt64 = 0
        while read(wakeup.number, &count, 8) < 0, errno == EINTR {}
      case .end: return
      }
    }
  }

  private func perform(_ work: Work) {
    switch work {
    case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
    case .closure(let body): body()
    }
  }

  private func wake(_ count: Int) {
    guard count > 0 else { return }
    var value = UInt64(count)
    while write(wakeup.number, &value, 8) < 0, errno == EINTR {}
  }
}

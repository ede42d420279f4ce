import LinuxIO
import LogStore
import Synchronization

/// One thread's part in a scan.
struct ScanWorker {
  fileprivate let plan: any LogRowPlan
  let limits: QueryLimits

  /// Visits batches until none is left; translates what the store throws.
  func scan(_ visit: (LogRows) throws(QueryError) -> ScanStep) throws(QueryError)
    -> ScanStatistics
  {
    do {
      return try plan.run { rows in
        try limits.check()
        return try visit(rows)
      }
    } catch {
      throw QueryError(scanning: error, limits)
    }
  }
}

/// Shares the batches of a scan among threads.
///
/// The calling thread always takes part. Others are started only while fewer than
/// ``threadsMax`` work for queries of this process, so that many queries at once don't make
/// more threads than there are processors.
struct ScanWorkers {
  private static let threadsMax = LinuxThread.processorCount
  private static let threads = Atomic(0)

  private let plan: any LogRowPlan
  private let limits: QueryLimits

  init(_ plan: any LogRowPlan, _ limits: QueryLimits) {
    self.plan = plan
    self.limits = limits
  }

  /// What `work` makes on each thread, in no order; the first error when one fails, which ends
  /// the others. `inOrder` is for what depends on which batch comes first: the calling thread gets
  /// all of them, one after the other.
  func run<Part: Sendable>(
    inOrder: Bool = false, _ work: @escaping @Sendable (ScanWorker) throws(QueryError) -> Part
  ) throws(QueryError) -> [Part] {
    let outcome = WorkOutcome<Part>()
    var limits = limits
    let isCancelled = limits.isCancelled
    limits.isCancelled = { outcome.hasFailed || isCancelled() }
    let worker = ScanWorker(plan: plan, limits: limits)
    let perform: @Sendable () -> Void = {
      do throws(QueryError) {
        outcome.add(try work(worker))
      } catch {
        outcome.fail(error)
      }
    }
    Self.threads.add(1, ordering: .relaxed)
    defer { Self.threads.subtract(1, ordering: .relaxed) }
    let helpers = inOrder ? [] : startHelpers(perform)
    perform()
    for helper in helpers { helper.join() }
    Self.threads.subtract(helpers.count, ordering: .relaxed)
    return try outcome.result()
  }

  private func startHelpers(_ perform: @escaping @Sendable () -> Void) -> [LinuxThread] {
    var helpers: [LinuxThread] = []
    while helpers.count + 1 < plan.workersMax {
      let (_, count) = Self.threads.add(1, ordering: .relaxed)
      guard count <= Self.threadsMax,
        let thread = try? LinuxThread.start(name: "query", perform)
      else {
        Self.threads.subtract(1, ordering: .relaxed)
        break
      }
      helpers.append(thread)
    }
    return helpers
  }
}

/// What the threads of one scan have made so far.
private final class WorkOutcome<Part: Sendable>: Sendable {
  private struct State {
    var parts: [Part] = []
    var error: QueryError?
  }

  private let state = Mutex(State())
  private let failed = Atomic(false)

  var hasFailed: Bool { failed.load(ordering: .relaxed) }

  func add(_ part: Part) { state.withLock { $0.parts.append(part) } }

  /// Keeps the first error: later ones come of the threads being ended.
  func fail(_ error: QueryError) {
    state.withLock { if $0.error == nil { $0.error = error } }
    failed.store(true, ordering: .relaxed)
  }

  func result() throws(QueryError) -> [Part] {
    try state.withLock { (state) throws(QueryError) in
      if let error = state.error { throw error }
      return state.parts
    }
  }
}

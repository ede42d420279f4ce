package import LinuxIO
import Synchronization
package import TelemetryModel

/// Lets queries onto threads, tenant after tenant: one that asks a lot waits for itself, not the
/// others for it.
///
/// At most `concurrentMax` queries run at a time; of each tenant at most `waitingPerTenantMax`
/// wait, and more are refused. Tenants with waiting queries take turns; a tenant's own queries
/// go in the order in which they came. Safe to use from any thread.
package final class QueryQueue: Sendable {
  private struct Waiter {
    let number: Int
    /// Told true to run, false when the caller gave up.
    let turn: UnsafeContinuation<Bool, Never>
  }

  private struct State {
    var running = 0
    var nextNumber = 0
    var waiting: [TenantID: [Waiter]] = [:]
    /// Tenants with waiting queries, whose turn is next first.
    var turns: [TenantID] = []
  }

  private let executor: BlockingExecutor
  private let concurrentMax: Int
  private let waitingPerTenantMax: Int
  private let state = Mutex(State())

  package init(executor: BlockingExecutor, concurrentMax: Int, waitingPerTenantMax: Int = 2048) {
    precondition(concurrentMax > 0)
    self.executor = executor
    self.concurrentMax = concurrentMax
    self.waitingPerTenantMax = waitingPerTenantMax
  }

  /// Queries that wait for their turn.
  package var waitingCount: Int {
    state.withLock { $0.waiting.values.reduce(0) { $0 + $1.count } }
  }

  /// Runs `body`, a query of `tenant`, on the executor when its turn has come; nil when too many
  /// of the tenant wait, or when the caller's task was cancelled meanwhile.
  nonisolated(nonsending)
    package func run<T: Sendable>(_ tenant: TenantID, _ body: @escaping @Sendable () -> T)
    async -> T?
  {
    guard await admit(tenant) else { return nil }
    defer { passOn() }
    return await executor.run(body)
  }

  nonisolated(nonsending) private func admit(_ tenant: TenantID) async -> Bool {
    let number = state.withLock { state in
      state.nextNumber += 1
      return state.nextNumber
    }
    return await withTaskCancellationHandler {
      await withUnsafeContinuation { turn in
        let answer: Bool? = state.withLock { state in
          // The handler may have run already, when there was nothing to give up yet.
          if Task.isCancelled { return false }
          if state.running < concurrentMax {
            state.running += 1
            return true
          }
          if state.waiting[tenant, default: []].count >= waitingPerTenantMax { return false }
          if state.waiting[tenant, default: []].isEmpty { state.turns.append(tenant) }
          state.waiting[tenant, default: []].append(Waiter(number: number, turn: turn))
          return nil
        }
        if let answer { turn.resume(returning: answer) }
      }
    } onCancel: {
      giveUp(number, tenant)
    }
  }

  private func giveUp(_ number: Int, _ tenant: TenantID) {
    let turn: UnsafeContinuation<Bool, Never>? = state.withLock { state in
      guard let at = state.waiting[tenant]?.firstIndex(where: { $0.number == number }) else {
        return nil
      }
      let waiter = state.waiting[tenant]?.remove(at: at)
      if state.waiting[tenant]?.isEmpty == true {
        state.waiting[tenant] = nil
        state.turns.removeAll { $0 == tenant }
      }
      return waiter?.turn
    }
    turn?.resume(returning: false)
  }

  /// A query has ended: the next tenant's turn.
  private func passOn() {
    let turn: UnsafeContinuation<Bool, Never>? = state.withLock { state in
      guard !state.turns.isEmpty else {
        state.running -= 1
        return nil
      }
      let tenant = state.turns.removeFirst()
      let waiter = state.waiting[tenant]?.removeFirst()
      if state.waiting[tenant]?.isEmpty == true {
        state.waiting[tenant] = nil
      } else {
        state.turns.append(tenant)
      }
      return waiter?.turn
    }
    turn?.resume(returning: true)
  }
}

package import LinuxIO
import Synchronization

/// Several servers for one destination, in order: bodies go to the first that works.
///
/// A server that has not answered, or answered with a fault of its own, for so long gives way to
/// the next one, and is tried again with a body every so often: the first one that takes it is
/// used from then on. Refusals and 429 are answers: nobody else is asked.
package final class FailoverTransport: PushTransport {
  private struct State {
    var current = 0
    /// Since when the current one fails.
    var failingSince: MonotonicTime?
    var nextProbe = MonotonicTime(nanoseconds: 0)
  }

  private let members: [any PushTransport]
  private let names: [String]
  private let failoverSeconds: Double
  private let probeSeconds: Double
  private let now: @Sendable () -> MonotonicTime
  private let state = Mutex(State())
  private let log = Log("push")

  /// `names` are for messages, one for each member; the first member is the usual one.
  package init(
    _ members: [any PushTransport], names: [String], failoverSeconds: Double, probeSeconds: Double,
    now: @escaping @Sendable () -> MonotonicTime = { .now() }
  ) {
    precondition(!members.isEmpty && members.count == names.count, "each server has a name")
    self.members = members
    self.names = names
    self.failoverSeconds = failoverSeconds
    self.probeSeconds = probeSeconds
    self.now = now
  }

  /// The index of the server that gets bodies now; 0 for the usual one.
  package var current: Int { state.withLock { $0.current } }

  package func push(_ body: [UInt8], tenant: String) async -> PushResponse {
    let probes = probes()
    for index in probes {
      let response = await members[index].push(body, tenant: tenant)
      if !Self.isFailure(response) {
        use(index)
        return response
      }
    }
    let index = current
    let response = await members[index].push(body, tenant: tenant)
    note(response, of: index)
    return response
  }

  /// Servers before the current one that are to be tried first, when it is time.
  private func probes() -> Range<Int> {
    let now = now()
    return state.withLock { state in
      guard state.current > 0, now >= state.nextProbe else { return 0..<0 }
      state.nextProbe = now.adding(seconds: probeSeconds)
      return 0..<state.current
    }
  }

  private static func isFailure(_ response: PushResponse) -> Bool {
    response.kind != .status(429) && PushVerdict(response) == .retry
  }

  private func use(_ index: Int) {
    let changed = state.withLock { state in
      guard state.current != index else { return false }
      state.current = index
      state.failingSince = nil
      return true
    }
    if changed { log.info("a server is used again", ["server": names[index]]) }
  }

  private func note(_ response: PushResponse, of index: Int) {
    let now = now()
    let next: Int? = state.withLock { state in
      guard state.current == index else { return nil }
      guard Self.isFailure(response) else {
        state.failingSince = nil
        return nil
      }
      let since = state.failingSince ?? now
      state.failingSince = since
      guard now.seconds(since: since) >= failoverSeconds else { return nil }
      // After the last one the first has its turn again.
      state.current = (index + 1) % members.count
      state.failingSince = nil
      state.nextProbe = now.adding(seconds: probeSeconds)
      return state.current
    }
    guard let next else { return }
    log.warn(
      "a server does not take batches; another one gets them",
      ["server": names[index], "next": names[next]])
  }
}

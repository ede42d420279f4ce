import Synchronization
package import TelemetryModel

/// Those who want rows as they are taken.
///
/// Safe to use from any thread.
final class LogFollowers: Sendable {
  struct Follower {
    /// nil for all.
    let tenants: Set<TenantID>?
    let matchers: [CompiledMatcher]
    let receive: @Sendable (TenantID, StreamRows) -> Void
  }

  private struct State {
    var next = 0
    var followers: [Int: Follower] = [:]
  }

  private let state = Mutex(State())
  private let count = Atomic(0)

  func add(_ follower: Follower) -> Int {
    state.withLock { state in
      state.next += 1
      state.followers[state.next] = follower
      count.store(state.followers.count, ordering: .relaxed)
      return state.next
    }
  }

  func remove(_ id: Int) {
    state.withLock { state in
      state.followers[id] = nil
      count.store(state.followers.count, ordering: .relaxed)
    }
  }

  /// Hands each stream to those whose selector it matches.
  func publish(_ tenant: TenantID, _ streams: [StreamRows]) {
    guard count.load(ordering: .relaxed) > 0 else { return }
    let followers = state.withLock {
      $0.followers.values.filter { $0.tenants?.contains(tenant) ?? true }
    }
    for follower in followers {
      for stream in streams where stream.count > 0 {
        guard follower.matchers.allSatisfy({ $0.matches(stream.labels[$0.name] ?? "") }) else {
          continue
        }
        follower.receive(tenant, stream)
      }
    }
  }
}

/// Rows are followed as long as this lives.
package final class LogFollowing: Sendable {
  private let followers: LogFollowers
  private let id: Int

  init(_ followers: LogFollowers, _ follower: LogFollowers.Follower) {
    self.followers = followers
    id = followers.add(follower)
  }

  deinit { followers.remove(id) }
}

extension LogStore {
  /// Calls `receive` with the rows of matching streams that are taken from now on, once they are
  /// durable, as long as the answer lives; nil means all tenants.
  ///
  /// `receive` runs on the thread of the append and must be quick. Throws ``LogStoreError`` for a
  /// regex that does not compile.
  package func follow(
    tenants: [TenantID]?, matchers: [LabelMatcher],
    _ receive: @escaping @Sendable (TenantID, StreamRows) -> Void
  ) throws(LogStoreError) -> LogFollowing {
    LogFollowing(
      followers,
      LogFollowers.Follower(
        tenants: tenants.map(Set.init), matchers: try CompiledMatcher.compile(matchers),
        receive: receive))
  }
}

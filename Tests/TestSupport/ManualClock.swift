package import LinuxIO
import Synchronization

/// A clock that moves only when a test says so.
package final class ManualClock: WallClock {
  private struct State {
    var now: Int64
    var monotonic: UInt64 = 1_000_000_000
  }

  private let state: Mutex<State>

  /// Begins at `seconds` after 1970, by default on 2026-11-21.
  package init(seconds: Int64 = 1_795_219_200) {
    state = Mutex(State(now: seconds * 1_000_000_000))
  }

  package func now() -> Int64 { state.withLock { $0.now } }

  package func monotonic() -> MonotonicTime {
    MonotonicTime(nanoseconds: state.withLock { $0.monotonic })
  }

  /// Moves both clocks forward.
  package func advance(seconds: Double) {
    state.withLock {
      $0.now += Int64(seconds * 1e9)
      $0.monotonic += UInt64(seconds * 1e9)
    }
  }
}

import LinuxIO
import Synchronization
import TelemetryModel

/// What was taken for one follower and not sent yet: bounded, so that a slow client costs no
/// memory. What does not fit is dropped, and told.
///
/// Safe to use from any thread.
final class TailBuffer: Sendable {
  /// Rows as they came.
  struct Arrival: Sendable {
    let tenant: TenantID
    let rows: StreamRows
    let time: MonotonicTime
  }

  /// A line that was dropped.
  struct Dropped: Sendable {
    let labels: Labels
    let timestamp: Timestamp
  }

  /// What a follower gets to send next.
  struct Batch: Sendable {
    var arrivals: [Arrival] = []
    /// The first of those dropped since the last batch.
    var dropped: [Dropped] = []
    var droppedCount = 0
  }

  private struct State {
    var batch = Batch()
    var byteCount = 0
    /// Since when lines are dropped without a break.
    var droppingSince: MonotonicTime?
  }

  /// Bytes of lines and rows, as they are in memory.
  static let byteCountMax = 16 << 20
  /// Dropped lines that are told one by one.
  static let droppedMax = 1000

  private let state = Mutex(State())
  private let clock: any WallClock

  init(clock: any WallClock) { self.clock = clock }

  func add(_ tenant: TenantID, _ rows: StreamRows) {
    let now = clock.monotonic()
    let size = rows.lineBytes.count + rows.count * 64
    state.withLock { state in
      guard state.byteCount + size <= Self.byteCountMax else {
        state.droppingSince = state.droppingSince ?? now
        state.batch.droppedCount += rows.count
        for timestamp in rows.timestamps where state.batch.dropped.count < Self.droppedMax {
          state.batch.dropped.append(Dropped(labels: rows.labels, timestamp: timestamp))
        }
        return
      }
      state.byteCount += size
      state.batch.arrivals.append(Arrival(tenant: tenant, rows: rows, time: now))
    }
  }

  /// Takes what came `delaySeconds` ago or earlier.
  func take(delaySeconds: Double) -> Batch {
    let now = clock.monotonic()
    return state.withLock { state in
      let ready = state.batch.arrivals.prefix { now.seconds(since: $0.time) >= delaySeconds }
      var batch = Batch(
        arrivals: Array(ready), dropped: state.batch.dropped,
        droppedCount: state.batch.droppedCount)
      if ready.isEmpty, batch.droppedCount == 0 { return Batch() }
      batch.arrivals = Array(ready)
      state.batch = Batch(arrivals: Array(state.batch.arrivals.dropFirst(ready.count)))
      state.byteCount = state.batch.arrivals.reduce(0) {
        $0 + $1.rows.lineBytes.count + $1.rows.count * 64
      }
      state.droppingSince = nil
      return batch
    }
  }

  /// For how long lines have been dropped while nothing was taken.
  var droppingSeconds: Double {
    let now = clock.monotonic()
    return state.withLock { $0.droppingSince.map { now.seconds(since: $0) } ?? 0 }
  }
}

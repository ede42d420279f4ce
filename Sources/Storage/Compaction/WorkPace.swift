import LinuxIO

/// Keeps work in the background at a share of one processor's time, and ends it when asked.
///
/// Lives on one thread. Time that the thread waits for the disk counts as work, so that the disk's
/// share is bounded with it.
final class WorkPace {
  private let share: Double
  private let signal: ThreadSignal
  private let isEnded: () -> Bool
  private var worked: UInt64 = 0
  private var last = MonotonicTime.now()

  /// `share` is between 0 and 1; 1 is without pauses.
  init(share: Double, signal: ThreadSignal, isEnded: @escaping () -> Bool) {
    self.share = min(1, max(0.01, share))
    self.signal = signal
    self.isEnded = isEnded
  }

  /// To be called every few milliseconds of work: rests when it is time to. Throws
  /// ``StorageError/Code/closed`` when the work is to end.
  func step() throws(StorageError) {
    if isEnded() { throw StorageError(.closed, "the store is being closed") }
    let now = MonotonicTime.now()
    worked += now.nanoseconds - last.nanoseconds
    last = now
    guard worked > 10_000_000, share < 1 else { return }
    let rest = Double(worked) * (1 / share - 1) / 1e6
    signal.wait(milliseconds: Int32(min(2000, rest)))
    worked = 0
    last = MonotonicTime.now()
    if isEnded() { throw StorageError(.closed, "the store is being closed") }
  }
}

import LinuxIO

/// When a failure that comes again and again is to be told: at once, then once a minute at most,
/// and its end where it was told.
struct RepeatedFailure {
  private static let pauseSeconds = 60.0
  private var nextTelling: MonotonicTime?
  /// It was told, and that it is over was not.
  private var isTold = false

  /// Notes that it failed; true when that is to be told.
  mutating func failed(now: MonotonicTime) -> Bool {
    if let nextTelling, now < nextTelling { return false }
    nextTelling = now.adding(seconds: Self.pauseSeconds)
    isTold = true
    return true
  }

  /// Notes that it went well; true when that is to be told.
  mutating func ended() -> Bool {
    defer { isTold = false }
    return isTold
  }
}

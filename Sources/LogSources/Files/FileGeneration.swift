import LinuxIO

/// What is known while running of one generation of a file; its durable part is `position`.
final class FileGeneration {
  enum State: Hashable {
    /// Open, and read whenever it changes.
    case reading
    /// A new file whose bytes so far are those of a file that is read already: a copy being made
    /// before a truncation. Its lines are not read while that may be.
    case suspectedCopy
    /// At its end and closed; discovery tells when it grows.
    case dormant
    /// Known from the last run or truncated, and no file at hand.
    case absent
  }

  let number: Int64
  var position: FilePosition
  var state: State
  var file: (any File)?
  /// Index among the job's targets.
  var target: Int
  /// The name that it has now, as far as known; `position.path` is the first one.
  var currentPath: String
  /// Size at the last look.
  var size: Int64 = 0
  /// When its content had last changed at the last look, in nanoseconds since 1970.
  var modifiedNanoseconds: Int64 = 0
  /// Bytes after `position.offset` that are no whole line yet.
  var partialBytes = 0
  var lastGrowth: MonotonicTime
  /// When it was last seen by a scan, opened or truncated.
  var lastSeen: MonotonicTime
  /// The name belongs to another file, or to none.
  var isRotatedAway = false
  var mustBeRead = true
  /// Its name is to be looked at, since the kernel told of it.
  var mustBeLookedAt = true
  /// When its name and size were last looked at.
  var lastLook = MonotonicTime(nanoseconds: 0)
  /// It has grown without the kernel's telling, as on a network file system: it is polled.
  var growsUntold = false
  /// Compressed, so that its end is its end.
  var isReadOnce = false
  /// `position` differs from what was last handed out to be stored.
  var isDirty = false
  /// Whether it was compared with the files that it could be a copy of.
  var isKnownOriginal: Bool
  /// Lines that were held back when the last run ended, and are to be read once more.
  var restoredHeld: [FilePosition.HeldLine]

  init(
    number: Int64, position: FilePosition, state: State, target: Int, now: MonotonicTime,
    isKnownOriginal: Bool
  ) {
    self.number = number
    self.position = position
    self.state = state
    self.target = target
    currentPath = position.path
    lastGrowth = now
    lastSeen = now
    self.isKnownOriginal = isKnownOriginal
    restoredHeld = position.held
  }

  /// Bytes that the file is known to have had beyond the place that was reached.
  var unreadBytes: UInt64 { UInt64(max(0, position.size - position.offset)) }

  /// Notes how large the file is; one that shrank was truncated, which its next read notices.
  func noteSize(_ size: Int64) {
    guard !isReadOnce else { return }
    position.size = max(position.size, size)
  }
}

/// Running totals of one job's files.
package struct FileCounters: Hashable, Sendable {
  package var readLines: UInt64 = 0
  package var readBytes: UInt64 = 0
  /// Lines longer than the limit: cut or dropped, as configured.
  package var overlongLines: UInt64 = 0
  package var rotations: UInt64 = 0
  package var truncations: UInt64 = 0
  /// Bytes that a truncation destroyed before they could be read, as far as their size was seen.
  package var destroyedBytes: UInt64 = 0
  /// Files that were gone before all that was seen of them was read, and those bytes.
  package var goneFiles: UInt64 = 0
  package var goneBytes: UInt64 = 0
  /// Lines that were held back when a run ended, and could not be read again after it.
  package var goneHeldLines: UInt64 = 0
  /// Files recognised as copies of others, read from where the original was cut off.
  package var copiesTakenOver: UInt64 = 0
  package var readErrors: UInt64 = 0

  package init() {}
}

import CLinux
import Glibc

/// Wakes one thread that waits: an event that stays set until it is waited for.
package final class ThreadSignal: Sendable {
  private let event: Descriptor

  package init() throws(SystemError) {
    let number = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard number >= 0 else { throw .last("eventfd") }
    event = Descriptor(owning: number)
  }

  /// Sets the event; any thread may, at any time.
  package func set() {
    var one: UInt64 = 1
    while write(event.number, &one, 8) < 0, errno == EINTR {}
  }

  /// Blocks until the event is set or the time is over, and clears it.
  ///
  /// `milliseconds` below 0 waits without end. Can return early; callers look at their state.
  package func wait(milliseconds: Int32 = -1) {
    var watched = pollfd(fd: event.number, events: Int16(POLLIN), revents: 0)
    guard poll(&watched, 1, milliseconds) > 0 else { return }
    var count: UInt64 = 0
    _ = read(event.number, &count, 8)
  }
}

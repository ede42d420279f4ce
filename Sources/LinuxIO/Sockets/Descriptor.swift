import Glibc

/// Owns one open file descriptor and closes it at its end.
package struct Descriptor: ~Copyable, Sendable {
  package let number: Int32

  /// Takes over an open descriptor.
  package init(owning number: Int32) { self.number = number }

  deinit { close(number) }
}

/// What a call that does not wait moved.
package enum Transfer: Hashable, Sendable {
  /// This many bytes, 1 at least.
  case bytes(Int)
  /// Nothing now; the loop tells when to try again.
  case wouldBlock
  /// The other side sends no more.
  case endOfStream
  /// The kernel's `errno`; the descriptor is of no more use.
  case failed(Int32)
}

/// Waits until a descriptor of another library's can be read or, where wanted, written.
///
/// Answers false when neither came within `milliseconds`, and on a signal.
package func waitUntilReady(_ descriptor: Int32, forWriting: Bool = false, milliseconds: Int32)
  -> Bool
{
  var watched = pollfd(
    fd: descriptor, events: Int16(POLLIN | (forWriting ? POLLOUT : 0)), revents: 0)
  return poll(&watched, 1, milliseconds) > 0
}

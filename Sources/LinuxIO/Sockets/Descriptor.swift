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

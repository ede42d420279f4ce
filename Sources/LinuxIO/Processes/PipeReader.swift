import Glibc

/// Reads a pipe, a terminal or a file in order, from a thread that may block; owns the descriptor.
package final class PipeReader: Sendable {
  private let descriptor: Int32
  private let owned: Descriptor?

  package init(_ descriptor: consuming Descriptor) {
    self.descriptor = descriptor.number
    owned = consume descriptor
  }

  private init(borrowing number: Int32) {
    descriptor = number
    owned = nil
  }

  /// This process' standard input; it stays open.
  package static let standardInput = PipeReader(borrowing: 0)

  /// Reads what there is; `wouldBlock` when nothing comes within `milliseconds`.
  package func read(into buffer: UnsafeMutableRawBufferPointer, milliseconds: Int32) -> Transfer {
    var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let ready = poll(&watched, 1, milliseconds)
    guard ready > 0 else { return ready < 0 && errno != EINTR ? .failed(errno) : .wouldBlock }
    let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    if count > 0 { return .bytes(count) }
    if count == 0 { return .endOfStream }
    return errno == EINTR || errno == EAGAIN ? .wouldBlock : .failed(errno)
  }
}

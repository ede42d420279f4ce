import CLinux
import Glibc
import Synchronization

/// A socket for datagrams, UDP's or a Unix path's, which are handed to a closure, one by one, on a
/// loop's thread.
///
/// What comes faster than the closure takes it is dropped by the kernel, as UDP does.
package final class DatagramReceiver: DescriptorHandler, Sendable {
  /// The bytes are valid during the call only; the closure must not block.
  package typealias Receive = @Sendable (UnsafeRawBufferPointer, SocketAddress) -> Void

  /// The longest datagram that IP carries.
  package static let datagramBytesMax = 65_535

  package let address: SocketAddress
  private let descriptor: Mutex<Int32>
  private let loop: EventLoop
  private let receive: Receive
  private let registration = Mutex<Registration?>(nil)
  private let buffer = Mutex([UInt8](repeating: 0, count: datagramBytesMax))

  /// Binds at once; asks the kernel for `receiveBufferBytes` of room, which it may cut.
  package init(
    _ address: SocketAddress, on loop: EventLoop, receiveBufferBytes: Int = 4 << 20,
    receive: @escaping Receive
  ) throws(SystemError) {
    let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let number = socket(address.family, kind, 0)
    guard number >= 0 else { throw .last("socket", path: address.description) }
    if case .ipv6(let high, let low, _, _) = address {
      _ = StreamSocket.set(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, high | low == 0 ? 0 : 1)
    }
    _ = StreamSocket.set(number, SOL_SOCKET, SO_RCVBUF, Int32(clamping: receiveBufferBytes))
    // The path of a receiver that is gone; one that lives has its datagrams taken away by nobody.
    if case .unix(let path) = address, !Self.isServed(address) { unlink(path) }
    let status = address.withRaw { bind(number, $0, $1) }
    if status == 0, case .unix(let path) = address { chmod(path, 0o666) }
    guard status == 0 else {
      let error = SystemError.last("bind", path: address.description)
      Glibc.close(number)
      throw error
    }
    self.address = ListeningSocket.name(of: number) ?? address
    self.loop = loop
    self.receive = receive
    descriptor = Mutex(number)
    do throws(SystemError) {
      let token = try loop.register(number, events: .readable, handler: self)
      registration.withLock { $0 = token }
    } catch {
      Glibc.close(number)
      throw error
    }
  }

  deinit { close() }

  /// Stops receiving. May be called again.
  package func close() {
    if let token = registration.withLock({ token in
      defer { token = nil }
      return token
    }) {
      loop.deregister(token)
    }
    let open = descriptor.withLock { number in
      defer { number = -1 }
      return number
    }
    guard open >= 0 else { return }
    Glibc.close(open)
    if case .unix(let path) = address { unlink(path) }
  }

  /// Whether somebody receives at a Unix path.
  private static func isServed(_ address: SocketAddress) -> Bool {
    let probe = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard probe >= 0 else { return false }
    defer { Glibc.close(probe) }
    return address.withRaw { connect(probe, $0, $1) } == 0
  }

  package func descriptorIsReady(_ events: DescriptorEvents) {
    buffer.withLock { buffer in
      buffer.withUnsafeMutableBytes { bytes in
        // The event is level-triggered: what is left after a turn's share is told again.
        for _ in 0..<256 where !take(bytes) { return }
      }
    }
  }

  /// False when there is nothing more. The socket cannot be closed meanwhile: its number may then
  /// be another's, whose datagrams would be taken.
  private func take(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
    var raw = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let (count, peer) = withUnsafeMutablePointer(to: &raw) { pointer in
      let count = descriptor.withLock { number in
        guard number >= 0 else { return -Int(EBADF) }
        let count = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(number, bytes.baseAddress, bytes.count, 0, $0, &length)
        }
        return count >= 0 ? count : -Int(errno)
      }
      return (count, SocketAddress.decode(UnsafeRawPointer(pointer), length: length))
    }
    guard count >= 0 else { return count == -Int(EINTR) }
    receive(UnsafeRawBufferPointer(rebasing: bytes[..<count]), peer ?? .unix(path: ""))
    return true
  }
}

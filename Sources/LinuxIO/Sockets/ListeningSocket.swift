import CLinux
import Glibc
import Synchronization

/// A socket that listens on TCP or a Unix path, and hands each connection to a closure.
///
/// A Unix path that no process listens on any more is replaced. An address in use is an error.
package final class ListeningSocket: DescriptorHandler, Sendable {
  /// What came in: the caller owns the descriptor, which does not block.
  package typealias Accept = @Sendable (consuming Descriptor, SocketAddress) -> Void

  /// Where it listens, with the port that the kernel chose when 0 was asked for.
  package let address: SocketAddress
  private let descriptor: Mutex<Int32>
  private let loop: EventLoop
  private let accept: Accept
  private let registration = Mutex<Registration?>(nil)

  /// Listens at once; `accept` is called on the thread of `loop`.
  package init(_ address: SocketAddress, on loop: EventLoop, accept: @escaping Accept)
    throws(SystemError)
  {
    let opened = try Self.open(address)
    self.address = Self.name(of: opened) ?? address
    self.loop = loop
    self.accept = accept
    self.descriptor = Mutex(opened)
    do throws(SystemError) {
      // Level-triggered: a burst longer than one turn's share, or a lack of descriptors, is
      // simply told again.
      let token = try loop.register(opened, events: .readable, handler: self)
      registration.withLock { $0 = token }
    } catch {
      Glibc.close(opened)
      throw error
    }
  }

  deinit { close() }

  /// Stops listening; connections that wait in the kernel are reset. May be called again.
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

  package func descriptorIsReady(_ events: DescriptorEvents) {
    for _ in 0..<64 {
      guard let (number, peer) = acceptOne() else { return }
      guard number >= 0 else {
        if number == -EINTR || number == -ECONNABORTED { continue }
        if [-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM].contains(number) { pause() }
        return
      }
      if case .unix = address {
      } else {
        _ = StreamSocket.set(number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
      }
      accept(Descriptor(owning: number), peer ?? .unix(path: ""))
    }
  }

  /// A descriptor and who is connected, or an error's number below zero; nil when it is closed.
  ///
  /// It cannot be closed meanwhile: its number may then be another socket's, whose connections
  /// would be taken.
  private func acceptOne() -> (number: Int32, peer: SocketAddress?)? {
    var raw = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &raw) { pointer in
      let number: Int32? = descriptor.withLock { listener in
        guard listener >= 0 else { return nil }
        return pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          let number = linux_accept4(listener, $0, &length)
          return number >= 0 ? number : -errno
        }
      }
      guard let number else { return nil }
      return (number, SocketAddress.decode(UnsafeRawPointer(pointer), length: length))
    }
  }

  /// Out of descriptors or memory: waits a moment instead of spinning on the same event.
  private func pause() {
    guard let token = registration.withLock({ $0 }) else { return }
    try? loop.change(token, events: [])
    _ = loop.schedule(at: .now().adding(seconds: 0.1)) { [weak self, loop] in
      guard let self, let token = self.registration.withLock({ $0 }) else { return }
      try? loop.change(token, events: .readable)
    }
  }

  private static func open(_ address: SocketAddress) throws(SystemError) -> Int32 {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let number = socket(address.family, kind, 0)
    guard number >= 0 else { throw .last("socket", path: address.description) }
    do throws(SystemError) {
      _ = StreamSocket.set(number, SOL_SOCKET, SO_REUSEADDR, 1)
      if case .ipv6(let high, let low, _, _) = address {
        _ = StreamSocket.set(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, high | low == 0 ? 0 : 1)
      }
      if case .unix(let path) = address { removeStale(path, address) }
      let status = address.withRaw { bind(number, $0, $1) }
      guard status == 0 else { throw .last("bind", path: address.description) }
      guard listen(number, 4096) == 0 else { throw .last("listen", path: address.description) }
      return number
    } catch {
      Glibc.close(number)
      // A machine without IPv6 still has every interface of IPv4.
      if case .ipv6(0, 0, let port, _) = address,
        error.code == EAFNOSUPPORT || error.code == EADDRNOTAVAIL
      {
        return try open(.ipv4(address: 0, port: port))
      }
      throw error
    }
  }

  /// Removes the path of a socket that nobody answers on.
  private static func removeStale(_ path: String, _ address: SocketAddress) {
    let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard probe >= 0 else { return }
    defer { Glibc.close(probe) }
    let status = address.withRaw { connect(probe, $0, $1) }
    if status != 0, errno == ECONNREFUSED { unlink(path) }
  }

  static func name(of descriptor: Int32) -> SocketAddress? {
    var raw = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &raw) { pointer in
      let status = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, &length)
      }
      guard status == 0 else { return nil }
      // A socket on every interface of both families says ::, which must not become IPv4.
      return SocketAddress.decode(UnsafeRawPointer(pointer), length: length)
    }
  }
}

import CLinux
import Glibc

/// Where a socket listens or whom it speaks with: an IP address and port, or a path.
package enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// An address in host byte order.
  case ipv4(address: UInt32, port: UInt16)
  /// The address' halves in host byte order, and the interface of a link-local one.
  case ipv6(high: UInt64, low: UInt64, port: UInt16, scope: UInt32)
  /// A Unix socket; the path is empty for a peer that has none.
  case unix(path: String)

  /// Why a text names no address.
  package enum ParseError: Error, Hashable, CustomStringConvertible {
    case malformed(String)
    case unresolved(String, reason: String)

    package var description: String {
      switch self {
      case .malformed(let text):
        "“\(text)” is no listen address; write host:port, [IPv6]:port, :port or unix:/path"
      case .unresolved(let host, let reason):
        "the host name “\(host)” has no address: \(reason)"
      }
    }
  }

  /// Reads `host:port`, `[IPv6]:port`, `:port` (every interface, both families) or `unix:/path`.
  ///
  /// Host names are looked up, which may block: for use at the start.
  package static func parse(_ text: String) throws(ParseError) -> SocketAddress {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst(5))
      guard !path.isEmpty, path.utf8.count < 108, !path.utf8.contains(0) else {
        throw .malformed(text)
      }
      return .unix(path: path)
    }
    guard let colon = text.lastIndex(of: ":"),
      let port = UInt16(text[text.index(after: colon)...])
    else { throw .malformed(text) }
    var host = String(text[..<colon])
    if host.isEmpty || host == "*" { return .ipv6(high: 0, low: 0, port: port, scope: 0) }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") || host.contains("[") {
      throw .malformed(text)
    }
    return try resolve(host, port: port)
  }

  private static func resolve(_ host: String, port: UInt16) throws(ParseError) -> SocketAddress {
    guard !host.utf8.contains(0) else { throw .malformed(host) }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, &hints, &list)
    defer { if list != nil { freeaddrinfo(list) } }
    guard code == 0, let first = list?.pointee, let raw = first.ai_addr else {
      throw .unresolved(host, reason: String(cString: gai_strerror(code)))
    }
    guard let address = decode(UnsafeRawPointer(raw), length: first.ai_addrlen) else {
      throw .unresolved(host, reason: "its family is not supported")
    }
    return address.with(port: port)
  }

  /// The same address with another port; a path stays as it is.
  package func with(port: UInt16) -> SocketAddress {
    switch self {
    case .ipv4(let address, _): .ipv4(address: address, port: port)
    case .ipv6(let high, let low, _, let scope):
      .ipv6(high: high, low: low, port: port, scope: scope)
    case .unix: self
    }
  }

  /// The port, or `nil` for a path.
  package var port: UInt16? {
    switch self {
    case .ipv4(_, let port), .ipv6(_, _, let port, _): port
    case .unix: nil
    }
  }

  /// The address without its port, as in `192.0.2.1` or `2001:db8::1`.
  package var host: String {
    switch self {
    case .ipv4(let address, _):
      return (0..<4).map { "\(address >> (24 - 8 * UInt32($0)) & 0xff)" }.joined(separator: ".")
    case .ipv6(let high, let low, _, let scope):
      return scope == 0 ? Self.text(high, low) : "\(Self.text(high, low))%\(scope)"
    case .unix(let path): return "unix:\(path)"
    }
  }

  package var description: String {
    switch self {
    case .ipv4(_, let port): "\(host):\(port)"
    case .ipv6(_, _, let port, _): "[\(host)]:\(port)"
    case .unix: host
    }
  }

  /// The host's name as the resolver knows it, or empty; may block for seconds.
  package func lookUpHostName() -> String {
    if case .unix = self { return "" }
    var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let code = withRaw {
      getnameinfo($0, $1, &buffer, socklen_t(buffer.count), nil, 0, NI_NAMEREQD)
    }
    guard code == 0 else { return "" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// What limits per address count by: an IPv4 address, an IPv6 network of 64 bits, or `nil`.
  package var limitKey: SocketAddress? {
    switch self {
    case .ipv4(let address, _): .ipv4(address: address, port: 0)
    case .ipv6(let high, _, _, _): .ipv6(high: high, low: 0, port: 0, scope: 0)
    case .unix: nil
    }
  }

  private static func text(_ high: UInt64, _ low: UInt64) -> String {
    var raw = in6_addr()
    withUnsafeMutableBytes(of: &raw) { bytes in
      bytes.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
      bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(AF_INET6, &raw, &buffer, socklen_t(buffer.count)) != nil else { return "?" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The kernel's form; IPv4 addresses mapped into IPv6 come out as IPv4.
  static func decode(_ raw: UnsafeRawPointer, length: socklen_t) -> SocketAddress? {
    guard Int(length) >= MemoryLayout<sa_family_t>.size else { return nil }
    switch Int32(raw.loadUnaligned(as: sa_family_t.self)) {
    case AF_INET where Int(length) >= MemoryLayout<sockaddr_in>.size:
      let address = raw.loadUnaligned(as: sockaddr_in.self)
      return .ipv4(
        address: UInt32(bigEndian: address.sin_addr.s_addr),
        port: UInt16(bigEndian: address.sin_port))
    case AF_INET6 where Int(length) >= MemoryLayout<sockaddr_in6>.size:
      let address = raw.loadUnaligned(as: sockaddr_in6.self)
      let high = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      let low = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
      let port = UInt16(bigEndian: address.sin6_port)
      if high == 0, low >> 32 == 0xffff {
        return .ipv4(address: UInt32(truncatingIfNeeded: low), port: port)
      }
      return .ipv6(high: high, low: low, port: port, scope: address.sin6_scope_id)
    case AF_UNIX:
      let bytes = UnsafeRawBufferPointer(start: raw + 2, count: max(0, Int(length) - 2))
      return .unix(path: String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
    default: return nil
    }
  }

  /// Calls `body` with the kernel's form.
  func withRaw<T>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> T) -> T {
    switch self {
    case .ipv4(let address, let port):
      var raw = sockaddr_in()
      raw.sin_family = sa_family_t(AF_INET)
      raw.sin_port = port.bigEndian
      raw.sin_addr.s_addr = address.bigEndian
      return Self.pass(&raw, MemoryLayout<sockaddr_in>.size, body)
    case .ipv6(let high, let low, let port, let scope):
      var raw = sockaddr_in6()
      raw.sin6_family = sa_family_t(AF_INET6)
      raw.sin6_port = port.bigEndian
      raw.sin6_scope_id = scope
      withUnsafeMutableBytes(of: &raw.sin6_addr) { bytes in
        bytes.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
        bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      return Self.pass(&raw, MemoryLayout<sockaddr_in6>.size, body)
    case .unix(let path):
      var raw = sockaddr_un()
      raw.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &raw.sun_path) { bytes in
        // Paths were measured when they were read; the last byte stays 0.
        for (index, byte) in path.utf8.prefix(bytes.count - 1).enumerated() { bytes[index] = byte }
      }
      return Self.pass(&raw, MemoryLayout<sockaddr_un>.size, body)
    }
  }

  private static func pass<Raw, T>(
    _ raw: inout Raw, _ length: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> T
  ) -> T {
    withUnsafePointer(to: &raw) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
    }
  }

  var family: Int32 {
    switch self {
    case .ipv4: AF_INET
    case .ipv6: AF_INET6
    case .unix: AF_UNIX
    }
  }
}

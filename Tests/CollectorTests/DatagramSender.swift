import Glibc
import Testing

/// Sends datagrams to a port of this machine, as a client would.
enum DatagramSender {
  static func send(_ datagrams: [[UInt8]], port: UInt16) async throws {
    let number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    try #require(number >= 0)
    defer { close(number) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    for datagram in datagrams {
      let sent = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          sendto(number, datagram, datagram.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      #expect(sent == datagram.count)
    }
  }
}

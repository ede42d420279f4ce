import Foundation
import Synchronization
import Testing

@testable import LinuxIO

@Suite struct SocketTests {
  @Test(arguments: [
    ("127.0.0.1:3100", "127.0.0.1:3100"), ("[::1]:80", "[::1]:80"), (":4317", "[::]:4317"),
    ("*:1", "[::]:1"), ("[2001:DB8::0:1]:443", "[2001:db8::1]:443"), ("unix:/run/x", "unix:/run/x"),
    ("0.0.0.0:0", "0.0.0.0:0"),
  ])
  func addressesAreRead(_ text: String, _ expected: String) throws {
    #expect(try SocketAddress.parse(text).description == expected)
  }

  @Test(arguments: [
    "", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "::1:80", "[::1:80", "unix:",
    "300.1.1.1:1", "no such host:1",
  ])
  func otherTextsAreRefused(_ text: String) {
    #expect(throws: SocketAddress.ParseError.self) { try SocketAddress.parse(text) }
  }

  @Test func limitsCountIPv6ByNetwork() throws {
    let first = try SocketAddress.parse("[2001:db8:1:2::1]:5").limitKey
    #expect(first == (try SocketAddress.parse("[2001:db8:1:2:ffff::9]:6").limitKey))
    #expect(first != (try SocketAddress.parse("[2001:db8:1:3::1]:5").limitKey))
    #expect(SocketAddress.unix(path: "").limitKey == nil)
  }

  @Test func datagramsArriveWithTheirSender() async throws {
    let loop = try EventLoop.start(name: "test")
    let received = Mutex<[(Int, SocketAddress)]>([])
    let receiver = try DatagramReceiver(try .parse("127.0.0.1:0"), on: loop) { bytes, peer in
      received.withLock { $0.append((bytes.count, peer)) }
    }
    let socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    for count in [0, 1, 60_000] {
      let payload = [UInt8](repeating: 1, count: count)
      let sent = receiver.address.withRaw { sendto(socket, payload, count, 0, $0, $1) }
      #expect(sent == count)
    }
    for _ in 0..<3000 where received.withLock({ $0.count }) < 3 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(received.withLock { $0.map(\.0) } == [0, 1, 60_000])
    #expect(received.withLock { $0.allSatisfy { $0.1.host == "127.0.0.1" } })
    receiver.close()
    receiver.close()
    close(socket)
  }

  @Test func unixPathsAreReplacedOnlyWhereNobodyListens() throws {
    let loop = try EventLoop.start(name: "test")
    let path = NSTemporaryDirectory() + "sluice-\(UInt32.random(in: 0...UInt32.max)).sock"
    let address = SocketAddress.unix(path: path)
    let first = try ListeningSocket(address, on: loop) { _, _ in }
    #expect(throws: SystemError.self) { try ListeningSocket(address, on: loop) { _, _ in } }
    first.close()
    // What a crash leaves behind.
    let stale = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    #expect(address.withRaw { bind(stale, $0, $1) } == 0)
    close(stale)
    let second = try ListeningSocket(address, on: loop) { _, _ in }
    second.close()
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func anAddressInUseIsAnError() throws {
    let loop = try EventLoop.start(name: "test")
    let first = try ListeningSocket(try .parse("127.0.0.1:0"), on: loop) { _, _ in }
    let error = #expect(throws: SystemError.self) {
      try ListeningSocket(first.address, on: loop) { _, _ in }
    }
    #expect(error?.code == EADDRINUSE)
    #expect(error?.message.contains("127.0.0.1:") == true)
    first.close()
  }
}

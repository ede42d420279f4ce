import Foundation
import Glibc
import LinuxIO
import Synchronization
import Testing

@testable import HTTP

/// The WebSocket client against our server, and against bytes written down by RFC 6455.
@Suite struct WebSocketClientTests {
  private final class Inbox: Sendable {
    private let got = Mutex<[[UInt8]]>([])
    var all: [[UInt8]] { got.withLock { $0 } }
    var texts: [String] { all.map { String(decoding: $0, as: UTF8.self) } }
    func take(_ message: [UInt8]) -> Int {
      got.withLock {
        $0.append(message)
        return $0.count
      }
    }
  }

  private static let large = String(repeating: "x", count: 3 << 20)

  private func server(tls: TLSConfiguration? = nil) throws -> TestServer {
    try TestServer(tls: tls) { router in
      router.on(.get, "/count") { request, writer in
        let socket = try await writer.upgradeToWebSocket(request)
        for number in 0..<3 { try await socket.send(text: "\(number)") }
        try await socket.send(text: Self.large)
        await socket.close(code: 4001, reason: "enough")
      }
      router.on(.get, "/forever") { request, writer in
        let socket = try await writer.upgradeToWebSocket(request)
        while true {
          try await socket.send(text: "again")
          try await EventLoop.shared.get()[0].sleep(seconds: 0.01)
        }
      }
      router.on(.get, "/refuses") { _, writer in
        try await writer.respond(.badRequest, text: "not with this query")
      }
    }
  }

  @Test func messagesOfEverySizeComeInOrderUntilTheServerCloses() async throws {
    let server = try server()
    let inbox = Inbox()
    let ending = try await WebSocketClient(HTTPClientConfiguration()).run(
      "http://127.0.0.1:\(server.port)/count?a=b"
    ) { message in
      _ = inbox.take(message)
      return true
    }
    #expect(ending == .closed(code: 4001, reason: "enough"))
    #expect(inbox.texts == ["0", "1", "2", Self.large])
    await server.stop()
  }

  @Test func refusalsAndMissingServersAreTold() async throws {
    let server = try server()
    let client = WebSocketClient(HTTPClientConfiguration())
    let ending = try await client.run("http://127.0.0.1:\(server.port)/refuses") { _ in true }
    guard case .refused(status: 400, let body) = ending else {
      Issue.record("\(ending)")
      return
    }
    #expect(String(decoding: body, as: UTF8.self).hasPrefix("not with this query"))
    await server.stop()
    let error = await #expect(throws: HTTPClientError.self) {
      _ = try await client.run("http://127.0.0.1:1/tail") { _ in true }
    }
    #expect(error?.kind == .connection)
  }

  @Test func theReceiverOrCancellationEndsIt() async throws {
    let server = try server()
    let inbox = Inbox()
    let url = "http://127.0.0.1:\(server.port)/forever"
    let client = WebSocketClient(HTTPClientConfiguration())
    let ending = try await client.run(url) { inbox.take($0) < 3 }
    #expect(ending == .left)
    #expect(inbox.texts == ["again", "again", "again"])
    let task = Task { try await client.run(url) { inbox.take($0) > 0 } }
    // It is to be open, and messages are to come.
    while inbox.all.count < 4 { try await EventLoop.shared.get()[0].sleep(seconds: 0.01) }
    task.cancel()
    #expect(try await task.value == .left)
    await server.stop()
  }

  /// A server of fixed bytes: what it got, and the connection's end.
  private func canned(_ frames: [UInt8]) throws -> (port: UInt16, got: Inbox) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 1) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    #expect(isBound)
    let got = Inbox()
    try LinuxThread.startDetached(name: "canned") {
      let connection = accept(listener, nil, nil)
      close(listener)
      var head: [UInt8] = []
      var byte: UInt8 = 0
      while !head.suffix(4).elementsEqual("\r\n\r\n".utf8), read(connection, &byte, 1) == 1 {
        head.append(byte)
      }
      let text = String(decoding: head, as: UTF8.self)
      let key = text.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") }
      let accept = ResponseWriter.acceptance(of: String(key?.dropFirst(19) ?? ""))
      let answer =
        "HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nsec-websocket-accept: \(accept)\r\n\r\n"
      for piece in [Array(answer.utf8), frames] { _ = write(connection, piece, piece.count) }
      var rest: [UInt8] = []
      while read(connection, &byte, 1) == 1 { rest.append(byte) }
      close(connection)
      _ = got.take(rest)
    }
    return (UInt16(bigEndian: address.sin_port), got)
  }

  @Test func fragmentsPingsAndClosesAreReadAsTheStandardSays() async throws {
    // RFC 6455, section 5.7: "Hel" and "lo", a ping of "Hello" between them; then a close.
    let frames: [UInt8] =
      [0x01, 0x03, 0x48, 0x65, 0x6c] + [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]
      + [0x80, 0x02, 0x6c, 0x6f] + [0x88, 0x02, 0x03, 0xe8]
    let (port, got) = try canned(frames)
    let inbox = Inbox()
    let ending = try await WebSocketClient(HTTPClientConfiguration()).run(
      "http://127.0.0.1:\(port)/"
    ) { inbox.take($0) > 0 }
    #expect(ending == .closed(code: 1000, reason: ""))
    #expect(inbox.texts == ["Hello"])
    while got.all.isEmpty { try await EventLoop.shared.get()[0].sleep(seconds: 0.01) }
    let sent = got.all[0]
    // A masked pong of "Hello" and a masked close.
    #expect(sent.count == 11 + 8)
    #expect(sent.prefix(2) == [0x8a, 0x85])
    let mask = Array(sent[2..<6])
    let payload = sent[6..<11].enumerated().map { $1 ^ mask[$0 & 3] }
    #expect(payload == Array("Hello".utf8))
    #expect(sent[11...].prefix(2) == [0x88, 0x82])
  }

  @Test(
    arguments: [
      [0x81, 0x85, 1, 2, 3, 4, 0, 0, 0, 0, 0],  // masked
      [0xc1, 0x00],  // a reserved bit
      [0x80, 0x00],  // a continuation of nothing
      [0x89, 0x7e, 0x00, 0x7e],  // a long ping
      [0x82, 0x7f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],  // longer than anything
    ] as [[UInt8]])
  func malformedFramesEndItWithAnError(_ frames: [UInt8]) async throws {
    let (port, _) = try canned(frames)
    let error = await #expect(throws: HTTPClientError.self) {
      _ = try await WebSocketClient(HTTPClientConfiguration()).run("http://127.0.0.1:\(port)/") {
        _ in true
      }
    }
    #expect(error?.kind == .malformedResponse)
  }
}

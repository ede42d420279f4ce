import Foundation
import Testing

@testable import HTTP

/// WebSockets as raw frames; the handshake's value is RFC 6455's own example.
@Suite struct WebSocketTests {
  private func server(_ limits: HTTPLimits = HTTPLimits()) throws -> TestServer {
    try TestServer(limits: limits) { router in
      router.on(.get, "/ws") { request, writer in
        let socket = try await writer.upgradeToWebSocket(request)
        while let message = try await socket.receive() {
          switch message {
          case .text("bye"): await socket.close(code: 4000, reason: "as asked")
          case .text(let text): try await socket.send(text: text)
          case .binary(let bytes): try await socket.send(binary: bytes)
          }
        }
      }
      router.on(.get, "/count") { request, writer in
        let socket = try await writer.upgradeToWebSocket(request)
        for number in 0..<3 { try await socket.send(text: "\(number)") }
      }
    }
  }

  private func open(_ server: TestServer, _ path: String = "/ws") throws -> RawClient {
    let client = try RawClient(server.port)
    client.send(
      HTTP1ServerTests.request(
        "GET", path,
        "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"))
    let response = try client.receiveResponse()
    #expect(response.status == 101)
    #expect(response.header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    return client
  }

  private func frame(_ first: UInt8, _ payload: [UInt8], masked: Bool = true) -> [UInt8] {
    var out: [UInt8] = [first]
    let bit: UInt8 = masked ? 0x80 : 0
    switch payload.count {
    case ..<126: out.append(bit | UInt8(payload.count))
    case ...0xffff: out += [bit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    default:
      out.append(bit | 127)
      for shift in stride(from: 56, through: 0, by: -8) {
        out.append(UInt8(payload.count >> shift & 255))
      }
    }
    guard masked else { return out + payload }
    let mask: [UInt8] = [1, 2, 3, 4]
    return out + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
  }

  private func receive(_ client: RawClient) -> (opcode: UInt8, payload: [UInt8])? {
    let head = client.receive(count: 2)
    guard head.count == 2 else { return nil }
    var length = Int(head[1])
    if length == 126 { length = client.receive(count: 2).reduce(0) { $0 << 8 | Int($1) } }
    if length == 127 { length = client.receive(count: 8).reduce(0) { $0 << 8 | Int($1) } }
    return (head[0], client.receive(count: length))
  }

  private func closeCode(_ client: RawClient) -> Int? {
    while let (opcode, payload) = receive(client) {
      if opcode == 0x88 { return payload.prefix(2).reduce(0) { $0 << 8 | Int($1) } }
    }
    return nil
  }

  @Test func echoesMessagesOfEverySize() async throws {
    let server = try server()
    let client = try open(server)
    for count in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
      let payload = [UInt8](repeating: 0x78, count: count)
      client.send(frame(0x82, payload))
      let (opcode, back) = try #require(receive(client))
      #expect(opcode == 0x82)
      #expect(back == payload)
    }
    // Fragments with a ping between them.
    client.send(frame(0x01, Array("ab".utf8)) + frame(0x89, [7]) + frame(0x80, Array("c".utf8)))
    #expect(try #require(receive(client)).payload == [7])
    let whole = try #require(receive(client))
    #expect(whole.opcode == 0x81)
    #expect(whole.payload == Array("abc".utf8))
    client.send(frame(0x81, Array("bye".utf8)))
    let close = try #require(receive(client))
    #expect(close.opcode == 0x88)
    #expect(close.payload == [0x0f, 0xa0] + Array("as asked".utf8))
    #expect(client.receiveAll() == "")
    await server.stop()
  }

  @Test func closesAreAnsweredAndHandlersEndThem() async throws {
    let server = try server()
    let client = try open(server)
    client.send(frame(0x88, [0x03, 0xe8]))
    #expect(closeCode(client) == 1000)
    let counted = try open(server, "/count")
    for number in 0..<3 {
      #expect(try #require(receive(counted)).payload == Array("\(number)".utf8))
    }
    #expect(closeCode(counted) == 1000)
    await server.stop()
  }

  @Test func violationsAreClosedWithTheirCode() async throws {
    var limits = HTTPLimits()
    limits.webSocketMessageBytesMax = 1000
    let server = try server(limits)
    let cases: [([UInt8], Int)] = [
      (frame(0x81, [0x61], masked: false), 1002), (frame(0xc1, [0x61]), 1002),
      (frame(0x83, [0x61]), 1002), (frame(0x80, [0x61]), 1002), (frame(0x09, [0x61]), 1002),
      (frame(0x89, [UInt8](repeating: 0, count: 126)), 1002),
      (frame(0x01, [0x61]) + frame(0x81, [0x61]), 1002), (frame(0x81, [0xff]), 1007),
      (frame(0x82, [UInt8](repeating: 0, count: 1001)), 1009),
      (
        frame(0x02, [UInt8](repeating: 0, count: 600))
          + frame(0x80, [UInt8](repeating: 0, count: 600)), 1009
      ),
      ([0x82, 0xff] + [UInt8](repeating: 0xff, count: 8) + [0, 0, 0, 0], 1009),
      (frame(0x88, [0x03]), 1002), (frame(0x88, [0x03, 0xed]), 1002),
    ]
    for (bytes, code) in cases {
      let client = try open(server)
      client.send(bytes)
      #expect(closeCode(client) == code, "\(bytes.prefix(20))")
    }
    await server.stop()
  }

  @Test func silentPeersArePingedAndThenCutOff() async throws {
    var limits = HTTPLimits()
    limits.webSocketPingSeconds = 1
    let server = try server(limits)
    let client = try open(server)
    #expect(try #require(receive(client)).opcode == 0x89)
    client.send(frame(0x8a, []))
    #expect(try #require(receive(client)).opcode == 0x89)
    #expect(client.receiveAll() == "")
    await server.stop()
  }

  @Test func otherRequestsAreTold() async throws {
    let server = try server()
    let client = try RawClient(server.port)
    client.send(HTTP1ServerTests.request("GET", "/ws"))
    #expect(try client.receiveResponse().status == 426)
    client.send(
      HTTP1ServerTests.request(
        "GET", "/ws",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          + "Sec-WebSocket-Key: short\r\n"))
    #expect(try client.receiveResponse().status == 400)
    await server.stop()
  }

  @Test func drainingSaysGoodbye() async throws {
    let server = try server()
    let client = try open(server)
    let drained = try server.startDrain()
    #expect(closeCode(client) == 1001)
    #expect(await drained.value)
  }
}

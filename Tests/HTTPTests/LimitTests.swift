import Foundation
import Synchronization
import TelemetryModel
import Testing

@testable import HTTP

/// Each limit of a connection or a request, over raw sockets.
@Suite struct LimitTests {
  private func limits(_ change: (inout HTTPLimits) -> Void) -> HTTPLimits {
    var limits = HTTPLimits()
    change(&limits)
    return limits
  }

  private func refused(_ server: TestServer, _ reason: String) -> UInt64 {
    server.registry.counter(
      "sluice_http_refused_total", help: "", labels: ["listener": "test", "reason": reason]
    ).value
  }

  private func request(_ method: String, _ path: String, _ fields: String = "") -> String {
    HTTP1ServerTests.request(method, path, fields)
  }

  @Test func aLongHeadIsAnswered431() async throws {
    let server = try TestServer(limits: limits { $0.headBytesMax = 1000 })
    let ended = try RawClient(server.port)
    ended.send(request("GET", "/hello", "X: \(String(repeating: "x", count: 1000))\r\n"))
    #expect(try ended.receiveResponse().status == 431)
    let endless = try RawClient(server.port)
    endless.send("GET /hello HTTP/1.1\r\nX: " + String(repeating: "x", count: 100_000))
    #expect(try endless.receiveResponse().status == 431)
    let many = try RawClient(server.port)
    many.send(request("GET", "/hello", String(repeating: "a:\r\n", count: 201)))
    #expect(try many.receiveResponse().status == 431)
    #expect(refused(server, "status_431") == 3)
    await server.stop()
  }

  @Test func slowHeadsAreAnswered408() async throws {
    let server = try TestServer(limits: limits { $0.headSeconds = 0.4 })
    let slow = try RawClient(server.port)
    slow.send("GET /hello HTTP/1.1\r\n")
    // Bytes that trickle in do not move the deadline.
    for _ in 0..<3 {
      try await Task.sleep(for: .milliseconds(100))
      slow.send("A: b\r\n")
    }
    #expect(try slow.receiveResponse().status == 408)
    #expect(slow.receiveAll() == "")
    let silent = try RawClient(server.port)
    #expect(silent.receiveAll() == "")
    await server.stop()
  }

  @Test func slowBodiesAreAnswered408() async throws {
    let server = try TestServer(limits: limits { $0.bodyStallSeconds = 0.3 })
    for fields in ["Content-Length: 100\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nab"] {
      for path in ["/echo", "/stream"] {
        let client = try RawClient(server.port)
        client.send("POST \(path) HTTP/1.1\r\nHost: a\r\n" + fields)
        let all = client.receiveAll()
        // A response that was begun can only be broken off.
        #expect(all.hasPrefix("HTTP/1.1 408") || path == "/stream", "\(all)")
        #expect(!all.contains("\r\n0\r\n"))
      }
    }
    await server.stop()
  }

  @Test func bodiesThatDripAreAnswered408() async throws {
    let server = try TestServer(
      limits: limits {
        $0.bodyGraceSeconds = 0.3
        $0.bodyBytesPerSecondMin = 1000
      })
    let client = try RawClient(server.port)
    client.send(request("POST", "/echo", "Content-Length: 100000\r\n"))
    for _ in 0..<8 {
      try await Task.sleep(for: .milliseconds(100))
      client.send("x")
    }
    #expect(try client.receiveResponse().status == 408)
    await server.stop()
  }

  @Test func longBodiesAreAnswered413() async throws {
    let server = try TestServer(limits: limits { $0.bodyBytesMax = 10_000 })
    let stated = try RawClient(server.port)
    stated.send(request("POST", "/echo", "Content-Length: 10001\r\n"))
    #expect(try stated.receiveResponse().status == 413)
    #expect(stated.receiveAll() == "")
    let chunked = try RawClient(server.port)
    chunked.send(request("POST", "/echo", "Transfer-Encoding: chunked\r\n"))
    let piece = "1000\r\n" + String(repeating: "x", count: 4096) + "\r\n"
    for _ in 0..<4 { chunked.send(piece) }
    #expect(try chunked.receiveResponse().status == 413)
    // The handler's own limit, stated and chunked.
    let small = try RawClient(server.port)
    small.send(
      request("POST", "/small", "Content-Length: 101\r\n") + String(repeating: "x", count: 101))
    #expect(try small.receiveResponse().status == 413)
    let smallChunked = try RawClient(server.port)
    smallChunked.send(request("POST", "/small", "Transfer-Encoding: chunked\r\n") + piece)
    #expect(try smallChunked.receiveResponse().status == 413)
    await server.stop()
  }

  @Test func idleConnectionsAreClosed() async throws {
    let server = try TestServer(limits: limits { $0.idleSeconds = 0.3 })
    let client = try RawClient(server.port)
    client.send(request("GET", "/hello"))
    #expect(try client.receiveResponse().status == 200)
    #expect(client.receiveAll() == "")
    await server.stop()
  }

  @Test func connectionsAreCountedInAllAndByAddress() async throws {
    let all = try TestServer(limits: limits { $0.connectionsMax = 3 })
    let byAddress = try TestServer(limits: limits { $0.connectionsPerAddressMax = 3 })
    for (server, status) in [(all, 503), (byAddress, 429)] {
      var clients: [RawClient] = []
      for _ in 0..<3 {
        let client = try RawClient(server.port)
        client.send(request("GET", "/hello"))
        #expect(try client.receiveResponse().status == 200)
        clients.append(client)
      }
      let fourth = try RawClient(server.port)
      #expect(fourth.receiveAll().hasPrefix("HTTP/1.1 \(status) "))
      clients.removeLast()
      // The place is free again once the server has seen the end.
      for _ in 0..<3000 where server.server.connectionCount > 2 {
        try await Task.sleep(for: .milliseconds(10))
      }
      let fifth = try RawClient(server.port)
      fifth.send(request("GET", "/hello"))
      #expect(try fifth.receiveResponse().status == 200)
      await server.stop()
    }
  }

  @Test func requestsInFlightAreCounted() async throws {
    let server = try TestServer(limits: limits { $0.requestsInFlightMax = 1 })
    let first = try RawClient(server.port)
    first.send(request("GET", "/gate"))
    while !server.gateIsReached.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
    let second = try RawClient(server.port)
    second.send(request("GET", "/hello"))
    let refusal = try second.receiveResponse()
    #expect(refusal.status == 503)
    #expect(refusal.header("retry-after") == "1")
    server.gateIsOpen.withLock { $0 = true }
    #expect(try first.receiveResponse().text == "passed")
    await server.stop()
  }

  @Test func aClientThatDoesNotReadSuspendsItsWriter() async throws {
    let written = Mutex(0)
    let server = try TestServer(limits: limits { $0.writeStallSeconds = 0.5 }) { router in
      router.on(.get, "/endless") { _, writer in
        try await writer.head(.ok)
        while true {
          try await writer.write([UInt8](repeating: 0x61, count: 10_000))
          written.withLock { $0 += 10_000 }
        }
      }
    }
    let client = try RawClient(server.port, receiveBufferBytes: 4096)
    client.send(request("GET", "/endless"))
    // Cut off by the stall limit; until then no more was written than buffers hold.
    for _ in 0..<1000 where refused(server, "write_stalled") == 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(refused(server, "write_stalled") == 1)
    #expect(written.withLock { $0 } < 16 << 20)
    for _ in 0..<3000 where server.server.connectionCount > 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(server.server.connectionCount == 0)
    await server.stop()
  }

  @Test func aSlowReaderGetsAllInTheEnd() async throws {
    let server = try TestServer()
    let client = try RawClient(server.port, receiveBufferBytes: 4096)
    client.send(request("GET", "/big?bytes=3000000"))
    try await Task.sleep(for: .milliseconds(100))
    let response = try client.receiveResponse()
    #expect(response.body.count == 3_000_000)
    await server.stop()
  }

  @Test func aHandlerThatDoesNotReadStopsTheClient() async throws {
    // Time enough for a client that waits for a processor while it sends.
    let server = try TestServer(limits: limits { $0.bodyStallSeconds = 2 }) { router in
      router.on(.post, "/later") { request, writer in
        try await Task.sleep(nanoseconds: 3_500_000_000)
        let body = try await request.body(bytesMax: 64 << 20)
        try await writer.respond(.ok, text: "\(body.count)")
      }
    }
    let client = try RawClient(server.port)
    client.send(request("POST", "/later", "Content-Length: 20000000\r\n"))
    client.send([UInt8](repeating: 1, count: 20_000_000))
    #expect(try client.receiveResponse().text == "20000000")
    await server.stop()
  }

  @Test func malformedRequestsEndTheConnection() async throws {
    let server = try TestServer()
    let cases: [(String, Int)] = [
      (request("POST", "/echo", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400),
      (request("POST", "/echo", "Content-Length: 3\r\nContent-Length: 4\r\n"), 400),
      (request("POST", "/echo", "Content-Length : 3\r\n"), 400),
      (request("GET", "/echo", "A: b\r\n c\r\n"), 400),
      (request("POST", "/echo", "Transfer-Encoding: gzip, chunked\r\n"), 501),
      (request("POST", "/echo", "Transfer-Encoding: chunked\r\n") + "zz\r\n", 400),
      ("\u{16}\u{3}\u{1}", 400), ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ]
    for (text, status) in cases {
      let client = try RawClient(server.port)
      client.send(text + request("GET", "/hello"))
      #expect(try client.receiveResponse().status == status, "\(text)")
      #expect(client.receiveAll() == "", "\(text)")
    }
    await server.stop()
  }

  @Test func twoThousandIdleConnectionsLeaveTheServerQuick() async throws {
    // On a busy machine opening them all takes longer than a head may.
    let server = try TestServer(limits: limits { $0.headSeconds = 120 })
    var idle: [RawClient] = []
    for index in 0..<2000 {
      let client = try RawClient(server.port)
      if index % 2 == 0 { client.send("GET /hello HTTP/1.1\r\n") }
      idle.append(client)
    }
    for _ in 0..<6000 where server.server.connectionCount < 2000 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(server.server.connectionCount == 2000)
    let client = try RawClient(server.port)
    for _ in 0..<100 {
      client.send(request("GET", "/hello"))
      #expect(try client.receiveResponse().status == 200)
    }
    for client in idle.prefix(10) where idle.count > 10 { client.send("Host: a\r\n\r\n") }
    #expect(try idle[0].receiveResponse().status == 200)
    await server.stop()
  }
}

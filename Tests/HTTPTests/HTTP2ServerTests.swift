import Foundation
import LinuxIO
import Synchronization
import Testing

@testable import HTTP

/// HTTP/2 against curl and h2load, and floods as frames by hand.
@Suite struct HTTP2ServerTests {
  private func limits(_ change: (inout HTTPLimits) -> Void) -> HTTPLimits {
    var limits = HTTPLimits()
    change(&limits)
    return limits
  }

  @Test func curlSpeaksIt() async throws {
    let server = try TestServer()
    let base = "http://127.0.0.1:\(server.port)"
    let file = NSTemporaryDirectory() + "sluice-\(UUID().uuidString)"
    let body = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 4) })
    try body.write(to: URL(filePath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    // Two runs: Debian's curl 7.88 sends the preface again on a connection that it reuses.
    let version = ["-sS", "--http2-prior-knowledge", "-w", "%{http_version} %{http_code}"]
    let echoed = try run(
      "curl", version + ["--data-binary", "@" + file, base + "/echo", "-o", file + ".out"])
    guard let echoed else { return }
    #expect(echoed.output == "2 200")
    #expect(
      try run("curl", version + ["-I", base + "/hello", "-o", "/dev/null"])?.output == "2 200")
    #expect(try Data(contentsOf: URL(filePath: file + ".out")) == body)
    try FileManager.default.removeItem(atPath: file + ".out")
    await server.stop()
  }

  @Test func h2loadIsServedWhole() async throws {
    let server = try TestServer()
    let result = try run(
      "h2load",
      [
        "-n", "3000", "-c", "5", "-m", "50", "http://127.0.0.1:\(server.port)/hello",
        "http://127.0.0.1:\(server.port)/big?bytes=70000",
      ])
    guard let result else { return }
    #expect(result.output.contains("3000 succeeded, 0 failed"), "\(result.output)")
    await server.stop()
  }

  @Test func streamsAndTrailersByHand() async throws {
    let server = try TestServer()
    let client = try HTTP2Client(server.port)
    client.send(1, 0x4, 1, HTTP2Client.request("POST", "/stream"))
    client.send(0, 0, 1, Array("abc".utf8))
    client.send(0, 1, 1, Array("def".utf8))
    let response = try client.response(1)
    #expect(response.fields[":status"] == "200")
    #expect(response.fields["x-end"] == "yes")
    #expect(response.body == Array("abcdef".utf8))
    client.send(1, 0x5, 3, HTTP2Client.request("GET", "/label/a%2Fb/values"))
    #expect(try client.response(3).body == Array("a/b".utf8))
    await server.stop()
  }

  @Test func anEarlyAnswerStopsTheUpload() async throws {
    let server = try TestServer()
    let client = try HTTP2Client(server.port)
    client.send(1, 0x4, 1, HTTP2Client.request("POST", "/unread"))
    #expect(try client.response(1).body == Array("unread".utf8))
    // The rest of the request is not wanted: RST_STREAM with NO_ERROR.
    var reset: Int?
    while reset == nil, let frame = client.receive() { reset = frame.errorCode }
    #expect(reset == 0)
    client.send(1, 0x4, 3, HTTP2Client.request("POST", "/small"))
    client.send(0, 1, 3, [UInt8](repeating: 1, count: 101))
    #expect(try client.response(3).fields[":status"] == "413")
    await server.stop()
  }

  @Test func rapidResetsEndTheConnection() async throws {
    let server = try TestServer(limits: limits { $0.resetsBurst = 50 })
    let client = try HTTP2Client(server.port)
    var bytes: [UInt8] = []
    for index in 0..<500 {
      bytes += HTTP2Client.frame(1, 0x5, 2 * index + 1, HTTP2Client.request("GET", "/wait"))
      bytes += HTTP2Client.frame(3, 0, 2 * index + 1, [0, 0, 0, 8])
    }
    client.raw.send(bytes)
    #expect(client.goAway() == 11)
    // Every handler that was started is told.
    for _ in 0..<3000 where server.server.connectionCount > 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    let other = try HTTP2Client(server.port)
    other.send(1, 0x5, 1, HTTP2Client.request("GET", "/hello"))
    #expect(try other.response(1).fields[":status"] == "200")
    await server.stop()
  }

  @Test func provokedResetsCountToo() async throws {
    let server = try TestServer(limits: limits { $0.resetsBurst = 50 })
    let client = try HTTP2Client(server.port)
    var bytes: [UInt8] = []
    for index in 0..<300 {
      // A window update of 0 makes the server reset the stream.
      bytes += HTTP2Client.frame(1, 0x5, 2 * index + 1, HTTP2Client.request("GET", "/wait"))
      bytes += HTTP2Client.frame(8, 0, 2 * index + 1, [0, 0, 0, 0])
    }
    client.raw.send(bytes)
    #expect(client.goAway() != nil)
    await server.stop()
  }

  @Test func continuationFloodsEndTheConnection() async throws {
    let server = try TestServer()
    let client = try HTTP2Client(server.port)
    client.send(1, 0x1, 1, HTTP2Client.request("GET", "/hello"))
    for _ in 0..<1000 {
      client.raw.send(HTTP2Client.frame(9, 0, 1, HTTP2Client.block([("x", "y")])))
    }
    _ = client.goAway()
    for _ in 0..<3000 where server.server.connectionCount > 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(server.server.connectionCount == 0)
    await server.stop()
  }

  @Test(arguments: [
    HTTP2Client.frame(6, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]), HTTP2Client.frame(4, 0, 0, []),
    HTTP2Client.frame(0, 0, 1, []), HTTP2Client.frame(2, 0, 1, [0, 0, 0, 0, 1]),
  ])
  func controlFloodsEndTheConnection(_ frame: [UInt8]) async throws {
    let server = try TestServer(
      limits: limits {
        $0.controlFramesBurst = 100
        $0.controlFramesPerSecond = 10
      })
    let client = try HTTP2Client(server.port)
    client.send(1, 0x4, 1, HTTP2Client.request("POST", "/echo"))
    client.raw.send([[UInt8]](repeating: frame, count: 1000).flatMap { $0 })
    #expect(client.goAway() == 11)
    await server.stop()
  }

  @Test func longHeadsAreAnswered431() async throws {
    let server = try TestServer(limits: limits { $0.headBytesMax = 4000 })
    let client = try HTTP2Client(server.port)
    let long = [("x", String(repeating: "y", count: 5000))]
    client.send(1, 0x5, 1, HTTP2Client.request("GET", "/hello", long))
    #expect(try client.response(1).fields[":status"] == "431")
    let many = (0..<90).map { ("x\($0)", "y") } + [("z", String(repeating: "y", count: 900))]
    client.send(1, 0x5, 3, HTTP2Client.request("GET", "/hello", many))
    #expect(try client.response(3).fields[":status"] == "431")
    client.send(1, 0x5, 5, HTTP2Client.request("GET", "/hello"))
    #expect(try client.response(5).fields[":status"] == "200")
    await server.stop()
  }

  @Test func slowHeadsAndIdlenessEndTheConnection() async throws {
    let server = try TestServer(
      limits: limits {
        $0.headSeconds = 1
        $0.idleSeconds = 0.3
      })
    let slow = try HTTP2Client(server.port)
    slow.send(1, 0x1, 1, Array(HTTP2Client.request("GET", "/hello").prefix(10)))
    _ = slow.goAway()
    let idle = try HTTP2Client(server.port)
    #expect(idle.goAway() == 0)
    let partly = try RawClient(server.port)
    partly.send("PRI * HT")
    #expect(partly.receiveAll().hasPrefix("HTTP/1.1 408"))
    await server.stop()
  }

  @Test func slowAndLongBodiesAreAnswered() async throws {
    let server = try TestServer(
      limits: limits {
        $0.bodyStallSeconds = 1
        $0.bodyBytesMax = 10_000
      })
    let client = try HTTP2Client(server.port)
    client.send(1, 0x4, 1, HTTP2Client.request("POST", "/echo"))
    client.send(0, 0, 1, [1, 2, 3])
    #expect(try client.response(1).fields[":status"] == "408")
    client.send(1, 0x4, 3, HTTP2Client.request("POST", "/echo", [("content-length", "10001")]))
    #expect(try client.response(3).fields[":status"] == "413")
    client.send(1, 0x4, 5, HTTP2Client.request("POST", "/echo"))
    client.send(0, 0, 5, [UInt8](repeating: 1, count: 10_001))
    #expect(try client.response(5).fields[":status"] == "413")
    await server.stop()
  }

  @Test func lengthsThatLieAreReset() async throws {
    let server = try TestServer()
    let client = try HTTP2Client(server.port)
    client.send(1, 0x4, 1, HTTP2Client.request("POST", "/echo", [("content-length", "5")]))
    client.send(0, 1, 1, [1, 2, 3])
    #expect(try client.response(1).reset == 1)
    client.send(1, 0x5, 3, HTTP2Client.request("GET", "/hello", [("connection", "close")]))
    #expect(try client.response(3).reset == 1)
    client.send(1, 0x5, 5, HTTP2Client.block([(":method", "GET"), (":path", "/hello")]))
    #expect(try client.response(5).reset == 1)
    await server.stop()
  }

  @Test func moreStreamsThanAllowedAreRefused() async throws {
    let server = try TestServer(limits: limits { $0.streamsMax = 4 })
    let client = try HTTP2Client(server.port)
    for index in 0..<6 {
      client.send(1, 0x5, 2 * index + 1, HTTP2Client.request("GET", "/gate"))
    }
    var refused = 0
    while refused < 2, let frame = client.receive() {
      if frame.type == 3 {
        #expect(frame.errorCode == 7)
        refused += 1
      }
      if frame.type == 7 { break }
    }
    #expect(refused == 2)
    server.gateIsOpen.withLock { $0 = true }
    await server.stop()
  }

  @Test func uploadsWaitForTheirHandler() async throws {
    let server = try TestServer(
      limits: limits {
        $0.streamWindowBytes = 70_000
        $0.bodyBufferedBytesMax = 10_000
      })
    let client = try HTTP2Client(server.port)
    client.send(1, 0x4, 1, HTTP2Client.request("POST", "/gate"))
    for _ in 0..<5 { client.send(0, 0, 1, [UInt8](repeating: 1, count: 16_000)) }
    // Beyond the window that the handler never opened.
    var codes: [Int] = []
    while codes.last ?? 0 == 0, let frame = client.receive() {
      if let code = frame.errorCode { codes.append(code) }
    }
    #expect(!codes.isEmpty, "the stream or the connection is ended")
    server.gateIsOpen.withLock { $0 = true }
    await server.stop()
  }

  @Test func aClientThatOpensNoWindowSuspendsItsWriter() async throws {
    let written = Mutex(0)
    let server = try TestServer { router in
      router.on(.get, "/endless") { _, writer in
        try await writer.head(.ok)
        while true {
          try await writer.write([UInt8](repeating: 0x61, count: 10_000))
          written.withLock { $0 += 10_000 }
        }
      }
    }
    let client = try HTTP2Client(server.port)
    client.send(1, 0x5, 1, HTTP2Client.request("GET", "/endless"))
    try await Task.sleep(for: .milliseconds(500))
    #expect(written.withLock { $0 } < 1 << 20)
    client.send(3, 0, 1, [0, 0, 0, 8])
    await server.stop()
  }

  @Test func drainingFinishesItsStreams() async throws {
    let server = try TestServer()
    let client = try HTTP2Client(server.port)
    client.send(1, 0x5, 1, HTTP2Client.request("GET", "/gate"))
    while !server.gateIsReached.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
    let drained = try server.startDrain()
    var frame = client.receive()
    while let some = frame, some.type != 7 { frame = client.receive() }
    #expect(frame?.errorCode == 0)
    server.gateIsOpen.withLock { $0 = true }
    #expect(try client.response(1).body == Array("passed".utf8))
    #expect(await drained.value)
  }

  @Test func floodGuardsFillWithTime() {
    var bucket = FloodGuard(burst: 2, perSecond: 10, now: MonotonicTime(nanoseconds: 0))
    let taken = [0, 0, 0, 50_000_000, 150_000_000, 150_000_000].map {
      bucket.take(MonotonicTime(nanoseconds: $0))
    }
    #expect(taken == [true, true, false, false, true, false])
  }
}

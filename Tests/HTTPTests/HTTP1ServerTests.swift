import Foundation
import Synchronization
import Testing

@testable import HTTP

/// HTTP/1.1 as raw bytes against a running server.
@Suite struct HTTP1ServerTests {
  static func request(_ method: String, _ path: String, _ fields: String = "") -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
  }

  @Test func answersWithDateAndLength() async throws {
    let server = try TestServer()
    let client = try RawClient(server.port)
    let asked = Date()
    client.send(Self.request("GET", "/hello"))
    let response = try client.receiveResponse()
    #expect(response.status == 200)
    #expect(response.text == "hello")
    let date = try #require(response.header("date"))
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    let told = try #require(formatter.date(from: date), "\(date)")
    // However long the answer took.
    #expect(told > asked - 5 && told < Date() + 5)
    await server.stop()
  }

  @Test func datesFollowTheCalendar() {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "GMT")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    for seconds in stride(from: Int64(0), to: 5_000_000_000, by: 12_345_677) {
      let expected = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
      let ours = HTTPDate.format(secondsSince1970: seconds)
      #expect(String(decoding: ours, as: UTF8.self) == expected)
    }
  }

  @Test func keepsTheConnectionAndPipelines() async throws {
    let server = try TestServer()
    let client = try RawClient(server.port)
    let echo = Self.request("POST", "/echo", "Content-Length: 5\r\n") + "first"
    client.send(
      echo + Self.request("GET", "/pause") + Self.request("GET", "/hello")
        + Self.request("GET", "/hello", "Connection: close\r\n"))
    #expect(try client.receiveResponse().text == "first")
    #expect(try client.receiveResponse().text == "paused")
    #expect(try client.receiveResponse().text == "hello")
    let last = try client.receiveResponse()
    #expect(last.text == "hello")
    #expect(last.header("connection") == "close")
    #expect(client.receiveAll() == "")
    await server.stop()
  }

  @Test func takesRequestsByteByByte() async throws {
    let server = try TestServer()
    let client = try RawClient(server.port)
    let chunked =
      Self.request("POST", "/echo", "Transfer-Encoding: chunked\r\n")
      + "3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n"
    for byte in (chunked + Self.request("GET", "/hello")).utf8 { client.send([byte]) }
    #expect(try client.receiveResponse().text == "abc0123456789")
    #expect(try client.receiveResponse().text == "hello")
    await server.stop()
  }

  @Test func headHasNoBody() async throws {
    let server = try TestServer()
    let client = try RawClient(server.port)
    client.send(Self.request("HEAD", "/hello") + Self.request("GET", "/hello"))
    let head = try client.receiveResponse(toHead: true)
    #expect(head.status == 200)
    #expect(head.header("content-length") == "5")
    #expect(try client.receiveResponse().text == "hello")
    await server.stop()
  }

  @Test func http10IsClosedUnlessAskedOtherwise() async throws {
    let server = try TestServer()
    let old = try RawClient(server.port)
    old.send("GET /hello HTTP/1.0\r\n\r\n")
    #expect(old.receiveAll().hasSuffix("\r\n\r\nhello"))
    let kept = try RawClient(server.port)
    kept.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    #expect(try kept.receiveResponse().header("connection") == "keep-alive")
    kept.send("GET /big?bytes=5 HTTP/1.0\r\n\r\n")
    #expect(kept.receiveAll().hasSuffix("\r\n\r\naaaaa"))
    await server.stop()
  }

  @Test func continuesWhenTheHandlerReads() async throws {
    let server = try TestServer()
    let client = try RawClient(server.port)
    let fields = "Expect: 100-continue\r\nContent-Length: 4\r\n"
    client.send(Self.request("POST", "/echo", fields))
    #expect(try client.receiveResponse().status == 100)
    client.send("body")
    #expect(try client.receiveResponse().text == "body")
    // A handler that does not read answers at once, and the body never comes.
    client.send(Self.request("POST", "/unread", fields))
    let response = try client.receiveResponse()
    #expect(response.text == "unread")
    #expect(response.header("connection") == "close")
    let other = try RawClient(server.port)
    other.send(Self.request("POST", "/echo", "Expect: tea\r\nContent-Length: 4\r\n"))
    #expect(try other.receiveResponse().status == 417)
    await server.stop()
  }

  @Test func streamsWithTrailers() async throws {
    let server = try TestServer()
    let client = try RawClient(server.port)
    client.send(Self.request("POST", "/stream", "Content-Length: 6\r\n") + "abc")
    client.send("def")
    let response = try client.receiveResponse()
    #expect(response.text == "abcdef")
    #expect(response.header("x-end") == "yes")
    await server.stop()
  }

  @Test func unreadBodiesAreSkippedOrEndTheConnection() async throws {
    let server = try TestServer()
    let client = try RawClient(server.port)
    let small = String(repeating: "x", count: 1000)
    client.send(
      Self.request("POST", "/unread", "Content-Length: 1000\r\n") + small
        + Self.request("GET", "/hello"))
    #expect(try client.receiveResponse().text == "unread")
    #expect(try client.receiveResponse().text == "hello")
    client.send(Self.request("POST", "/unread", "Content-Length: 50000000\r\n"))
    let response = try client.receiveResponse()
    #expect(response.text == "unread")
    #expect(response.header("connection") == "close")
    await server.stop()
  }

  @Test func handlersThatFailOrSayNothingAreAnsweredFor() async throws {
    let server = try TestServer()
    let client = try RawClient(server.port)
    client.send(Self.request("GET", "/fails") + Self.request("GET", "/silent"))
    #expect(try client.receiveResponse().status == 500)
    #expect(try client.receiveResponse().status == 500)
    await server.stop()
  }

  @Test func aClientThatGoesAwayCancelsItsHandler() async throws {
    let server = try TestServer()
    do {
      let client = try RawClient(server.port)
      client.send(Self.request("GET", "/wait"))
      while !server.gateIsReached.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
    }
    for _ in 0..<3000 where server.cancellations.withLock({ $0 }) == 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(server.cancellations.withLock { $0 } == 1)
    await server.stop()
  }

  @Test func largeBodiesComeBackWhole() async throws {
    let server = try TestServer()
    let client = try RawClient(server.port)
    var body = [UInt8](repeating: 0, count: 5_000_000)
    for index in body.indices { body[index] = UInt8(truncatingIfNeeded: index &* 31 >> 3) }
    client.send(Self.request("POST", "/echo", "Content-Length: \(body.count)\r\n"))
    client.send(body)
    #expect(try client.receiveResponse().body == body)
    await server.stop()
  }

  @Test func drainsWhatIsUnderWay() async throws {
    let server = try TestServer()
    let idle = try RawClient(server.port)
    idle.send(Self.request("GET", "/hello"))
    #expect(try idle.receiveResponse().status == 200)
    let busy = try RawClient(server.port)
    busy.send(Self.request("GET", "/gate"))
    while !server.gateIsReached.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
    let drained = try server.startDrain()
    #expect(idle.receiveAll() == "")
    try await Task.sleep(for: .milliseconds(500))
    server.gateIsOpen.withLock { $0 = true }
    let response = try busy.receiveResponse()
    #expect(response.text == "passed")
    #expect(response.header("connection") == "close")
    #expect(await drained.value)
    #expect(!RawClient.canConnect(server.port))
  }
}

import Foundation
import LinuxIO
import Synchronization
import Testing

@testable import HTTP

@Suite struct HTTPClientTests {
  @Test func sendsAndReceives() async throws {
    let server = try TestServer { router in
      router.on(.post, "/fields") { request, writer in
        let body = try await request.body(bytesMax: 100)
        let seen = ["authorization", "x-empty", "expect", "content-type", "user-agent"].map {
          "\($0)=\(request.headers[$0] ?? "-")"
        }
        try await writer.respond(
          .init(418), headers: ["x-body": String(decoding: body, as: UTF8.self)],
          body: Array(seen.joined(separator: "|").utf8))
      }
    }
    var configuration = HTTPClientConfiguration()
    configuration.authorization = .basic(user: "u", password: "p")
    let client = try HTTPClient(configuration)
    let response = try await client.send(
      HTTPClientRequest(
        .post, "http://127.0.0.1:\(server.port)/fields", headers: ["x-empty": ""],
        body: Array("abc".utf8)))
    #expect(response.status == 418)
    #expect(response.headers["X-Body"] == "abc")
    #expect(
      String(decoding: response.body, as: UTF8.self)
        == "authorization=Basic dTpw|x-empty=|expect=-|content-type=-|user-agent=sluice")
    await server.stop()
  }

  @Test func largeBodiesGoBothWays() async throws {
    let server = try TestServer()
    let client = try HTTPClient()
    let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 2) }
    let url = "http://127.0.0.1:\(server.port)/echo"
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<6 {
        group.addTask {
          try await client.send(HTTPClientRequest(.post, url, body: body)).body == body
        }
      }
      for try await same in group { #expect(same) }
    }
    await server.stop()
  }

  @Test func streamsToAReceiver() async throws {
    let server = try TestServer()
    let client = try HTTPClient()
    let received = Mutex(0)
    let base = "http://127.0.0.1:\(server.port)"
    let response = try await client.stream(HTTPClientRequest(.get, base + "/big?bytes=2000000")) {
      piece in
      received.withLock { $0 += piece.count }
      return true
    }
    #expect(response.status == 200)
    #expect(response.body.isEmpty)
    #expect(received.withLock { $0 } == 2_000_000)
    // An error's body is not what the receiver was for.
    let missing = try await client.stream(HTTPClientRequest(.get, base + "/nowhere")) { _ in
      received.withLock { $0 = -1 }
      return true
    }
    #expect(missing.status == 404)
    #expect(!missing.body.isEmpty)
    #expect(received.withLock { $0 } == 2_000_000)
    await server.stop()
  }

  private func kind(of body: () async throws -> HTTPClientResponse) async -> HTTPClientError.Kind? {
    do {
      _ = try await body()
      return nil
    } catch {
      return (error as? HTTPClientError)?.kind
    }
  }

  @Test func errorsTellWhatWentWrong() async throws {
    let server = try TestServer()
    var configuration = HTTPClientConfiguration()
    configuration.responseBytesMax = 1000
    let client = try HTTPClient(configuration)
    let base = "http://127.0.0.1:\(server.port)"
    let free = try TestServer()
    await free.stop()
    #expect(
      await kind { try await client.send(.init(.get, "http://127.0.0.1:\(free.port)/")) }
        == .connection)
    #expect(
      await kind { try await client.send(.init(.get, base + "/wait", timeoutSeconds: 0.2)) }
        == .timedOut)
    #expect(
      await kind { try await client.send(.init(.get, base + "/big?bytes=5000")) }
        == .responseTooLarge)
    #expect(await kind { try await client.send(.init(.get, "file:///etc/passwd")) } == .setup)
    #expect(
      await kind { try await client.send(.init(.get, "https://127.0.0.1:\(server.port)/")) } == .tls
    )
    await server.stop()
  }

  @Test func cancellingBreaksOff() async throws {
    let server = try TestServer()
    let client = try HTTPClient()
    let url = "http://127.0.0.1:\(server.port)/wait"
    let task = Task { await kind { try await client.send(.init(.get, url)) } }
    while !server.gateIsReached.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
    task.cancel()
    #expect(await task.value == .cancelled)
    for _ in 0..<3000 where server.cancellations.withLock({ $0 }) == 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(server.cancellations.withLock { $0 } == 1)
    client.close()
    #expect(await kind { try await client.send(.init(.get, url)) } == .cancelled)
    await server.stop()
  }

  @Test func urlsInMessagesHideSecrets() {
    #expect(
      HTTPClientError.redact("https://user:secret@host:1/path?token=x#y") == "https://host:1/path")
    #expect(HTTPClientError.redact("http://host/a@b") == "http://host/a@b")
  }
}

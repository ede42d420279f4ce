import Compression
import Foundation
import Testing

@testable import HTTP

/// Unary gRPC as frames by hand.
@Suite struct GRPCTests {
  private func server(_ limits: HTTPLimits = HTTPLimits()) throws -> TestServer {
    try TestServer(limits: limits) { router in
      router.grpc("/test.Echo/Echo", messageBytesMax: 17 << 20) { message, _ in message }
      router.grpc("/test.Echo/Fail") { _, _ in
        throw GRPCError(.failedPrecondition, "not 100 % é\n")
      }
      router.grpc("/test.Echo/Busy") { _, _ in
        throw HTTPError(status: .tooManyRequests, "slow down")
      }
      router.grpc("/test.Echo/Slow") { message, _ in
        try await Task.sleep(nanoseconds: 20_000_000_000)
        return message
      }
    }
  }

  private func call(
    _ server: TestServer, _ method: String, _ body: [UInt8], _ more: [(String, String)] = []
  ) throws -> HTTP2Client.Response {
    let client = try HTTP2Client(server.port)
    let fields = [("content-type", "application/grpc"), ("te", "trailers")] + more
    client.send(1, 0x4, 1, HTTP2Client.request("POST", "/test.Echo/" + method, fields))
    var rest = body[...]
    repeat {
      let piece = Array(rest.prefix(16_000))
      rest = rest.dropFirst(16_000)
      client.send(0, rest.isEmpty ? 1 : 0, 1, piece)
    } while !rest.isEmpty
    let response = try client.response(1)
    #expect(response.fields[":status"] == "200")
    #expect(response.isEnded)
    return response
  }

  private func framed(_ message: [UInt8], flag: UInt8 = 0) -> [UInt8] {
    let count = message.count
    return [
      flag, UInt8(count >> 24 & 255), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255),
      UInt8(count & 255),
    ] + message
  }

  @Test func messagesComeBack() async throws {
    let server = try server()
    for count in [0, 1, 40_000] {
      let message = [UInt8](repeating: 5, count: count)
      let response = try call(server, "Echo", framed(message))
      #expect(response.fields["grpc-status"] == "0")
      #expect(response.fields["content-type"] == "application/grpc")
      #expect(response.body == framed(message))
    }
    let message = [UInt8](repeating: 5, count: 30_000)
    let zipped = try Zlib.compress(message, .gzip)
    let response = try call(
      server, "Echo", framed(zipped, flag: 1), [("grpc-encoding", "gzip")])
    #expect(response.fields["grpc-status"] == "0")
    #expect(response.body == framed(message))
    await server.stop()
  }

  @Test func failuresHaveTheirCodes() async throws {
    let server = try server()
    let bomb = try Zlib.compress([UInt8](repeating: 0, count: 18 << 20), .gzip)
    let cases: [(String, [UInt8], [(String, String)], Int)] = [
      ("Nothing", framed([]), [], 12), ("Fail", framed([]), [], 9), ("Busy", framed([]), [], 8),
      ("Echo", [], [], 13), ("Echo", [0, 0, 0], [], 13), ("Echo", [0, 0, 0, 0, 9, 1], [], 13),
      ("Echo", framed([1]) + framed([2]), [], 12), ("Echo", framed([1], flag: 2), [], 13),
      ("Echo", framed([1], flag: 1), [], 13),
      ("Echo", framed([1], flag: 1), [("grpc-encoding", "gzip")], 13),
      ("Echo", framed([1], flag: 1), [("grpc-encoding", "br")], 12),
      ("Echo", framed(bomb, flag: 1), [("grpc-encoding", "gzip")], 8),
      ("Echo", [0, 0xff, 0xff, 0xff, 0xff], [], 8),
      ("Slow", framed([]), [("grpc-timeout", "200m")], 4),
    ]
    for (method, body, fields, code) in cases {
      let response = try call(server, method, body, fields)
      #expect(response.fields["grpc-status"] == "\(code)", "\(method) \(body.prefix(9)) \(fields)")
      if method == "Fail" {
        #expect(response.fields["grpc-message"] == "not 100 %25 %C3%A9%0A")
      }
    }
    await server.stop()
  }

  @Test func timeoutsAreRead() {
    #expect(GRPCCall.timeoutSeconds("10S") == 10)
    #expect(GRPCCall.timeoutSeconds("99999999H") == 359_999_996_400.0)
    #expect(GRPCCall.timeoutSeconds("250m") == 0.25)
    #expect(GRPCCall.timeoutSeconds("5u") == 5e-6)
    for text in ["", "S", "10", "10s", "-1S", "999999999S", "1.5S"] {
      #expect(GRPCCall.timeoutSeconds(text) == nil)
    }
  }

  @Test func http1IsToldToUseHTTP2() async throws {
    let server = try server()
    let client = try RawClient(server.port)
    client.send(
      HTTP1ServerTests.request(
        "POST", "/test.Echo/Echo", "Content-Type: application/grpc\r\nContent-Length: 0\r\n"))
    #expect(try client.receiveResponse().status == 505)
    await server.stop()
  }
}

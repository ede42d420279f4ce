import Compression
import Foundation
import Testing

@testable import HTTP

/// Content-Encoding under limits; bodies made by other programs where they are installed.
@Suite struct BodyDecodingTests {
  private func post(_ server: TestServer, _ coding: String, _ body: [UInt8]) throws
    -> RawClient.Response
  {
    let client = try RawClient(server.port)
    client.send(
      HTTP1ServerTests.request(
        "POST", "/decoded", "Content-Encoding: \(coding)\r\nContent-Length: \(body.count)\r\n"))
    client.send(body)
    return try client.receiveResponse()
  }

  private func compressed(_ count: Int) throws -> [(String, [UInt8])] {
    let plain = [UInt8](repeating: 0x61, count: count)
    return [
      ("gzip", try Zlib.compress(plain, .gzip)), ("X-Gzip", try Zlib.compress(plain, .gzip)),
      ("deflate", try Zlib.compress(plain, .zlib)), ("deflate", try Zlib.compress(plain, .raw)),
      ("zstd", Zstd.compress(plain)), ("snappy", Snappy.compress(plain)),
      ("identity", plain), (" identity , GZIP", try Zlib.compress(plain, .gzip)),
    ]
  }

  @Test func codingsAreTakenOff() async throws {
    let server = try TestServer()
    for (coding, body) in try compressed(100_000) {
      let response = try post(server, coding, body)
      #expect(response.text == "100000", "\(coding): \(response.text)")
    }
    await server.stop()
  }

  @Test func bombsAreAnswered413() async throws {
    let server = try TestServer()
    for (coding, body) in try compressed((1 << 20) + 1) where body.count < 1 << 20 {
      #expect(try post(server, coding, body).status == 413, "\(coding)")
    }
    for (coding, body) in try compressed(300 << 20) where body.count < 1 << 20 {
      #expect(try post(server, coding, body).status == 413, "\(coding)")
    }
    await server.stop()
  }

  @Test func brokenAndUnknownCodingsAreAnswered() async throws {
    let server = try TestServer()
    for (coding, body) in try compressed(100_000) where !coding.contains("identity") {
      #expect(try post(server, coding, Array(body.dropLast(5))).status == 400, "\(coding)")
      #expect(try post(server, coding, [1, 2, 3]).status == 400, "\(coding)")
    }
    #expect(try post(server, "br", [1]).status == 415)
    #expect(try post(server, "gzip, gzip", [1]).status == 415)
    await server.stop()
  }
}

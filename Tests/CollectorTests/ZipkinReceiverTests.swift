import HTTP
import SpanStore
import Testing
import TraceFormats

struct ZipkinReceiverTests {
  private static let json = "application/json"

  /// The rows that were recorded of Zipkin itself, but where real clients need more room.
  @Test(arguments: [
    ("{", 400), ("[]", 202), ("", 202), (#"[{"traceId":"1","id":"2"}]"#, 202),
    (#"[{"id":"2"}]"#, 400), (#"[{"traceId":"zz","id":"2"}]"#, 400),
    (#"[{"traceId":"0","id":"2"}]"#, 400), (#"[{"traceId":"1","id":"2","kind":"BAD"}]"#, 400),
    (#"[{"traceId":"1","id":"2","kind":null,"tags":{"a":null}}]"#, 202),
    (#"[{"traceId":"1","id":"2","tags":{"b":true}}]"#, 400),
    (#"[{"traceId":"1","id":"2","binaryAnnotations":[]}]"#, 400),
  ])
  func statuses(body: String, status: Int) async throws {
    let server = try CollectorServer()
    let answer = try await server.send("/api/v2/spans", type: Self.json, Array(body.utf8))
    #expect(answer.status == status)
    #expect(answer.body.isEmpty == (status == 202))
    let isStored = try server.sink.batches().spanCount == 1
    #expect(isStored == (status == 202 && body.count > 2))
    await server.stop()
  }

  @Test(arguments: [
    // A span with trace id 1 and id 2; the id missing; a trace id of 3 bytes; no message.
    ([0x0a, 20, 0x0a, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0x1a, 8, 0, 0, 0, 0, 0, 0, 0, 2], 202),
    ([0x0a, 10, 0x0a, 8, 0, 0, 0, 0, 0, 0, 0, 1], 400), ([0x0a, 5, 0x0a, 3, 1, 2, 3], 400),
    (Array("[{}]".utf8), 400), ([], 202),
  ])
  func protobufBodies(body: [UInt8], status: Int) async throws {
    let server = try CollectorServer()
    let answer = try await server.send("/api/v2/spans", type: "application/x-protobuf", body)
    #expect(answer.status == status)
    #expect(try server.sink.batches().spanCount == (status == 202 && !body.isEmpty ? 1 : 0))
    await server.stop()
  }

  @Test func aFullStoreAsksToComeAgain() async throws {
    let server = try CollectorServer()
    server.sink.refuse(SpanStoreError(.diskFull, "the disk is full"))
    let answer = try await server.send(
      "/api/v2/spans", Array(#"[{"traceId":"1","id":"2"}]"#.utf8))
    #expect(answer.status == 503)
    #expect(answer.headers["retry-after"] == "1")
    #expect(String(decoding: answer.body, as: UTF8.self) == "the disk is full\n")
    await server.stop()
  }
}

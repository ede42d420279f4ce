import Compression
import HTTP
import SpanStore
import Testing
import TraceFormats

@testable import Collector

struct OTLPReceiverTests {
  private static let protobuf = "application/x-protobuf"
  private static let json = "application/json"

  @Test func spansArriveInBothEncodings() async throws {
    let server = try CollectorServer()
    let batches = otlpRequest(count: 3)
    let first = try await server.send(
      "/v1/traces", type: Self.protobuf, OTLPTraceProtobuf.encode(batches))
    #expect(first.status == 200)
    #expect(first.body == [0x0a, 0])
    #expect(first.headers["content-type"] == Self.protobuf)
    let second = try await server.send(
      "/v1/traces", type: Self.json + "; charset=utf-8", OTLPTraceJSON.encode(batches))
    #expect(second.status == 200)
    #expect(String(decoding: second.body, as: UTF8.self) == #"{"partialSuccess":{}}"#)
    #expect(try server.sink.batches() == batches + batches)
    await server.stop()
  }

  @Test func compressedBodiesArrive() async throws {
    let server = try CollectorServer()
    let batches = otlpRequest(count: 2_000)
    let body = OTLPTraceProtobuf.encode(batches)
    for (name, bytes) in [
      ("gzip", try Zlib.compress(body, .gzip)), ("deflate", try Zlib.compress(body, .zlib)),
    ] {
      let answer = try await server.send("/v1/traces", type: Self.protobuf, encoding: name, bytes)
      #expect(answer.status == 200)
    }
    #expect(try server.sink.batches().spanCount == 4_000)
    await server.stop()
  }

  /// The rows that were recorded of the OpenTelemetry Collector; the wording is our own.
  @Test(arguments: [
    (json, "{", 400), (json, "{}", 200), (json, "", 400), (json, #"{"resourceSpans":[]}"#, 200),
    (json, #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}"#, 400),
    (protobuf, "zz", 400), (protobuf, "", 200), ("text/plain", "x", 415),
  ])
  func statuses(type: String, body: String, status: Int) async throws {
    let server = try CollectorServer()
    let answer = try await server.send("/v1/traces", type: type, Array(body.utf8))
    #expect(answer.status == status)
    if status == 400 { #expect(answer.headers["content-type"] == type) }
    #expect(try server.sink.batches().isEmpty)
    await server.stop()
  }

  @Test func otherMethodsAreNamed() async throws {
    let server = try CollectorServer()
    let answer = try await server.send("/v1/traces", method: .get)
    #expect(answer.status == 405)
    #expect(answer.headers["allow"] == "POST")
    await server.stop()
  }

  @Test func refusalsComeInTheRequestsEncoding() async throws {
    let server = try CollectorServer()
    let text = try await server.send("/v1/traces", type: Self.json, [UInt8(ascii: "{")])
    #expect(String(decoding: text.body, as: UTF8.self).hasPrefix(#"{"code":3,"message":"#))
    let bytes = try await server.send("/v1/traces", type: Self.protobuf, [0xff, 0xff])
    // Field 1: code 3; field 2: the message, as recorded.
    #expect(bytes.body == [0x08, 3, 0x12, 14] + Array("unexpected EOF".utf8))
    await server.stop()
  }

  @Test func spansWithoutIDsAreTold() async throws {
    let server = try CollectorServer()
    let body = OTLPTraceProtobuf.encode(otlpRequest(count: 5, invalid: 2))
    let answer = try await server.send("/v1/traces", type: Self.protobuf, body)
    #expect(answer.status == 200)
    #expect(Array(answer.body.prefix(4)) == [0x0a, UInt8(answer.body.count - 2), 0x08, 2])
    #expect(try server.sink.batches().spanCount == 3)
    let all = OTLPTraceJSON.encode(otlpRequest(count: 2, invalid: 2))
    let text = try await server.send("/v1/traces", type: Self.json, all)
    #expect(
      String(decoding: text.body, as: UTF8.self).contains(#""rejectedSpans":"2""#))
    await server.stop()
  }

  @Test(arguments: [
    (SpanStoreError.Code.overloaded, 503, 14, true), (.diskFull, 503, 14, true),
    (.closed, 503, 14, true), (.failed, 500, 13, false), (.malformed, 400, 3, false),
  ])
  func theStoresRefusalIsPassedOn(
    code: SpanStoreError.Code, status: Int, rpcCode: Int, mayRetry: Bool
  ) async throws {
    let server = try CollectorServer()
    server.sink.refuse(SpanStoreError(code, "no room"))
    let body = OTLPTraceJSON.encode(otlpRequest(count: 1))
    let answer = try await server.send("/v1/traces", type: Self.json, body)
    #expect(answer.status == status)
    #expect((answer.headers["retry-after"] != nil) == mayRetry)
    #expect(
      String(decoding: answer.body, as: UTF8.self)
        == #"{"code":\#(rpcCode),"message":"no room"}"#)
    // What was refused for a time is taken later.
    server.sink.refuse(nil)
    let again = try await server.send("/v1/traces", type: Self.json, body)
    #expect(again.status == 200)
    #expect(try server.sink.batches().spanCount == 1)
    await server.stop()
  }

  @Test func bombsAndLongBodiesAreRefused() async throws {
    var limits = CollectorLimits()
    limits.bodyBytesMax = 10_000
    limits.inflatedBytesMax = 100_000
    limits.decoding.spansMax = 100
    let server = try CollectorServer(limits)
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    for (encoding, body) in [
      ("gzip", try Zlib.compress(zeros, .gzip)), ("deflate", try Zlib.compress(zeros, .zlib)),
      (nil, zeros), (nil, OTLPTraceProtobuf.encode(otlpRequest(count: 101))),
    ] {
      let answer = try await server.send(
        "/v1/traces", type: Self.protobuf, encoding: encoding, body)
      #expect(answer.status == 413)
    }
    let broken = try await server.send("/v1/traces", type: Self.protobuf, encoding: "gzip", [1, 2])
    #expect(broken.status == 400)
    let unknown = try await server.send("/v1/traces", type: Self.protobuf, encoding: "br", [1])
    #expect(unknown.status == 415)
    #expect(try server.sink.batches().isEmpty)
    await server.stop()
  }

  @Test func bytesUnderWayAreBounded() {
    let admission = Admission(bytesMax: 100)
    #expect(admission.enter(1_000), "one body is always let in")
    #expect(!admission.enter(1))
    admission.leave(1_000)
    #expect(admission.enter(60))
    #expect(admission.enter(40))
    #expect(!admission.enter(1))
    admission.leave(60)
    #expect(admission.enter(60))
  }
}
